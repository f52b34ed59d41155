import { deepEqual, match } from "node:assert/strict";
import { laterVerbs } from "../../../server/cli/later_verbs.ts";
import { cli } from "./harness.ts";

for (const name of Object.keys(laterVerbs)) {
  Deno.test(`ankylo ${name} says that it is not implemented yet`, async () => {
    const { exitCode, stdout, stderr } = await cli([name, "a", "--from", "b"]);
    deepEqual([exitCode, stdout], [1, ""]);
    match(stderr, new RegExp(`^ankylo: not_implemented: Cannot run ${name}: [^\\n]+\\n$`));
  });
}
