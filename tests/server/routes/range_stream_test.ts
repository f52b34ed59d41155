/**
 * A range as one NDJSON answer.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { type Harness, harness, problem } from "../harness.ts";

const headers = { accept: "application/x-ndjson" };

async function filled(count: number, value: string, config = {}): Promise<Harness> {
  const h = harness(config);
  const operations = Array.from({ length: count }, (_, index) => ({
    op: "set",
    key: `k${String(index).padStart(5, "0")}`,
    value,
  }));
  equal((await h.post("/v1/batch", { operations })).status, 200);
  return h;
}

const linesOf = (text: string) => text.trimEnd().split("\n").map((line) => JSON.parse(line));

Deno.test("a stream holds one version from its first line to its last", async () => {
  const h = await filled(2_500, "x".repeat(200));
  const response = await h.send("GET", "/v1/kv?prefix=k", { headers });
  equal(response.headers.get("content-type"), "application/x-ndjson");
  equal(h.database.holds.size, 1);
  await h.send("DELETE", "/v1/kv?prefix=k");
  const lines = linesOf(await response.text());
  equal(lines.length, 2_500);
  deepEqual(Object.keys(lines[0]), ["key", "value", "contentType", "versionstamp", "expiresAt"]);
  equal(lines[2_499].key, "k02499");
  equal(h.database.holds.size, 0);
});

Deno.test("a stream obeys reverse, limit and keys_only, and may be empty", async () => {
  const h = await filled(5, "x");
  const response = await h.send("GET", "/v1/kv?reverse&limit=2&keys_only", { headers });
  deepEqual(linesOf(await response.text()).map(({ key }) => key), ["k00004", "k00003"]);
  equal(await (await h.send("GET", "/v1/kv?prefix=z", { headers })).text(), "");
  equal(await (await h.send("GET", "/v1/kv?start=b&end=a", { headers })).text(), "");
  equal(h.database.holds.size, 0);
});

Deno.test("a stream shows JSON on one line, or with exact to the byte", async () => {
  const h = await filled(0, "");
  const stored = '{\n  "n": 1.0\n}';
  const put = { body: stored, headers: { "content-type": "application/json" } };
  await h.send("PUT", "/v1/kv/pretty", put);
  await h.send("PUT", "/v1/kv/short", { ...put, body: '{"n": 1.0}' });
  const plain = await (await h.send("GET", "/v1/kv", { headers })).text();
  equal(plain.split("\n")[0].includes('"value":{   "n": 1.0 }'), true, plain);
  const exact = await (await h.send("GET", "/v1/kv?exact", { headers })).text();
  const [pretty, short] = exact.split("\n");
  equal(JSON.parse(pretty).valueBase64, btoa(stored));
  equal(short.includes('"value":{"n": 1.0}'), true, short);
});

Deno.test("a stream reads no further than the client has taken", async () => {
  const h = await filled(10_000, "x".repeat(300));
  let scanCount = 0;
  const scan = h.database.scan.bind(h.database);
  h.database.scan = (range, options) => {
    scanCount++;
    return scan(range, options);
  };
  const response = await h.send("GET", "/v1/kv", { headers });
  const reader = response.body?.getReader();
  await reader?.read();
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  equal(scanCount <= 3, true, `${scanCount} scans for one read`);
  await reader?.cancel();
  equal(h.database.holds.size, 0, "cancelling lets the version go");
});

Deno.test("a stream ends with a problem line when the server stops", async () => {
  const h = await filled(10_000, "x".repeat(300));
  const response = await h.send("GET", "/v1/kv", { headers });
  h.closing.abort();
  const lines = linesOf(await response.text());
  equal(lines.at(-1).code, "stopping");
  equal(h.database.holds.size, 0);
});

Deno.test("a stream that nobody reads ends", async () => {
  const h = await filled(10_000, "x".repeat(300), { streamIdleMs: 5_000 });
  const response = await h.send("GET", "/v1/kv", { headers });
  h.clock.advance(4_000);
  equal(h.database.holds.size, 1);
  h.clock.advance(2_000);
  equal(h.database.holds.size, 0);
  equal(linesOf(await response.text()).at(-1).code, "request_timeout");
});

Deno.test("a failure in the middle is the last line", async () => {
  const h = await filled(10_000, "x".repeat(300));
  const response = await h.send("GET", "/v1/kv", { headers });
  h.database.failure = new Error("planted");
  const last = linesOf(await response.text()).at(-1);
  equal(last.code, "internal_error");
  equal(last.detail.includes("planted"), false);
  equal(h.lines.at(-1)?.event, "stream_failed");
});

Deno.test("the number of open streams is bounded, and HEAD opens none", async () => {
  const h = await filled(10_000, "x".repeat(300), { streamCountMax: 1 });
  equal((await h.send("HEAD", "/v1/kv", { headers })).status, 200);
  equal(h.database.holds.size, 0);
  const open = await h.send("GET", "/v1/kv", { headers });
  await problem(await h.send("GET", "/v1/kv", { headers }), 429, "overloaded");
  await open.body?.cancel();
});

Deno.test("a stream has no cursor and no count", async () => {
  const h = await filled(3, "x");
  const { cursor } = await (await h.send("GET", "/v1/kv?limit=1")).json();
  const withCursor = await h.send("GET", `/v1/kv?cursor=${cursor}`, { headers });
  await problem(withCursor, 400, "invalid_request");
  const counted = await h.send("GET", "/v1/kv?count_only", { headers });
  await problem(counted, 400, "invalid_request");
});

Deno.test("a stream that is asked for while the server stops ends at once, and says so", async () => {
  const h = await filled(5, "x");
  h.closing.abort();
  const response = await h.send("GET", "/v1/kv", { headers });
  deepEqual(linesOf(await response.text()).map(({ code }) => code), ["stopping"]);
  equal(h.database.holds.size, 0);
});

Deno.test("a stream at a past version shows what was there, under a hold of its range", async () => {
  const h = await filled(3, "x");
  h.clock.advance(1_000);
  await h.send("DELETE", "/v1/kv?prefix=k");
  const held: unknown[] = [];
  const hold = h.database.hold.bind(h.database);
  h.database.hold = (holder, options) => {
    held.push(options?.version, options?.range);
    return hold(holder, options);
  };
  const response = await h.send("GET", "/v1/kv?prefix=k&at=2026-09-21T14:13:21.5Z", { headers });
  deepEqual(held, [1_790_000_001_500_000, { start: "k", end: "l" }]);
  equal(linesOf(await response.text()).length, 3);
  const ahead = await h.send("GET", "/v1/kv?at=2030-01-01T00:00:00Z", { headers });
  await problem(ahead, 400, "invalid_request");
  h.database.watermark = h.database.lastVersion;
  const gone = await h.send("GET", "/v1/kv?at=2026-09-21T14:13:21.5Z", { headers });
  await problem(gone, 410, "version_vacuumed");
  equal(h.database.holds.size, 0);
});

Deno.test("a stream whose hold an operator ends has that as its last line", async () => {
  const h = await filled(10_000, "x".repeat(300));
  const response = await h.send("GET", "/v1/kv", { headers });
  const [hold] = h.database.holds;
  h.database.releaseHolder(hold.id);
  equal(linesOf(await response.text()).at(-1).code, "version_vacuumed");
  equal(h.database.holds.size, 0);
});
