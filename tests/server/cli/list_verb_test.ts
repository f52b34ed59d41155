import { deepEqual, equal, match } from "node:assert/strict";
import { withNode, withStub } from "./harness.ts";

Deno.test("list prints ranges in either direction, counted or whole", async () => {
  await withNode(async (run) => {
    for (const key of ["a/1", "a/2", "a/3", "b\u001b[1m"]) await run(["put", key, `v ${key}`]);
    const keys = async (...args: string[]) => {
      const { stdout } = await run(["list", ...args, "-o", "json"]);
      return JSON.parse(stdout).entries.map((entry: { key: string }) => entry.key);
    };
    deepEqual(await keys("a/"), ["a/1", "a/2", "a/3"]);
    deepEqual(await keys("--start", "a/2", "--end", "b"), ["a/2", "a/3"]);
    deepEqual(await keys("a/", "--reverse", "--limit", "2"), ["a/3", "a/2"]);
    equal((await run(["list", "a/", "--count"])).stdout, "3\n");
    const all = (await run(["list", "a/", "--all", "--keys-only"])).stdout.trim().split("\n");
    deepEqual(all.map((line) => JSON.parse(line).key), ["a/1", "a/2", "a/3"]);
    const table = await run(["list"], { isTerminal: true, environment: { NO_COLOR: "1" } });
    match(table.stdout, /v a\/1/);
    equal(table.stdout.includes("\u001b"), false);
    const short = await run(["list", "--limit", "1"]);
    match(short.stderr, /there is more/);
    equal((await run(["list", "--limit", "x"])).exitCode, 2);
  });
});

Deno.test("list shows when values expire, where one does", async () => {
  const entry = { key: "a", value: "v", contentType: "text/plain", versionstamp: "01" };
  let expiresAt: string | null = null;
  const page = () => ({ entries: [entry, { ...entry, key: "b", expiresAt }], cursor: null });
  await withStub(() => Response.json(page()), async (run) => {
    equal((await run(["list"])).stdout.includes("expires"), false);
    expiresAt = "2026-11-23T08:00:00.000000Z";
    const { stdout } = await run(["list"]);
    match(stdout, /│ expires /);
    match(stdout, /│ b .*│ 01 +│ 2026-11-23T08:00:00.000000Z │/);
    match((await run(["list", "--keys-only"])).stdout, /│ key │ versionstamp │ expires /);
  });
});
