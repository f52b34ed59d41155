/**
 * Mutated requests against a real node in memory: whatever comes, the answer is one that the API
 * knows, and never blames the server for the client's mistake.
 *
 * Replay: `ANKYLO_FUZZ_SEED=<seed> deno test -A tests/fuzz/http_test.ts`. A request that once
 * failed goes into `http_corpus.json`.
 *
 * @module
 */
import { equal } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { buildApp } from "../../server/app.ts";
import { appConfig } from "../../server/context.ts";
import { packMessage } from "../../server/wire/message_pack.ts";
import { type Random, SeededRandom, silentLogger } from "../../storage/env/mod.ts";
import { withNode } from "../server/real_node.ts";

interface Wanted {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

const requestCount = 30_000;
const seedDefault = 20_261_123;
const encoder = new TextEncoder();

const methods = ["GET", "PUT", "DELETE", "POST", "HEAD", "OPTIONS", "PATCH", "QUERY", "get"];
const targets: readonly [string, string][] = [
  ["GET", "/v1/kv/a"],
  ["PUT", "/v1/kv/a"],
  ["DELETE", "/v1/kv/a"],
  ["PUT", "/v1/kv/city%2FDE%2f%ff%00"],
  ["GET", "/v1/kv/city%2FDE%2f%ff%00"],
  ["PUT", "/v1/kv/"],
  ["GET", "/v1/kv"],
  ["GET", "/v1/kv?prefix=a&start=a&end=z&limit=3&reverse=true"],
  ["GET", "/v1/kv?prefix=&limit=1&keys_only&cursor=AQAAAAAAAAAAAA"],
  ["GET", "/v1/kv?count_only=1&consistency=bounded&max_staleness=500ms"],
  ["GET", "/v1/kv/a?consistency=eventual"],
  ["DELETE", "/v1/kv?prefix=city"],
  ["PUT", "/v1/kv/a?ttl=5s"],
  ["PUT", "/v1/kv/a?ttl=1ms"],
  ["GET", "/v1/kv/a?at=1970-01-01T00:00:00Z"],
  ["GET", "/v1/kv/a?at=2026-11-27T10:00:00.123456+01:00"],
  ["GET", "/v1/kv?at=00065bfeda25e0000000&limit=1"],
  ["GET", "/v1/history/a?limit=2&cursor=00065bfeda25e0000000"],
  ["GET", "/v1/history/city%2FDE%2f%ff%00?values=false&exact"],
  ["POST", "/v1/history/a"],
  ["POST", "/v1/history/a"],
  ["GET", "/v1/admin/retention"],
  ["PUT", "/v1/admin/retention?prefix=city%2F"],
  ["PUT", "/v1/admin/retention?prefix=%ff"],
  ["DELETE", "/v1/admin/retention?prefix=city%2F"],
  ["POST", "/v1/admin/vacuum"],
  ["GET", "/v1/admin/holders"],
  ["GET", "/v1/cluster"],
  ["POST", "/v1/txn"],
  ["POST", "/v1/txn"],
  ["POST", "/v1/txn"],
  ["POST", "/v1/batch"],
  ["POST", "/v1/batch"],
  ["POST", "/v1/batch"],
  ["GET", "/v1/status"],
  ["GET", "/v1/admin/jobs/1"],
  ["GET", "/livez"],
  ["GET", "/replica?max_lag=2s"],
  ["GET", "/v1/watch?prefix=a&prev=1&from=00065bfeda25e0000000"],
  ["GET", "/nowhere"],
];
const headers: readonly [string, readonly string[]][] = [
  ["accept", ["application/json", "application/msgpack", "application/x-ndjson", "*/*;q=0", "x"]],
  ["content-type", ["application/json", "application/msgpack", "text/plain", "a/b;c", ";"]],
  ["if-match", ["*", '"00000000000000010000"', 'W/"a", "b"', "a", '"', ""]],
  ["if-none-match", ["*", '"00000000000000010000"', '"x"', ",", "**"]],
  ["idempotency-key", ["one", "two", "", "x".repeat(256), "\u00ff"]],
  ["ankylo-session", ["00000000000000010000", "z", "ffffffffffffffffffff"]],
  ["ankylo-timeout", ["5s", "1ms", "0s", "9999999999h", "s"]],
  ["content-length", ["0", "5", "-1", "1e3", "99999999999", "16777217"]],
  ["content-encoding", ["gzip", "identity"]],
  ["x-request-id", ["r1", "x".repeat(200)]],
  ["authorization", ["Bearer x", "Basic", ""]],
];
const bodies: readonly unknown[] = [
  {},
  { checks: [{ key: "a", versionstamp: null }], mutations: [{ op: "set", key: "a", value: 1 }] },
  { mutations: [{ op: "add", key: "n", value: 1 }, { op: "append", key: "t", value: "x" }] },
  { reads: ["a", { keyBase64: "/w==" }] },
  { operations: [{ op: "get", key: "a" }, { op: "delete", key: "b", ifMatch: "*" }] },
  { operations: [{ op: "set", key: "c", valueBase64: "AA==", contentType: "image/png" }] },
  { operations: [{ op: "set", key: "e", value: "1", ttl: "1ms" }] },
  { mutations: [{ op: "add", key: "n", value: 1, ttl: "30d" }] },
  { revertTo: "2026-11-27T10:00:00Z", ttl: "5s" },
  { revertTo: "00065bfeda25e0000000" },
  { retention: "1s" },
  { versions: 2 },
  { prefix: "city/", ioBytesPerSecond: 65_536 },
  { report: true, prefixBase64: "/w==" },
  { release: "1" },
  [[[[1, "two", null, true, { deep: { deeper: -1.5e300 } }]]]],
  "text",
];
const oddValues: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  "",
  "\ud800",
  "x".repeat(3_000),
  [],
  {},
  [[]],
  { key: "a" },
  "__proto__",
];

