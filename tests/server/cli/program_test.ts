import { deepEqual, equal, match, ok } from "node:assert/strict";
import { buildProgram } from "../../../server/cli/program.ts";
import { cli, fakeIo } from "./harness.ts";

const program = buildProgram(fakeIo().io, () => {});

for (const command of program.commands) {
  Deno.test(`ankylo ${command.name()} --help tells how it is used`, async () => {
    for (const args of [[command.name(), "--help"], ["help", command.name()]]) {
      const { exitCode, stdout, stderr } = await cli(args);
      deepEqual([exitCode, stderr], [0, ""]);
      match(stdout, new RegExp(`^Usage: ankylo ${command.name()} `));
    }
  });
}

Deno.test("ankylo has the verbs that api.md promises", () => {
  const promised = "serve get put del list txn watch history import export bench status members " +
    "shards locate transfer drain add remove promote split merge move rebalance events vacuum " +
    "analyze explain stats hot check backup restore archive help completions";
  const names = program.commands.map((command) => command.name());
  for (const name of promised.split(" ")) ok(names.includes(name), name);
});

Deno.test("ankylo without a verb, help and help config print to stdout", async () => {
  for (const args of [[], ["help"], ["--help"], ["help", "config"]]) {
    const { exitCode, stdout, stderr } = await cli(args);
    deepEqual([exitCode, stderr], [0, ""], args.join(" "));
    ok(stdout.length > 100);
  }
});

for (const args of [["nonsense"], ["help", "nonsense"], ["get", "a", "--nonsense"]]) {
  Deno.test(`ankylo ${args.join(" ")} is wrong usage`, async () => {
    const { exitCode, stdout, stderr } = await cli(args);
    deepEqual([exitCode, stdout], [2, ""]);
    match(stderr, /^ankylo: invalid_usage: [^\n]*nonsense[^\n]*\n$/);
  });
}

Deno.test("runCli() does not print what a reader that has gone cannot read", async () => {
  const { io, outcome } = fakeIo();
  const { runCli } = await import("../../../server/cli/program.ts");
  const broken = { ...io, write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")) };
  const found = outcome(await runCli(["--version"], broken));
  deepEqual([found.exitCode, found.stderr], [1, ""]);
  equal(found.stdout, "");
});
