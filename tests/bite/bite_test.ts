import { deepEqual, ok } from "node:assert/strict";
import { plantEach, resultRow } from "./bite.ts";
import type { PlantedBug } from "./bite.ts";
import { plantedBugs } from "./planted_bugs.ts";

Deno.test("every planted bug is caught", async () => {
  const results = await plantEach(plantedBugs);
  const missed = results.filter(({ outcome }) => outcome !== "caught").map(resultRow);
  deepEqual(missed, []);
  ok(results.length >= 45, `${results.length} bugs`);
});

const tests = ["tests/storage/env/invariant_test.ts"];
const harmless: PlantedBug = {
  name: "a change that breaks nothing",
  file: "storage/env/invariant.ts",
  find: "Assertions that stay on in production.",
  replace: "Assertions that stay on.",
  tests,
};

Deno.test("a change that no test minds, or that does not fit or load, is not called caught", async () => {
  const results = await plantEach([
    harmless,
    { ...harmless, find: "nowhere in the file" },
    { ...harmless, find: "export class", replace: "export klass" },
    { ...harmless, find: "if (!condition)", replace: "if (condition)" },
  ]);
  deepEqual(results.map(({ outcome }) => outcome), ["missed", "does_not_fit", "broken", "caught"]);
});