function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[random.below(items.length)];
}

/** Replaces, removes or adds somewhere in the structure. */
function mutateStructure(random: Random, value: unknown): unknown {
  if (random.below(6) === 0) return pick(random, oddValues);
  if (Array.isArray(value)) {
    const items = value.map((item) => random.below(2) === 0 ? mutateStructure(random, item) : item);
    if (random.below(4) === 0) items.push(pick(random, oddValues));
    return items;
  }
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value)
    .filter(() => random.below(12) !== 0)
    .map(([name, field]) => [
      random.below(20) === 0 ? name + "x" : name,
      random.below(3) === 0 ? mutateStructure(random, field) : field,
    ]);
  if (random.below(10) === 0) fields.push([pick(random, ["ttl", "value", "x"]), 1]);
  return Object.fromEntries(fields);
}

function mutateBytes(random: Random, source: Uint8Array): Uint8Array<ArrayBuffer> {
  let bytes = Uint8Array.from(source);
  for (let round = random.below(4); round >= 0; round--) {
    const at = random.below(bytes.length + 1);
    const kind = random.below(4);
    if (kind === 0) bytes = bytes.slice(0, at);
    else if (kind === 1) bytes = Uint8Array.from([...bytes.subarray(at), ...bytes.subarray(0, at)]);
    else if (kind === 2) bytes = Uint8Array.from([...bytes, random.below(256)]);
    else if (at < bytes.length) bytes[at] = random.below(256);
  }
  return bytes;
}

function mutateText(random: Random, text: string): string {
  const odd = [
    "%",
    "%zz",
    "%00",
    "%ff",
    "&",
    "=",
    "?",
    "/",
    "..",
    "+",
    "a".repeat(2_100),
    "%C3%A4",
  ];
  // Most of the time behind what leads to the route.
  const first = random.below(5) === 0 ? 1 : Math.min(text.length, 7);
  const at = first + random.below(text.length - first + 1);
  return text.slice(0, at) + pick(random, odd) + text.slice(at + random.below(3));
}

