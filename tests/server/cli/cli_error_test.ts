import { deepEqual, equal } from "node:assert/strict";
import { CliError, oneLine, usageError } from "../../../server/cli/cli_error.ts";

Deno.test("a CliError exits 1 unless it says otherwise, and wrong usage 2", () => {
  deepEqual([new CliError("a", "b").exitCode, usageError("c").exitCode], [1, 2]);
  equal(new CliError("a", "b", { exitCode: 70 }).exitCode, 70);
});

Deno.test("oneLine() leaves no line break", () => equal(oneLine(" a\r\n b\tc "), "a b c"));
