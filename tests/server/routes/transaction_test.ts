/**
 * `POST /v1/txn`.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { packMessage, unpackMessage } from "../../../server/wire/message_pack.ts";
import { harness, problem, put } from "../harness.ts";

Deno.test("checks, reads and mutations run in one step, and the golden body", async () => {
  const h = harness();
  const stamp = await put(h, "a", "1");
  const response = await h.post("/v1/txn", {
    checks: [{ key: "a", versionstamp: stamp }, { key: "b", versionstamp: null }],
    mutations: [
      { op: "set", key: "b", value: { n: 1 } },
      { op: "delete", key: "a" },
      { op: "add", key: "n", value: 5 },
      { op: "max", key: "n", value: 7 },
      { op: "append", key: "t", value: "xy" },
      { op: "set", key: "raw", valueBase64: "/w==", contentType: "image/png" },
    ],
    reads: ["a", "b"],
  });
  const session = response.headers.get("ankylo-session");
  equal(
    await response.text(),
    `{"ok":true,"versionstamp":"${session}","reads":[{"key":"a","value":"1",` +
      `"contentType":"text/plain","versionstamp":"${stamp}","expiresAt":null},null]}`,
  );
  const show = async (key: string) => {
    const read = await h.send("GET", `/v1/kv/${key}`);
    return [read.status, read.headers.get("content-type"), [...await read.bytes()].join()];
  };
  deepEqual((await show("a")).slice(0, 1), [404]);
  deepEqual(await show("b"), [
    200,
    "application/json",
    [...'{"n":1}'].map((c) => c.charCodeAt(0)).join(),
  ]);
  deepEqual(await show("n"), [200, "application/json", "55"]);
  deepEqual(await show("t"), [200, "text/plain", "120,121"]);
  deepEqual(await show("raw"), [200, "image/png", "255"]);
});

Deno.test("a check that fails is 409 with its index, and nothing is applied", async () => {
  const h = harness();
  await put(h, "a", "1");
  const body = await problem(
    await h.post("/v1/txn", {
      checks: [{ key: "x", versionstamp: null }, { key: "a", versionstamp: null }],
      mutations: [{ op: "set", key: "b", value: "1" }],
    }),
    409,
    "check_failed",
  );
  equal(body.ok, false);
  deepEqual(body.failedChecks, [1]);
  equal((await h.send("GET", "/v1/kv/b")).status, 404);
});

Deno.test("add on text is 400, and nothing is applied", async () => {
  const h = harness();
  await put(h, "a", "text");
  const mutations = [{ op: "set", key: "b", value: "1" }, { op: "add", key: "a", value: 1 }];
  const body = await problem(await h.post("/v1/txn", { mutations }), 400, "invalid_request");
  equal(body.key, "a");
  equal((await h.send("GET", "/v1/kv/b")).status, 404);
});

Deno.test("a transaction travels as MessagePack both ways", async () => {
  const h = harness();
  const body = packMessage({
    mutations: [
      { op: "set", key: new Uint8Array([255]), value: new Uint8Array([1, 2]) },
      { op: "set", key: "t", value: "text" },
      { op: "set", key: "j", value: { deep: [1, null] } },
    ],
  });
  const headers = { "content-type": "application/msgpack", accept: "application/msgpack" };
  const written = await h.send("POST", "/v1/txn", { body, headers });
  equal(written.status, 200);
  const read = await h.send("POST", "/v1/txn", {
    body: packMessage({ reads: [new Uint8Array([255]), "t", "j", "none"] }),
    headers,
  });
  const { reads } = unpackMessage(await read.bytes()) as {
    reads: ({ value: unknown; contentType: string } | null)[];
  };
  deepEqual(reads.map((entry) => entry?.contentType), [
    "application/octet-stream",
    "text/plain",
    "application/json",
    undefined,
  ]);
  deepEqual([...(reads[0]?.value as Uint8Array)], [1, 2]);
  deepEqual([reads[1]?.value, reads[2]?.value], ["text", { deep: [1, null] }]);
});

const set = { op: "set", key: "a", value: "1" };
const refused: [string, unknown, string][] = [
  ["a body that is a list", [], "the body"],
  ["an unknown field", { foo: 1 }, "foo"],
  ["an unknown field inside", { mutations: [{ ...set, foo: 1 }] }, "mutations[0].foo"],
  ["checks that are no list", { checks: {} }, "checks"],
  ["a check without a versionstamp", { checks: [{ key: "a" }] }, "checks[0].versionstamp"],
  ["a versionstamp that is none", {
    checks: [{ key: "a", versionstamp: "x" }],
  }, "checks[0].versionstamp"],
  ["a mutation without op", { mutations: [{ key: "a" }] }, "mutations[0].op"],
  ["an op that is none", { mutations: [{ ...set, op: "put" }] }, "mutations[0].op"],
  ["a key that is a number", { mutations: [{ ...set, key: 1 }] }, "mutations[0].key"],
  ["no key", { mutations: [set, { op: "delete" }] }, "mutations[1].key"],
  ["both keys", { reads: [{ key: "a", keyBase64: "YQ==" }] }, "reads[0].key"],
  ["base64 that is none", { reads: [{ keyBase64: "Y" }] }, "reads[0].keyBase64"],
  ["half a surrogate pair", { reads: ["\ud800"] }, "reads[0]"],
  ["no value", { mutations: [{ op: "set", key: "a" }] }, "mutations[0].value"],
  ["two values", { mutations: [{ ...set, valueBase64: "" }] }, "mutations[0].value"],
  ["a delete with a value", { mutations: [{ ...set, op: "delete" }] }, "mutations[0].value"],
  ["an operand that is text", { mutations: [{ ...set, op: "add" }] }, "mutations[0].value"],
  ["text for bytes", {
    mutations: [{ ...set, contentType: "image/png" }],
  }, "mutations[0].value"],
  ["JSON for text", {
    mutations: [{ ...set, value: {}, contentType: "text/plain" }],
  }, "mutations[0].value"],
  ["a type that is a number", {
    mutations: [{ ...set, contentType: 1 }],
  }, "mutations[0].contentType"],
];
for (const [name, body, field] of refused) {
  Deno.test(`POST /v1/txn refuses ${name} by its field`, async () => {
    const answer = await problem(await harness().post("/v1/txn", body), 400, "invalid_request");
    equal(answer.field, field);
  });
}

for (const [name, text] of [["text", "{"], ["bytes that are no UTF-8", "\xff"], ["nothing", ""]]) {
  Deno.test(`POST /v1/txn refuses a body that is ${name}`, async () => {
    const body = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const headers = { "content-type": "application/json" };
    const response = await harness().send("POST", "/v1/txn", { body, headers });
    await problem(response, 400, "invalid_request");
  });
}

Deno.test("POST /v1/txn refuses other types with 415, and a ttl that is no duration", async () => {
  const h = harness();
  await problem(await h.send("POST", "/v1/txn", { body: "{}" }), 415, "unsupported_media_type");
  const deleted = { op: "delete", key: "a" };
  for (const wrong of [{ ...set, ttl: 5 }, { ...set, ttl: "0s" }, { ...deleted, ttl: "5s" }]) {
    const refused = await h.post("/v1/txn", { mutations: [wrong] });
    equal((await problem(refused, 400, "invalid_request")).field, "mutations[0].ttl");
  }
});

const counts: [string, number, (index: number) => unknown][] = [
  ["checks", 1_000, (index) => ({ key: `k${index}`, versionstamp: null })],
  ["reads", 1_000, (index) => `k${index}`],
  ["mutations", 10_000, (index) => ({ op: "set", key: `k${index}`, value: "" })],
];
for (const [field, limit, make] of counts) {
  Deno.test(`a transaction has at most ${limit} ${field}`, async () => {
    const h = harness();
    for (const count of [limit - 1, limit]) {
      const fresh = { [field]: Array.from({ length: count }, (_, index) => make(index)) };
      equal((await h.post("/v1/txn", fresh)).status, 200, String(count));
    }
    const over = { [field]: Array.from({ length: limit + 1 }, (_, index) => make(index)) };
    const body = await problem(await h.post("/v1/txn", over), 400, "invalid_request");
    equal(body.limit, limit);
  });
}

Deno.test("a transaction has at most 16 MiB", async () => {
  const h = harness();
  const limit = 16 * 1_048_576;
  for (const [length, status] of [[limit - 1, 200], [limit, 200], [limit + 1, 413]]) {
    const body = "{}".padEnd(length);
    const headers = { "content-type": "application/json" };
    const response = await h.send("POST", "/v1/txn", { body, headers });
    equal(response.status, status, String(length));
    if (status === 413) await problem(response, 413, "request_too_large");
  }
});

Deno.test("JSON values nest up to 64 deep", async () => {
  const nested = (depth: number) => JSON.parse("[".repeat(depth) + "]".repeat(depth));
  const h = harness();
  for (const [depth, status] of [[63, 200], [64, 200], [66, 400], [100_000, 400]]) {
    const value = "[".repeat(depth) + "]".repeat(depth);
    const body = `{"mutations":[{"op":"set","key":"a","value":${value}}]}`;
    const headers = { "content-type": "application/json" };
    equal((await h.send("POST", "/v1/txn", { body, headers })).status, status, String(depth));
  }
  equal(nested(1).length, 0);
});

Deno.test("an Idempotency-Key repeats a transaction's answer", async () => {
  const h = harness();
  const headers = { "idempotency-key": "once" };
  const body = { mutations: [{ op: "add", key: "n", value: 1 }] };
  const first = await (await h.post("/v1/txn", body, headers)).text();
  equal(await (await h.post("/v1/txn", body, headers)).text(), first);
  equal(await (await h.send("GET", "/v1/kv/n")).text(), "1");
  const other = { mutations: [{ op: "add", key: "n", value: 2 }] };
  await problem(await h.post("/v1/txn", other, headers), 422, "idempotency_mismatch");
});

Deno.test("a check with a versionstamp that no commit has does not hold, and is no mistake", async () => {
  const h = harness();
  await put(h, "a", "1");
  for (const versionstamp of ["00000000000000000001", "f".repeat(20), "0".repeat(20)]) {
    const checks = [{ key: "a", versionstamp }, { key: "none", versionstamp }];
    const answer = await problem(await h.post("/v1/txn", { checks }), 409, "check_failed");
    equal(String(answer.failedChecks), "0,1");
  }
});

Deno.test("a ttl goes with each mutation that writes, and reads show when values expire", async () => {
  const h = harness();
  const written = await h.post("/v1/txn", {
    mutations: [
      { op: "set", key: "s", value: "x", ttl: "1s" },
      { op: "append", key: "t", value: "x", ttl: "2s" },
      { op: "add", key: "n", value: 1, ttl: "3s" },
      { op: "min", key: "n", value: 1 },
      { op: "max", key: "m", value: 1 },
    ],
  });
  equal(written.status, 200);
  const { reads } = await (await h.post("/v1/txn", { reads: ["s", "t", "n", "m"] })).json();
  deepEqual(reads.map((read: { expiresAt: string | null }) => read.expiresAt), [
    "2026-09-21T14:13:22.000001Z",
    "2026-09-21T14:13:23.000001Z",
    "2026-09-21T14:13:24.000001Z",
    null,
  ]);
});
