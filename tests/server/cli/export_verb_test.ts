import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { cli, withNode } from "./harness.ts";

Deno.test("export writes a prefix to a file that is whole when it has its name", async () => {
  await withNode(async (run, _server, folder) => {
    for (const key of ["a/1", "a/2", "b"]) await run(["put", key, key]);
    const outcome = await run(["export", "a/", "--file", `${folder}/a.ndjson`]);
    deepEqual([outcome.exitCode, outcome.stdout], [0, ""]);
    match(outcome.stderr, /exported 2 entries/);
    equal((await Deno.readTextFile(`${folder}/a.ndjson`)).split("\n").length, 3);
    await rejects(() => Deno.stat(`${folder}/a.ndjson.partial`));
  });
});

Deno.test("export fails where the stream ends with a problem", async () => {
  const problem = { type: "/docs#stopping", code: "stopping", detail: "Cannot go on", status: 503 };
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) =>
      new URL(request.url).searchParams.has("count_only")
        ? Response.json({ count: 1 })
        : new Response(`{"key":"a","value":1}\n${JSON.stringify(problem)}\n`),
  );
  const outcome = await cli(["export", "--url", `http://127.0.0.1:${server.addr.port}`]);
  await server.shutdown();
  equal(outcome.exitCode, 1);
  match(outcome.stderr, /ankylo: stopping: /);
});
