/**
 * What a watch is asked for, and how it is answered.
 *
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { harness, problem, put } from "../harness.ts";
import { Listener, watching } from "../event_listener.ts";

Deno.test("a watch tells of sets and deletes under a prefix, from now on", async () => {
  const h = harness();
  await put(h, "a/0", "before");
  const response = await h.send("GET", "/v1/watch?prefix=a/");
  equal(response.headers.get("content-type"), "text/event-stream");
  equal(response.headers.get("cache-control"), "no-store");
  equal(response.headers.get("x-accel-buffering"), "no");
  const listener = new Listener(h, response);
  await listener.take(2);
  const versionstamp = await put(h, "a/1", "one");
  await put(h, "b/1", "other");
  deepEqual(await listener.next(), {
    event: "set",
    id: versionstamp,
    data: { key: "a/1", value: "one", contentType: "text/plain", versionstamp, expiresAt: null },
  });
  await h.send("DELETE", "/v1/kv/a/1");
  const deleted = await listener.next();
  deepEqual([deleted?.event, deleted?.data?.key], ["delete", "a/1"]);
  deepEqual(Object.keys(deleted?.data ?? {}), ["key", "versionstamp"]);
  await listener.cancel();
  equal(h.database.watches.size, 0);
});

Deno.test("key watches exactly that key, whose bytes need not be text", async () => {
  const h = harness();
  const listener = await watching(h, "?key=%FF");
  await put(h, "%FFx", "no");
  await put(h, "%FF", "yes", "application/octet-stream");
  const { data } = await listener.next() ?? {};
  deepEqual([data?.keyBase64, data?.valueBase64], ["/w==", btoa("yes")]);
});

Deno.test("prev shows what was there before, or null", async () => {
  const h = harness();
  const first = await put(h, "a", '{\n"n":1}', "application/json");
  const listener = await watching(h, "?prev");
  await h.send("DELETE", "/v1/kv/a");
  await put(h, "a", "two");
  const [deleted, set] = await listener.take(2);
  deepEqual(deleted?.data?.prev, {
    value: { n: 1 },
    contentType: "application/json",
    versionstamp: first,
    expiresAt: null,
  });
  equal(set?.data?.prev, null);
});

Deno.test("a watch goes on behind from, a time, or Last-Event-ID, which wins", async () => {
  const h = harness();
  const first = await put(h, "a", "1");
  h.clock.advance(1_000);
  const second = await put(h, "a", "2");
  const valueOf = async (query: string, headers = {}) => {
    const listener = await watching(h, query, headers);
    return (await listener.next())?.data?.value;
  };
  equal(await valueOf(`?from=${first}`), "2");
  equal(await valueOf("?from=2026-09-21T14:13:21.5Z"), "2");
  equal(await valueOf(`?from=${second}`, { "last-event-id": first }), "2");
  h.clock.advance(1_000);
  const late = watching(h, `?from=${first}`, { "last-event-id": second });
  const third = await put(h, "a", "3");
  equal((await (await late).next())?.id, third);
});

Deno.test("a from that is not kept is a reset that says what is, and the end", async () => {
  const h = harness();
  const first = await put(h, "a", "1");
  h.clock.advance(1_000);
  const oldest = await put(h, "a", "2");
  h.database.watermark = h.database.lastVersion;
  const listener = await watching(h, `?from=${first}`);
  const reset = await listener.next();
  deepEqual([reset?.event, reset?.id], ["reset", undefined]);
  deepEqual([reset?.data?.reason, reset?.data?.oldest, reset?.data?.resume], [
    "vacuumed",
    oldest,
    first,
  ]);
  match(String(reset?.data?.detail), /not kept/);
  equal(await listener.next(), undefined);
});

Deno.test("a watch tells of expiry and of progress", async () => {
  const h = harness();
  await h.send("PUT", "/v1/kv/a?ttl=1s", { body: "x" });
  const listener = await watching(h);
  h.clock.advance(1_500);
  h.database.expire();
  const expired = await listener.next();
  deepEqual([expired?.event, expired?.data?.key], ["expire", "a"]);
  h.clock.advance(5_000);
  h.database.progress();
  const progress = await listener.next();
  equal(progress?.event, "progress");
  equal(String(progress?.id) > String(expired?.id), true);
});

const refused: readonly [string, Record<string, string>?][] = [
  ["?key=a&prefix=a"],
  ["?key="],
  ["?from=yesterday"],
  ["?from=2030-01-01T00:00:00Z"],
  ["?progress=99ms"],
  ["?progress=soon"],
  ["?prev=perhaps"],
  ["?limit=1"],
  ["", { "last-event-id": "yesterday" }],
];
for (const [query, headers = {}] of refused) {
  Deno.test(`a watch with ${query} ${JSON.stringify(headers)} is refused`, async () => {
    const h = harness();
    await problem(await h.send("GET", `/v1/watch${query}`, { headers }), 400, "invalid_request");
    equal(h.database.watches.size, 0);
  });
}

Deno.test("HEAD of a watch opens none", async () => {
  const h = harness();
  const response = await h.send("HEAD", "/v1/watch?prefix=a");
  deepEqual([response.status, response.headers.get("content-type")], [200, "text/event-stream"]);
  equal(h.database.watches.size, 0);
});
