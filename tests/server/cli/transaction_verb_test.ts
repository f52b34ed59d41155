import { deepEqual, equal, match } from "node:assert/strict";
import { withNode } from "./harness.ts";

Deno.test("txn commits all or nothing, and names the checks that did not hold", async () => {
  await withNode(async (run) => {
    const body = JSON.stringify({
      checks: [{ key: "a", versionstamp: null }],
      mutations: [{ op: "set", key: "a", value: 1 }],
      reads: ["a"],
    });
    const first = await run(["txn", "-"], { stdin: body });
    equal(first.exitCode, 0);
    match(first.stdout, /^committed [0-9a-f]{20}\n/);
    const second = await run(["txn", "-", "-o", "json"], { stdin: body });
    equal(second.exitCode, 1);
    deepEqual(JSON.parse(second.stdout).failedChecks, [0]);
    match(second.stderr, /^ankylo: check_failed: [^\n]*0\n$/);
    match((await run(["txn", "-"], { stdin: "{" })).stderr, /^ankylo: invalid_request: /);
    equal((await run(["txn", "/nowhere/file"])).exitCode, 1);
  });
});
