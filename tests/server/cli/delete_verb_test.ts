import { deepEqual, equal, match } from "node:assert/strict";
import { withNode } from "./harness.ts";

Deno.test("del removes one key, and tells whether there was one", async () => {
  await withNode(async (run) => {
    await run(["put", "a", "1"]);
    equal((await run(["del", "a"])).stdout, "deleted\n");
    equal((await run(["del", "a"])).stdout, "there was no such key\n");
    equal((await run(["del", "a", "--if-match", "*"])).exitCode, 1);
  });
});

Deno.test("del --prefix removes more keys than one step may, and no other", async () => {
  await withNode(async (run) => {
    let lines = "";
    for (let index = 0; index < 20_001; index++) lines += `{"key":"p/${index}","value":1}\n`;
    await run(["import", "-"], { stdin: lines + '{"key":"p0","value":1}\n{"key":"o","value":1}' });
    const unasked = await run(["del", "--prefix", "p/"]);
    equal(unasked.exitCode, 2);
    match(unasked.stderr, /20001 keys: say so with --yes/);
    const denied = await run(["del", "--prefix", "p/"], { isTerminal: true, answer: false });
    equal(denied.exitCode, 1);
    const done = await run(["del", "--prefix", "p/", "--yes", "-o", "json"]);
    equal(JSON.parse(done.stdout).deleted, 20_001);
    equal((await run(["list", "--count"])).stdout, "2\n");
  });
});

Deno.test("del wants a key or a prefix", async () => {
  await withNode(async (run) => {
    const outcomes = [await run(["del"]), await run(["del", "a", "--prefix", "b"])];
    deepEqual(outcomes.map(({ exitCode }) => exitCode), [2, 2]);
  });
});
