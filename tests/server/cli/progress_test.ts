import { equal, match } from "node:assert/strict";
import { Progress } from "../../../server/cli/progress.ts";
import { fakeIo } from "./harness.ts";

for (const isTerminal of [true, false]) {
  Deno.test(`Progress ${isTerminal ? "draws on" : "is silent without"} a terminal`, () => {
    const { io, outcome } = fakeIo({ isTerminal });
    const progress = new Progress(io, { unit: "keys", total: 10 });
    progress.update(5, 20);
    progress.update(20);
    progress.stop();
    const { stdout, stderr } = outcome(0);
    equal(stdout, "");
    if (isTerminal) match(stderr, /100% \| 20\/20 keys/);
    else equal(stderr, "");
  });
}
