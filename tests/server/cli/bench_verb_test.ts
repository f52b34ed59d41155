import { equal, match, ok } from "node:assert/strict";
import { cli, withNode } from "./harness.ts";

for (const mode of ["put", "get", "mixed", "scan"]) {
  Deno.test(`bench --mode ${mode} counts what it sent, and nothing fails`, async () => {
    await withNode(async (run) => {
      const sizes = ["--keys", "50", "--requests", "200", "--connections", "4"];
      const outcome = await run(["bench", "--mode", mode, ...sizes, "-o", "json"]);
      equal(outcome.exitCode, 0, outcome.stderr);
      const found = JSON.parse(outcome.stdout);
      equal(found.requests, 200);
      equal(found.failed, 0);
      ok(found.p50Ms > 0 && found.p50Ms <= found.maxMs);
    });
  });
}

Deno.test("bench refuses two lengths, and a server that is not there", async () => {
  equal((await cli(["bench", "--seconds", "1", "--requests", "1"])).exitCode, 2);
  match((await cli(["bench", "--url", "http://127.0.0.1:1"])).stderr, /^ankylo: unreachable: /);
});
