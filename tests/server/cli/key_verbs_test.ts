import { deepEqual, equal, match } from "node:assert/strict";
import { quoted } from "../../../server/cli/key_verbs.ts";
import { cli, withNode } from "./harness.ts";

Deno.test("put and get carry bytes, media types and conditions", async () => {
  await withNode(async (run, _server, folder) => {
    const put = await run(["put", "a/../b ä", "hello"]);
    equal(put.exitCode, 0);
    match(put.stdout, /^[0-9a-f]{20}\n$/);
    equal((await run(["get", "a/../b ä"])).stdout, "hello");

    const bytes = new Uint8Array([0, 255, 10, 13, 128]);
    const key = bytes.toBase64();
    equal((await run(["put", key, "--key-base64"], { stdin: bytes })).exitCode, 0);
    deepEqual((await run(["get", key, "--key-base64"])).bytes, bytes);
    const shown = JSON.parse((await run(["get", key, "--key-base64", "-o", "json"])).stdout);
    deepEqual([shown.keyBase64, shown.valueBase64], [key, key]);
    equal(shown.contentType, "application/octet-stream");

    await Deno.writeFile(`${folder}/value`, bytes);
    const file = ["--file", `${folder}/value`, "--content-type", "image/png"];
    const written = await run(["put", "f", ...file, "--if-absent", "-o", "json"]);
    const { versionstamp } = JSON.parse(written.stdout);
    const again = await run(["put", "f", "x", "--if-absent"]);
    deepEqual([again.exitCode, again.stdout], [1, ""]);
    match(again.stderr, /^ankylo: precondition_failed: [^\n]+\n$/);
    equal((await run(["put", "f", "x", "--if-match", versionstamp])).exitCode, 0);
    equal((await run(["put", "f", "y", "--if-match", versionstamp])).exitCode, 1);
    equal((await run(["get", "f"])).stdout, "x");
  });
});

Deno.test("put with the same --idempotency-key gets the same answer", async () => {
  await withNode(async (run) => {
    const args = ["put", "a", "1", "--idempotency-key", "once"];
    const first = await run(args);
    deepEqual((await run(args)).stdout, first.stdout);
    const other = await run(["put", "a", "2", "--idempotency-key", "once"]);
    match(other.stderr, /^ankylo: idempotency_mismatch: /);
  });
});

Deno.test("get of a key that is not there exits 1 with its code", async () => {
  await withNode(async (run) => {
    const missing = await run(["get", "none"]);
    deepEqual([missing.exitCode, missing.stdout], [1, ""]);
    match(missing.stderr, /^ankylo: key_not_found: [^\n]+\n$/);
  });
});

const misused = [
  ["get"],
  ["get", ".."],
  ["get", "%%", "--key-base64"],
  ["put", "a", "b", "--file", "c"],
  ["put", "a", "b", "--if-match", "c", "--if-absent"],
];
for (const args of misused) {
  Deno.test(`ankylo ${args.join(" ")} is wrong usage`, async () => {
    const { exitCode, stderr } = await cli(args);
    equal(exitCode, 2);
    match(stderr, /^ankylo: invalid_usage: [^\n]+\n$/);
  });
}

Deno.test("quoted() makes an entity tag", () => {
  deepEqual([quoted("a"), quoted('"a"'), quoted("*")], ['"a"', '"a"', "*"]);
});
