import { deepEqual, equal, match } from "node:assert/strict";
import { cli, withNode, withStub } from "./harness.ts";

const versionstamp = "00000000000000030000";
const set = `event: set\ndata: {"key":"a","value":{"n":12345678901234567890},` +
  `"contentType":"application/json","versionstamp":"${versionstamp}","expiresAt":null,` +
  `"prev":null}\n\n`;
const removed = `event: delete\nid: ${versionstamp}\ndata: {"keyBase64":"/w==",` +
  `"versionstamp":"${versionstamp}","prev":{"value":"x\\u001b","contentType":"text/plain"}}\n\n`;
const stream = (text: string) => () =>
  new Response(text, { headers: { "content-type": "text/event-stream" } });

Deno.test("watch prints a line for each event, that cannot disturb a terminal", async () => {
  await withStub(stream(set + removed), async (run, sent) => {
    const args = ["watch", "--prefix", "ä/", "--prev", "--from", versionstamp, "--count", "2"];
    const { exitCode, stdout } = await run(args);
    equal(exitCode, 0);
    deepEqual(stdout.split("\n"), [
      `${versionstamp} set    a {"n":12345678901234567000} (was nothing)`,
      `${versionstamp} delete base64:/w== (was "x\\u001b")`,
      "",
    ]);
    equal(sent[0].path, "/v1/watch?prefix=%C3%A4/&prev=true");
    equal(sent[0].headers.get("last-event-id"), versionstamp);
  });
});

Deno.test("watch prints JSON as it came, with kind and id, and ends in the middle of a commit", async () => {
  await withStub(stream(set + removed), async (run) => {
    const { stdout } = await run(["watch", "-o", "json", "--count", "2"]);
    const [first, second] = stdout.split("\n");
    equal(first.startsWith('{"kind":"set","key":"a","value":{"n":12345678901234567890}'), true);
    deepEqual([JSON.parse(second).kind, JSON.parse(second).id], ["delete", versionstamp]);
    equal((await run(["watch", "-o", "json", "--count", "1"])).stdout.split("\n").length, 2);
  });
});

Deno.test("watch fails with the reason of a reset", async () => {
  const data = { reason: "vacuumed", oldest: "05", resume: "02", detail: "Cannot go on" };
  await withStub(stream(`event: reset\ndata: ${JSON.stringify(data)}\n\n`), async (run) => {
    const { exitCode, stderr } = await run(["watch", "--key", "a"]);
    equal(exitCode, 1);
    match(stderr, /^ankylo: vacuumed: Cannot go on/);
  });
});

Deno.test("watch follows a node from where it is told to", async () => {
  await withNode(async (run) => {
    const first = (await run(["put", "a/1", "one"])).stdout.trim();
    await run(["put", "a/2", "two"]);
    await run(["put", "b/1", "other"]);
    await run(["del", "a/2"]);
    const { stdout } = await run(["watch", "--prefix", "a/", "--from", first, "--count", "2"]);
    deepEqual(stdout.split("\n").map((line) => line.slice(versionstamp.length)), [
      ' set    a/2 "two"',
      " delete a/2",
      "",
    ]);
  });
});

for (const args of [["--prefix", "a", "--key", "a"], ["--count", "0"], ["--from", "soon"]]) {
  Deno.test(`ankylo watch ${args.join(" ")} is wrong usage`, async () => {
    equal((await cli(["watch", ...args])).exitCode, 2);
  });
}
