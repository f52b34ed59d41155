/**
 * Lists, cursors, counts and range deletes over HTTP.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { buildApp } from "../../../server/app.ts";
import { appConfig } from "../../../server/context.ts";
import { unpackMessage } from "../../../server/wire/message_pack.ts";
import { silentLogger } from "../../../storage/env/mod.ts";
import { type Harness, harness, idleNode, problem, put } from "../harness.ts";

async function filled(count: number, config = {}): Promise<Harness> {
  const h = harness(config);
  for (let index = 0; index < count; index++) {
    await put(h, `k${String(index).padStart(4, "0")}`, `v${index}`);
  }
  return h;
}

async function list(h: Harness, query: string) {
  const response = await h.send("GET", `/v1/kv?${query}`);
  equal(response.status, 200, query);
  return await response.json();
}

const keysOf = (page: { entries: { key: string }[] }) => page.entries.map((entry) => entry.key);

Deno.test("the golden body of a list", async () => {
  const h = harness();
  const one = await put(h, "a", "text");
  const two = await put(h, "b", '{ "n": 1,\n "m": [] }', "application/json");
  const three = await put(h, "c", "bytes", "image/png");
  const response = await h.send("GET", "/v1/kv");
  equal(
    await response.text(),
    `{"entries":[{"key":"a","value":"text","contentType":"text/plain","versionstamp":"${one}",` +
      `"expiresAt":null},{"key":"b","value":{ "n": 1,  "m": [] },"contentType":"application/json",` +
      `"versionstamp":"${two}","expiresAt":null},{"key":"c","valueBase64":"Ynl0ZXM=",` +
      `"contentType":"image/png","versionstamp":"${three}","expiresAt":null}],"cursor":null,` +
      `"versionstamp":"${three}"}`,
  );
});

const ranges: [string, string[]][] = [
  ["", ["k0000", "k0001", "k0002", "k0003"]],
  ["prefix=k000", ["k0000", "k0001", "k0002", "k0003"]],
  ["prefix=k0001", ["k0001"]],
  ["start=k0001", ["k0001", "k0002", "k0003"]],
  ["end=k0001", ["k0000"]],
  ["start=k0001&end=k0003", ["k0001", "k0002"]],
  ["prefix=k&start=a&end=k0001", ["k0000"]],
  ["prefix=j&start=k0001", []],
  ["start=k0003&end=k0001", []],
  ["start=k0001&end=k0001", []],
  ["reverse=true", ["k0003", "k0002", "k0001", "k0000"]],
  ["reverse&end=k0002", ["k0001", "k0000"]],
  ["keys_only=1", ["k0000", "k0001", "k0002", "k0003"]],
  ["prefix=%6b%30", ["k0000", "k0001", "k0002", "k0003"]],
  ["prefix=k%2B+", []],
];
for (const [query, want] of ranges) {
  Deno.test(`GET /v1/kv?${query} lists the range`, async () => {
    const page = await list(await filled(4), query);
    deepEqual(keysOf(page), want);
    equal(page.cursor, null);
    if (query.startsWith("keys_only")) equal("value" in page.entries[0], false);
  });
}

Deno.test("a prefix of 0xff bytes has no end", async () => {
  const h = harness();
  await h.send("PUT", "/v1/kv/%ff%ff", { body: "x" });
  const page = await list(h, "prefix=%ff");
  deepEqual(page.entries.map((entry: { keyBase64: string }) => entry.keyBase64), ["//8="]);
});

for (const reverse of [false, true]) {
  Deno.test(`every page of a cursor sees one version, reverse=${reverse}`, async () => {
    const h = await filled(7);
    const first = await list(h, `limit=3&reverse=${reverse}`);
    await put(h, "k0005", "changed");
    await put(h, "k00055", "new");
    await h.send("DELETE", "/v1/kv/k0001");
    const second = await list(h, `limit=3&cursor=${first.cursor}`);
    const third = await list(h, `limit=3&reverse=${reverse}&cursor=${second.cursor}`);
    const entries = [...first.entries, ...second.entries, ...third.entries];
    const want = Array.from({ length: 7 }, (_, index) => `v${index}`);
    deepEqual(entries.map((entry) => entry.value), reverse ? want.reverse() : want);
    deepEqual(
      [first.versionstamp, second.versionstamp, third.cursor],
      [third.versionstamp, third.versionstamp, null],
    );
    equal(h.database.holds.size, 0, "the last page lets the version go");
  });
}

Deno.test("a limit has bounds, and 100 is the default", async () => {
  const h = await filled(101);
  equal((await list(h, "")).entries.length, 100);
  equal((await list(h, "limit=1")).entries.length, 1);
  equal((await list(h, "limit=9999")).entries.length, 101);
  equal((await list(h, "limit=10000")).entries.length, 101);
  for (const limit of ["0", "10001", "-1", "1.5", "x", ""]) {
    const refused = await h.send("GET", `/v1/kv?limit=${limit}`);
    equal((await problem(refused, 400, "invalid_request")).limit, 10_000);
  }
});

Deno.test("a cursor lets its version go 60 s after its last page, and is then 410", async () => {
  const h = await filled(5);
  const first = await list(h, "limit=1");
  equal(h.database.holds.size, 1);
  h.clock.advance(59_000);
  const second = await list(h, `limit=1&cursor=${first.cursor}`);
  h.clock.advance(59_000);
  equal(h.database.holds.size, 1, "the second page put it off");
  h.clock.advance(3_000);
  equal(h.database.holds.size, 0);
  const late = await h.send("GET", `/v1/kv?cursor=${second.cursor}`);
  await problem(late, 410, "cursor_expired");
  equal(h.clock.timerCount, 1, "only the sampler's timer is left");
});

Deno.test("a cursor outlives a restart while its version is kept", async () => {
  const h = await filled(5);
  const first = await list(h, "limit=1");
  h.closing.abort();
  equal(h.database.holds.size, 0, "stopping lets every version go");
  const app = buildApp({
    database: h.database,
    node: idleNode(),
    clock: h.clock,
    logger: silentLogger,
    config: appConfig(),
    closing: new AbortController().signal,
    onFatal() {},
  });
  const again = await app.request(`/v1/kv?limit=9&cursor=${first.cursor}`);
  equal((await again.json()).entries.length, 4);
  equal(h.database.holds.size, 0);
  await put(h, "later", "x");
  h.database.watermark = h.database.lastVersion;
  const gone = await app.request(`/v1/kv?limit=9&cursor=${first.cursor}`);
  await problem(gone, 410, "cursor_expired");
});

Deno.test("a cursor is refused where it is damaged or made for another range", async () => {
  const h = await filled(5);
  const { cursor } = await list(h, "prefix=k&limit=1");
  const damaged = cursor.slice(0, 5) + (cursor[5] === "A" ? "B" : "A") + cursor.slice(6);
  for (
    const query of [
      `cursor=${damaged}`,
      `cursor=${cursor.slice(0, -4)}`,
      "cursor=",
      "cursor=%ff",
      `prefix=k0&cursor=${cursor}`,
      `reverse=true&cursor=${cursor}`,
      `keys_only=true&cursor=${cursor}`,
      `count_only=true&cursor=${cursor}`,
    ]
  ) {
    await problem(await h.send("GET", `/v1/kv?${query}`), 400, "invalid_request");
  }
  equal((await list(h, `prefix=k&cursor=${cursor}`)).entries.length, 4);
});

Deno.test("holds are bounded: a list beyond them shares one, and sees its own version", async () => {
  const h = await filled(4, { cursorCountMax: 2 });
  for (let count = 0; count < 5; count++) await list(h, "limit=1&prefix=k");
  await put(h, "k0003", "seen");
  const { cursor, versionstamp } = await list(h, "limit=1&prefix=k");
  equal(h.database.holds.size, 2);
  await put(h, "k0003", "too late");
  const second = await list(h, `limit=1&cursor=${cursor}`);
  const last = await list(h, `limit=9&cursor=${second.cursor}`);
  equal(last.versionstamp, versionstamp);
  equal(last.entries.at(-1).value, "seen");
  equal(h.database.holds.size, 2, "others may share the hold");
  h.clock.advance(61_000);
  equal(h.database.holds.size, 0);
  await problem(
    await h.send("GET", `/v1/kv?cursor=${second.cursor}`),
    410,
    "cursor_expired",
  );
});

Deno.test("count_only counts", async () => {
  const h = await filled(5);
  const page = await list(h, "prefix=k&count_only=true&start=k0002");
  deepEqual(Object.keys(page), ["count", "versionstamp"]);
  equal(page.count, 3);
});

Deno.test("a list in MessagePack has raw bytes where JSON has base64", async () => {
  const h = harness();
  await put(h, "a", '{"n":1}', "application/json");
  await h.send("PUT", "/v1/kv/%ff", { body: new Uint8Array([1, 2]) });
  const response = await h.send("GET", "/v1/kv", { headers: { accept: "application/msgpack" } });
  const page = unpackMessage(await response.bytes()) as {
    entries: { key: unknown; value: unknown }[];
  };
  deepEqual(page.entries.map(({ key, value }) => [key, value]), [
    ["a", { n: 1 }],
    [Uint8Array.of(0xff), Uint8Array.of(1, 2)].map((bytes) => new Uint8Array(bytes)),
  ]);
});

Deno.test("DELETE removes a range in one step", async () => {
  const h = await filled(5);
  const response = await h.send("DELETE", "/v1/kv?start=k0001&end=k0003");
  const body = await response.json();
  equal(body.deleted, 2);
  equal(response.headers.get("ankylo-session"), body.versionstamp);
  deepEqual(keysOf(await list(h, "")), ["k0000", "k0003", "k0004"]);
  equal((await (await h.send("DELETE", "/v1/kv?start=z&end=a")).json()).deleted, 0);
});

Deno.test("DELETE of a range needs one, and refuses more than 10,000 keys", async () => {
  const h = harness();
  await problem(await h.send("DELETE", "/v1/kv"), 400, "invalid_request");
  const set = (index: number) => ({ op: "set", key: `k${index}`, value: "" });
  await h.post("/v1/batch", { operations: Array.from({ length: 10_000 }, (_, i) => set(i)) });
  await put(h, "l", "one too many");
  const refused = await problem(await h.send("DELETE", "/v1/kv?prefix="), 400, "invalid_request");
  equal(refused.limit, 10_000);
  equal((await (await h.send("DELETE", "/v1/kv?prefix=k")).json()).deleted, 10_000);
});

Deno.test("at= shows lists and counts as they were, on every page", async () => {
  const h = await filled(5);
  const then = (await list(h, "limit=1")).versionstamp;
  h.clock.advance(1_000);
  await h.send("DELETE", "/v1/kv?prefix=k000");
  await put(h, "k9", "new");
  deepEqual(keysOf(await list(h, "")), ["k9"]);
  equal((await list(h, `count_only&at=${then}`)).count, 5);
  equal((await list(h, "count_only&at=2026-09-21T14:13:21.5Z")).count, 5);
  const first = await list(h, `limit=2&at=${then}`);
  equal(first.versionstamp, then);
  const second = await list(h, `limit=2&at=${then}&cursor=${first.cursor}`);
  const third = await list(h, `cursor=${second.cursor}`);
  deepEqual([...keysOf(first), ...keysOf(second), ...keysOf(third)], [
    "k0000",
    "k0001",
    "k0002",
    "k0003",
    "k0004",
  ]);
});

Deno.test("at= is refused ahead of the clock, beside another cursor, and where it is vacuumed", async () => {
  const h = await filled(5);
  const { cursor, versionstamp } = await list(h, "limit=1");
  await put(h, "k9", "new");
  for (const query of [`at=${"0".repeat(16)}0000&cursor=${cursor}`, "at=2030-01-01T00:00:00Z"]) {
    await problem(await h.send("GET", `/v1/kv?${query}`), 400, "invalid_request");
  }
  h.database.watermark = h.database.lastVersion;
  for (const query of [`at=${versionstamp}`, `at=${versionstamp}&count_only`]) {
    const refused = await h.send("GET", `/v1/kv?${query}`);
    equal(typeof (await problem(refused, 410, "version_vacuumed")).oldest, "string");
  }
});

Deno.test("a list at a past version is refused, not shown anew, where its hold comes too late", async () => {
  const h = await filled(5);
  const then = h.database.lastVersion;
  await put(h, "k9", "new");
  const hold = h.database.hold.bind(h.database);
  h.database.hold = (holder, options) => {
    h.database.watermark = h.database.lastVersion;
    return hold(holder, options);
  };
  const at = `0${then.toString(16)}`.padStart(16, "0") + "0000";
  await problem(await h.send("GET", `/v1/kv?limit=1&at=${at}`), 410, "version_vacuumed");
  equal((await list(h, "limit=1")).entries.length, 1, "the newest can still be held");
});

Deno.test("expiresAt is shown, and what has expired is in no list", async () => {
  const h = await filled(1);
  await h.send("PUT", "/v1/kv/k0000x?ttl=1s", { body: "1" });
  const { entries } = await list(h, "");
  equal(entries[0].expiresAt, null);
  equal(entries[1].expiresAt, "2026-09-21T14:13:22.000002Z");
  h.clock.advance(1_001);
  deepEqual(keysOf(await list(h, "")), ["k0000"]);
  equal((await list(h, "count_only")).count, 1);
});

Deno.test("a cursor whose hold an operator has ended is over, and takes no new one", async () => {
  const h = await filled(5);
  const { cursor } = await list(h, "limit=1");
  const [hold] = h.database.holds;
  equal(h.database.releaseHolder(hold.id), true);
  await problem(await h.send("GET", `/v1/kv?cursor=${cursor}`), 410, "cursor_expired");
  equal(h.database.holds.size, 0);
});

Deno.test("a page whose hold is ended while it is read is 410 cursor_expired", async () => {
  const h = await filled(5);
  const { cursor } = await list(h, "limit=1");
  const scan = h.database.scan.bind(h.database);
  h.database.scan = (range, options) => {
    const [hold] = h.database.holds;
    h.database.releaseHolder(hold.id);
    return scan(range, options);
  };
  await problem(await h.send("GET", `/v1/kv?cursor=${cursor}`), 410, "cursor_expired");
});

Deno.test("a cursor holds its range only, and the last one of them all keys", async () => {
  const h = await filled(5, { cursorCountMax: 2 });
  await list(h, "limit=1&prefix=k&end=k0003");
  await list(h, "limit=1&prefix=k");
  deepEqual([...h.database.holds].map(({ range }) => range), [{ start: "k", end: "k0003" }, {}]);
  await put(h, "l1", "x");
  await put(h, "l2", "x");
  const { cursor } = await list(h, "limit=1&prefix=l");
  equal(h.database.holds.size, 2, "it shares the one of all keys");
  deepEqual(keysOf(await list(h, `cursor=${cursor}`)), ["l2"]);
});

Deno.test("the last cursor holds its own range where all keys cannot be held so far back", async () => {
  const h = await filled(0, { cursorCountMax: 1 });
  const headers = { "content-type": "application/json" };
  const rule = { body: '{"retention":"1d"}', headers };
  await h.send("PUT", "/v1/admin/retention?prefix=long/", rule);
  await put(h, "long/a", "1");
  const then = await put(h, "long/b", "1");
  await put(h, "short", "1");
  h.database.watermark = h.database.lastVersion;
  await list(h, `limit=1&prefix=long/&at=${then}`);
  deepEqual([...h.database.holds].map(({ range }) => range), [{ start: "long/", end: "long0" }]);
});
