import { deepEqual, equal, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { faultNames } from "./nemesis.ts";
import { simulate } from "./simulate.ts";

const seedsPath = new URL("./seeds.txt", import.meta.url);
const failedSeeds = readFileSync(seedsPath, "utf8").split("\n")
  .map((line) => Number.parseInt(line, 10))
  .filter((seed) => !Number.isNaN(seed));

const seedCount = 80;
const seeds = [...Array.from({ length: seedCount }, (_, index) => index + 1), ...failedSeeds];

Deno.test(`one node keeps its word under faults by chance, ${seeds.length} seeds`, async () => {
  const faults = new Map<string, number>();
  let acknowledgedCount = 0;
  let unknownCount = 0;
  let refusedCount = 0;
  for (const seed of seeds) {
    try {
      const report = await simulate(seed);
      for (const [name, count] of report.faults) faults.set(name, (faults.get(name) ?? 0) + count);
      acknowledgedCount += report.acknowledgedCount;
      unknownCount += report.unknownCount;
      refusedCount += report.refusedCount;
    } catch (error) {
      throw new Error(`Seed ${seed} failed. Again: deno task sim --seed ${seed}`, { cause: error });
    }
  }
  // A run without every outcome and every fault would prove less than it says.
  ok(acknowledgedCount > 10_000, `${acknowledgedCount} acknowledged`);
  ok(unknownCount > 20, `${unknownCount} without an answer`);
  ok(refusedCount > 100, `${refusedCount} refused`);
  deepEqual(faultNames.filter((name) => !faults.has(name)), [], "every fault happened");
});

Deno.test("a seed repeats its run to the byte", async () => {
  for (const seed of [1, 2, 3]) {
    equal((await simulate(seed)).fingerprint, (await simulate(seed)).fingerprint);
  }
});
