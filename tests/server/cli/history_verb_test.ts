import { deepEqual, equal, match } from "node:assert/strict";
import { cli, withNode, withStub } from "./harness.ts";

const page = {
  key: "a",
  versions: [
    {
      versionstamp: "00000000000000030000",
      time: "2026-11-23T08:00:03.000000Z",
      op: "delete",
      node: "node1",
      token: "ada",
    },
    {
      versionstamp: "00000000000000020000",
      time: "2026-11-23T08:00:02.000000Z",
      op: "set",
      value: { n: 1 },
      contentType: "application/json",
      expiresAt: null,
      node: "node1",
      token: "",
    },
  ],
  oldest: "00000000000000010000",
  oldestTime: "2026-11-23T08:00:01.000000Z",
  cursor: "c1",
  versionstamp: "00000000000000030000",
};

Deno.test("history follows cursors up to --limit, and asks for no more than it shows", async () => {
  await withStub((request) => {
    const isSecond = request.path.includes("cursor=c1");
    return Response.json(isSecond ? { ...page, versions: [page.versions[1]] } : page);
  }, async (run, sent) => {
    const { exitCode, stdout, stderr } = await run(["history", "a/ä", "--limit", "3"]);
    equal(exitCode, 0);
    deepEqual(sent.map(({ path }) => path), [
      "/v1/history/a/%C3%A4?limit=3&values=false",
      "/v1/history/a/%C3%A4?limit=1&values=false&cursor=c1",
    ]);
    equal(stdout.split("\n").filter((line) => line.includes("node1")).length, 3);
    match(stdout, /delete .* node1\/ada /);
    equal(stderr, "there are more: use --limit\n");
  });
});

Deno.test("history shows values only where it is asked to, and JSON with all pages in one", async () => {
  await withStub(() => Response.json({ ...page, cursor: null }), async (run, sent) => {
    const shown = await run(["history", "a", "--values"]);
    match(shown.stdout, /\{"n":1\}/);
    match(shown.stderr, /older than 2026-11-23T08:00:01.000000Z may be gone/);
    equal(sent[0].path, "/v1/history/a?limit=100");
    const json = JSON.parse((await run(["history", "a", "-o", "json"])).stdout);
    deepEqual([json.versions.length, json.oldest], [2, page.oldest]);
  });
});

Deno.test("history and reads at a version show what a node keeps", async () => {
  await withNode(async (run) => {
    const first = (await run(["put", "a", "one"])).stdout.trim();
    await run(["put", "a", "two", "--ttl", "1h"]);
    await run(["del", "a"]);
    const { stdout } = await run(["history", "a", "--values", "-o", "json"]);
    const { versions } = JSON.parse(stdout);
    deepEqual(
      versions.map(({ op, value }: { op: string; value?: string }) => [op, value ?? null]),
      [["delete", null], ["set", "two"], ["set", "one"]],
    );
    equal(versions[2].versionstamp, first);
    equal(versions[1].expiresAt > versions[1].time, true);
    equal((await run(["get", "a", "--at", first])).stdout, "one");
    equal((await run(["list", "--count", "--at", first])).stdout, "1\n");
    equal((await run(["list", "--count"])).stdout, "0\n");
    equal((await run(["get", "a", "--at", versions[1].time])).stdout, "two");
    const exported = await run(["export", "--at", first]);
    equal(JSON.parse(exported.stdout).value, "one");
  });
});

const misused = [
  ["history"],
  ["history", "a", "--limit", "0"],
  ["get", "a", "--at", "yesterday"],
  ["export", "--at", "2026-11-31T00:00:00Z"],
  ["put", "a", "b", "--ttl", "soon"],
];
for (const args of misused) {
  Deno.test(`ankylo ${args.join(" ")} is wrong usage`, async () => {
    equal((await cli(args)).exitCode, 2);
  });
}