function makeBody(random: Random, isPacked: boolean): Uint8Array<ArrayBuffer> {
  const chosen = pick(random, bodies);
  const value = random.below(3) === 0 ? chosen : mutateStructure(random, chosen);
  const bytes = isPacked ? packMessage(value) : encoder.encode(JSON.stringify(value) ?? "");
  return random.below(3) === 0 ? mutateBytes(random, bytes) : bytes;
}

function makeRequest(random: Random): Wanted {
  const [usual, target] = pick(random, targets);
  const method = random.below(12) === 0 ? pick(random, methods) : usual;
  const path = random.below(3) === 0 ? mutateText(random, target) : target;
  const isPacked = random.below(2) === 0;
  const chosen: Record<string, string> = {
    "content-type": isPacked ? "application/msgpack" : "application/json",
  };
  for (const [name, values] of headers) {
    if (random.below(16) === 0) chosen[name] = pick(random, values);
  }
  const hasBody = method !== "GET" && method !== "HEAD" && method !== "get";
  return { method, path, headers: chosen, body: hasBody ? makeBody(random, isPacked) : undefined };
}

/** Returns what is wrong with the answer; nothing where it is one that the API knows. */
async function complaint(wanted: Wanted, response: Response): Promise<string | undefined> {
  const { status } = response;
  const isEndless = response.headers.get("content-type") === "text/event-stream";
  if (isEndless) await response.body?.cancel();
  const text = isEndless ? "" : await response.text();
  if (status >= 500 && status !== 501 && status !== 504) return `${status} ${text}`;
  // A deadline that the client set too short is the one time-out that may be met here.
  if (status === 504 && wanted.headers["ankylo-timeout"] !== "1ms") return `${status} ${text}`;
  for (const name of ["ankylo-node", "ankylo-session", "ankylo-consistency", "x-request-id"]) {
    if (!response.headers.has(name)) return `${status} without ${name}`;
  }
  if (status < 400 || wanted.method === "HEAD") return undefined;
  if (response.headers.get("content-type") !== "application/problem+json") return `${status} typed`;
  const body = JSON.parse(text);
  return body.status === status && typeof body.code === "string" ? undefined : `${status} ${text}`;
}

function corpus(): Wanted[] {
  const text = readFileSync(new URL("http_corpus.json", import.meta.url), "utf8");
  const cases: { method: string; path: string; headers?: Record<string, string>; body?: string }[] =
    JSON.parse(text);
  return cases.map(({ method, path, headers = {}, body }) => ({
    method,
    path,
    headers,
    body: body === undefined ? undefined : Uint8Array.fromBase64(body),
  }));
}

Deno.test(`${requestCount} mutated requests are all answered as the API says`, async () => {
  const seed = Number(Deno.env.get("ANKYLO_FUZZ_SEED") ?? seedDefault);
  const random = new SeededRandom(seed);
  const closing = new AbortController();
  await withNode(async ({ node, clock }) => {
    const fatal: unknown[] = [];
    const app = buildApp({
      database: node.database,
      node,
      clock,
      logger: silentLogger,
      config: appConfig(),
      closing: closing.signal,
      onFatal: (error) => void fatal.push(error),
    });
    const past = corpus();
    const statuses = new Map<number, number>();
    let count = 0;
    while (count < requestCount) {
      const wanted = past.shift() ?? makeRequest(random);
      const { method, path, headers, body } = wanted;
      let request: Request;
      try {
        request = new Request(`http://127.0.0.1${path}`, { method, headers, body });
      } catch {
        // What no client library can express never comes.
        continue;
      }
      count++;
      const response = await app.fetch(request);
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      const wrong = await complaint(wanted, response);
      const shown = { method, path, headers, body: body?.toBase64() };
      equal(wrong, undefined, `seed ${seed}, request ${count}: ${JSON.stringify(shown)}`);
    }
    equal(fatal.length, 0);
    for (const status of [200, 202, 204, 400, 404, 405, 406, 409, 410, 412, 413, 415, 422, 501]) {
      equal((statuses.get(status) ?? 0) > 0, true, `no request met ${status}`);
    }
    closing.abort();
  });
});
