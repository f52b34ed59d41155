/**
 * How `.ci/run` counts, shown with a gate that only prints.
 *
 * @module
 */
import { equal } from "node:assert/strict";

const script = new URL("../../.ci/run", import.meta.url).pathname;

/** Runs the script with an `npx` that prints a text and ends with a code. */
function count(printed: string, exitCode: number): { closing: string; code: number } {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/printed`, printed);
    Deno.writeTextFileSync(
      `${folder}/npx`,
      `#!/bin/sh\ncat "${folder}/printed"\nexit ${exitCode}\n`,
      { mode: 0o755 },
    );
    const { code, stdout } = new Deno.Command("bash", {
      args: [script],
      env: { PATH: `${folder}:${Deno.env.get("PATH")}` },
    }).outputSync();
    const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
    return { closing: lines.at(-1) ?? "", code };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const cases = [
  {
    name: "adds up the tests of all runs",
    printed: "ok | 3 passed (5 steps) | 0 failed (1s)\nok | 4 passed | 0 failed | 2 ignored (2s)\n",
    exitCode: 0,
    want: { closing: "7 passed, 0 failed", code: 0 },
  },
  {
    name: "sees through colours",
    printed: "\x1b[0m\x1b[32mok\x1b[0m | 3 passed | 0 failed \x1b[0m(1s)\x1b[0m\n",
    exitCode: 0,
    want: { closing: "3 passed, 0 failed", code: 0 },
  },
  {
    name: "counts failed tests and each failed step",
    printed: "FAILED | 8 passed | 2 failed (2 steps) (1s)\n" +
      "gate: ok lint (1 s)\ngate: FAILED types (1 s)\ngate: FAILED tests (1 s)\n",
    exitCode: 1,
    want: { closing: "8 passed, 4 failed", code: 1 },
  },
  {
    name: "counts a gate that said nothing of its failure",
    printed: "ok | 3 passed | 0 failed (1s)\n",
    exitCode: 1,
    want: { closing: "3 passed, 1 failed", code: 1 },
  },
  {
    name: "counts a gate that was stopped",
    printed: "ok | 3 passed | 0 failed (1s)\n",
    exitCode: 124,
    want: { closing: "3 passed, 1 failed", code: 1 },
  },
  {
    name: "fails where no test ran",
    printed: "gate: ok lint (1 s)\n",
    exitCode: 0,
    want: { closing: "0 passed, 1 failed", code: 1 },
  },
  {
    name: "takes no line for a summary that only speaks of one",
    printed: "it said ok | 9 passed | 0 failed\nok | 1 passed | 0 failed (1s)\n",
    exitCode: 0,
    want: { closing: "1 passed, 0 failed", code: 0 },
  },
];

for (const { name, printed, exitCode, want } of cases) {
  Deno.test(`.ci/run ${name}`, () => {
    const { closing, code } = count(printed, exitCode);
    equal(closing, want.closing);
    equal(code, want.code);
  });
}
