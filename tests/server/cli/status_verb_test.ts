import { equal, match } from "node:assert/strict";
import { cli, withNode } from "./harness.ts";

Deno.test("status shows the node as a table and as JSON", async () => {
  await withNode(async (run) => {
    match((await run(["status"])).stdout, /node +│ n7/);
    equal(JSON.parse((await run(["status", "-o", "json"])).stdout).node, "n7");
  }, { name: "n7" });
});

Deno.test("status takes the token from flag or environment", async () => {
  await withNode(async (run) => {
    match((await run(["status"])).stderr, /^ankylo: unauthorized: /);
    equal((await run(["status", "--token", "t"])).exitCode, 0);
    equal((await run(["status"], { environment: { ANKYLO_TOKEN: "t" } })).exitCode, 0);
  }, { accessToken: "t" });
});

Deno.test("status tries the next URL where none listens at the first", async () => {
  await withNode(async (_run, server) => {
    const url = `http://127.0.0.1:1,${server.url}`;
    equal((await cli(["status", "--url", url])).exitCode, 0);
    equal((await cli(["status"], { environment: { ANKYLO_URL: url } })).exitCode, 0);
    const none = await cli(["status", "--url", "http://127.0.0.1:1"]);
    equal(none.exitCode, 1);
    match(none.stderr, /^ankylo: unreachable: [^\n]+\n$/);
    equal((await cli(["status", "--url", "localhost"])).exitCode, 2);
  });
});
