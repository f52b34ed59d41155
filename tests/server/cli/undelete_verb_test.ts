import { deepEqual, equal, match } from "node:assert/strict";
import { withNode, withStub } from "./harness.ts";

const stamp = (version: number) => `${version.toString(16).padStart(16, "0")}0000`;

/** A server whose key has that value now, and was set at 2, deleted at 3. */
function answers(current: string | undefined) {
  return ({ method, path }: { method: string; path: string }): Response => {
    if (method === "HEAD") {
      const headers = current === undefined ? undefined : { etag: current };
      return new Response(null, { status: current === undefined ? 404 : 200, headers });
    }
    if (method === "POST") return Response.json({ versionstamp: stamp(9) });
    const isFirst = !path.includes("cursor=");
    const versions = isFirst
      ? [{ op: "delete", versionstamp: stamp(3) }]
      : [{ op: "set", versionstamp: stamp(2) }, { op: "set", versionstamp: stamp(1) }];
    return Response.json({ versions, cursor: isFirst ? "c" : null });
  };
}

Deno.test("undelete writes the newest value before the deletion, unless somebody writes meanwhile", async () => {
  await withStub(answers(undefined), async (run, sent) => {
    const { exitCode, stdout } = await run(["undelete", "a", "--ttl", "30m"]);
    deepEqual([exitCode, stdout], [0, `${stamp(9)}\n`]);
    const post = sent[sent.length - 1];
    equal(post.path, "/v1/history/a");
    deepEqual(JSON.parse(post.body), { revertTo: stamp(2), ttl: "30m" });
    deepEqual([post.headers.get("if-none-match"), post.headers.get("if-match")], ["*", null]);
  });
});

Deno.test("undelete --to replaces the value that the key has, and no other", async () => {
  await withStub(answers('"tag"'), async (run, sent) => {
    const { stdout } = await run(["undelete", "a", "--to", "2026-11-23T08:00:00Z", "-o", "json"]);
    deepEqual(JSON.parse(stdout), {
      versionstamp: stamp(9),
      revertedTo: "2026-11-23T08:00:00Z",
    });
    const post = sent[sent.length - 1];
    deepEqual([post.headers.get("if-none-match"), post.headers.get("if-match")], [null, '"tag"']);
  });
});

Deno.test("undelete leaves a key alone that has a value", async () => {
  await withStub(answers('"tag"'), async (run, sent) => {
    const { exitCode, stderr } = await run(["undelete", "a"]);
    equal(exitCode, 1);
    match(stderr, /^ankylo: key_exists: [^\n]+--to\n$/);
    equal(sent.some(({ method }) => method === "POST"), false);
  });
});

Deno.test("undelete says where nothing is kept", async () => {
  await withStub(
    ({ method }) =>
      method === "HEAD"
        ? new Response(null, { status: 404 })
        : Response.json({ versions: [], cursor: null }),
    async (run) => {
      match((await run(["undelete", "a"])).stderr, /^ankylo: no_value: /);
    },
  );
});

Deno.test("undelete brings a deleted value back from a node", async () => {
  await withNode(async (run) => {
    await run(["put", "a", '{"n":1}', "-t", "application/json"]);
    await run(["del", "a"]);
    equal((await run(["undelete", "a"])).exitCode, 0);
    equal((await run(["get", "a"])).stdout, '{"n":1}');
    equal((await run(["undelete", "a"])).exitCode, 1);
  });
});
