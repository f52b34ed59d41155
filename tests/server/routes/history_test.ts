/**
 * The versions of a key over HTTP, and going back to one.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { packMessage, unpackMessage } from "../../../server/wire/message_pack.ts";
import { type Harness, harness, problem, put } from "../harness.ts";

interface Shown {
  readonly versionstamp: string;
  readonly op: string;
  readonly value?: unknown;
}

async function history(h: Harness, path: string) {
  const response = await h.send("GET", `/v1/history/${path}`);
  equal(response.status, 200, path);
  return await response.json();
}

const stampsOf = (page: { versions: Shown[] }) => page.versions.map((one) => one.versionstamp);

Deno.test("a history has sets, deletes and expiries, newest first, with their writers", async () => {
  const h = harness({ tokens: [{ name: "writer", token: "secret" }] });
  const headers = { authorization: "Bearer secret" };
  const send = async (method: string, path: string, body?: string) =>
    await (await h.send(method, path, { body, headers })).json();
  const first = await send("PUT", "/v1/kv/a?ttl=1s", "1");
  h.clock.advance(2_000);
  h.database.expire();
  const second = await send("PUT", "/v1/kv/a", "2");
  const third = await send("DELETE", "/v1/kv/a");
  const page = await send("GET", "/v1/history/a");
  deepEqual(Object.keys(page), [
    "key",
    "versions",
    "oldest",
    "oldestTime",
    "cursor",
    "versionstamp",
  ]);
  deepEqual(page.versions.map((one: Shown) => one.op), ["delete", "set", "expire", "set"]);
  const [deleted, set, expired, lapsed] = page.versions;
  equal(deleted.versionstamp, third.versionstamp);
  equal(set.versionstamp, second.versionstamp);
  deepEqual([set.node, set.token, set.expiresAt], ["node1", "writer", null]);
  deepEqual([expired.node, expired.token, "value" in expired], ["", "", false]);
  equal(lapsed.versionstamp, first.versionstamp);
  equal(lapsed.expiresAt, "2026-09-21T14:13:22.000001Z");
  deepEqual([page.key, page.cursor], ["a", null]);
});

Deno.test("a history comes in pages, each behind the one before", async () => {
  const h = harness();
  const stamps: string[] = [];
  for (let index = 0; index < 5; index++) stamps.unshift(await put(h, "a", `v${index}`));
  const first = await history(h, "a?limit=2");
  deepEqual(stampsOf(first), stamps.slice(0, 2));
  equal(first.cursor, stamps[1]);
  const second = await history(h, `a?limit=2&cursor=${first.cursor}`);
  deepEqual(stampsOf(second), stamps.slice(2, 4));
  const last = await history(h, `a?limit=2&cursor=${second.cursor}`);
  deepEqual([stampsOf(last), last.cursor], [stamps.slice(4), null]);
  deepEqual(stampsOf(await history(h, `a?cursor=${stamps[4]}`)), []);
});

Deno.test("a page of a history has 100 versions unless it is asked for more", async () => {
  const h = harness();
  for (let index = 0; index < 101; index++) await put(h, "a", "x");
  equal((await history(h, "a")).versions.length, 100);
  equal((await history(h, "a?limit=10000")).versions.length, 101);
  for (const limit of ["0", "10001", "x"]) {
    await problem(await h.send("GET", `/v1/history/a?limit=${limit}`), 400, "invalid_request");
  }
});

Deno.test("a page of a history ends before its values take more than 16 MiB", async () => {
  const h = harness();
  for (let index = 0; index < 18; index++) await put(h, "a", "x".repeat(1_000_000));
  const first = await history(h, "a");
  equal(first.versions.length, 16);
  equal((await history(h, `a?cursor=${first.cursor}`)).versions.length, 2);
  equal(
    (await history(h, "a?values=false")).versions.length,
    18,
    "what is not shown weighs nothing",
  );
});

Deno.test("values=false leaves the values out, and exact shows them to the byte", async () => {
  const h = harness();
  await put(h, "a", '{\n"n":1}', "application/json");
  const [bare] = (await history(h, "a?values=false")).versions;
  deepEqual(["value" in bare, bare.contentType], [false, "application/json"]);
  const [shown] = (await history(h, "a?values=true")).versions;
  deepEqual(shown.value, { n: 1 });
  const [exact] = (await history(h, "a?exact")).versions;
  equal(exact.valueBase64, btoa('{\n"n":1}'));
});

Deno.test("a history without anything is 404, and one that was vacuumed says how far", async () => {
  const h = harness();
  const missing = await problem(await h.send("GET", "/v1/history/a"), 404, "key_not_found");
  equal(missing.key, "a");
  await put(h, "a", "1");
  const second = await put(h, "a", "2");
  const third = await put(h, "a", "3");
  h.database.watermark = h.database.lastVersion - 1;
  const page = await history(h, "a");
  deepEqual([stampsOf(page), page.oldest], [[third, second], second]);
  for (const query of ["cursor=x", "cursor=", "values=2", "at=1"]) {
    await problem(await h.send("GET", `/v1/history/a?${query}`), 400, "invalid_request");
  }
});

Deno.test("a history travels as MessagePack with raw bytes", async () => {
  const h = harness();
  await h.send("PUT", "/v1/kv/%ff", { body: Uint8Array.of(1) });
  const headers = { accept: "application/msgpack" };
  const response = await h.send("GET", "/v1/history/%ff", { headers });
  const page = unpackMessage(await response.bytes()) as { key: Uint8Array; versions: Shown[] };
  deepEqual([...page.key], [0xff]);
  deepEqual([...page.versions[0].value as Uint8Array], [1]);
  equal((await history(h, "%ff")).keyBase64, "/w==");
});

Deno.test("a revert writes what was there once more, by version and by time", async () => {
  const h = harness();
  const first = await put(h, "a", "one");
  h.clock.advance(1_000);
  await put(h, "a", "two");
  const response = await h.post("/v1/history/a", { revertTo: first, ttl: "1s" });
  const { versionstamp } = await response.json();
  equal(response.headers.get("etag"), `"${versionstamp}"`);
  equal(response.headers.get("ankylo-session"), versionstamp);
  const read = await h.send("GET", "/v1/kv/a");
  equal(await read.text(), "one");
  equal(read.headers.get("etag"), `"${versionstamp}"`);
  equal(read.headers.has("expires"), true);
  const body = packMessage({ revertTo: "2026-09-21T14:13:22.5Z" });
  h.clock.advance(1_000);
  const headers = { "content-type": "application/msgpack", accept: "application/msgpack" };
  equal((await h.send("POST", "/v1/history/a", { body, headers })).status, 200);
  equal((await history(h, "a")).versions.length, 4);
  equal((await h.send("GET", "/v1/kv/a")).status, 200, "without ttl it stays");
});

Deno.test("a revert obeys conditions, and an Idempotency-Key repeats its answer", async () => {
  const h = harness();
  const first = await put(h, "a", "one");
  const second = await put(h, "a", "two");
  const stale = { "if-match": `"${first}"` };
  const refused = await h.post("/v1/history/a", { revertTo: first }, stale);
  equal((await problem(refused, 412, "precondition_failed")).versionstamp, second);
  const once = { "if-match": `"${second}"`, "idempotency-key": "once" };
  const done = await (await h.post("/v1/history/a", { revertTo: first }, once)).text();
  equal(await (await h.post("/v1/history/a", { revertTo: first }, once)).text(), done);
  const other = await h.post("/v1/history/a", { revertTo: second }, once);
  await problem(other, 422, "idempotency_mismatch");
  const absent = { "if-none-match": "*" };
  await problem(
    await h.post("/v1/history/a", { revertTo: first }, absent),
    412,
    "precondition_failed",
  );
});

Deno.test("a revert is refused where there was no value, and where nothing is kept", async () => {
  const h = harness();
  const first = await put(h, "a", "one");
  h.clock.advance(1_000);
  const early = { revertTo: "2026-09-21T14:13:20Z" };
  equal((await problem(await h.post("/v1/history/a", early), 404, "key_not_found")).key, "a");
  await put(h, "a", "two");
  h.database.watermark = h.database.lastVersion;
  const gone = await h.post("/v1/history/a", { revertTo: first });
  const { oldest, oldestTime } = await problem(gone, 410, "version_vacuumed");
  deepEqual([oldest, oldestTime], ["00065bfeda4464810000", "2026-09-21T14:13:22.000001Z"]);
});

const wrong: [string, unknown, string?][] = [
  ["nothing to go back to", {}, "revertTo"],
  ["a number", { revertTo: 7 }, "revertTo"],
  ["text that is no version", { revertTo: "yesterday" }, "revertTo"],
  ["a ttl that is none", { revertTo: "00000000000000010000", ttl: "0s" }, "ttl"],
  ["an unknown field", { revertTo: "00000000000000010000", to: 1 }, "to"],
  ["a time to come", { revertTo: "2030-01-01T00:00:00Z" }],
  ["no object", []],
];
for (const [name, body, field] of wrong) {
  Deno.test(`a revert refuses ${name}`, async () => {
    const answer = await problem(
      await harness().post("/v1/history/a", body),
      400,
      "invalid_request",
    );
    if (field !== undefined) equal(answer.field, field);
  });
}

Deno.test("a revert refuses a body that is too long or of another type", async () => {
  const h = harness();
  const long = await h.post("/v1/history/a", { revertTo: "x".repeat(70_000) });
  await problem(long, 413, "request_too_large");
  const typed = await h.send("POST", "/v1/history/a", { body: "{}" });
  await problem(typed, 415, "unsupported_media_type");
});
