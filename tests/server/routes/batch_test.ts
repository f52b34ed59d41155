/**
 * `POST /v1/batch`.
 *
 * @module
 */
import { equal } from "node:assert/strict";
import { ShardError } from "../../../sharding/mod.ts";
import { packMessage, unpackMessage } from "../../../server/wire/message_pack.ts";
import { harness, problem, put } from "../harness.ts";

Deno.test("operations run each on its own, in order, and the golden body", async () => {
  const h = harness();
  const stamp = await put(h, "a", "1");
  const response = await h.post("/v1/batch", {
    operations: [
      { op: "get", key: "a" },
      { op: "get", key: "none" },
      { op: "set", key: "a", value: "2", ifMatch: stamp },
      { op: "set", key: "a", value: "3", ifMatch: stamp },
      { op: "set", key: "a", value: "4", ifNoneMatch: "*" },
      { op: "delete", key: "a" },
      { op: "delete", key: "a", ifMatch: "*" },
    ],
  });
  const { results } = await response.json();
  equal(
    JSON.stringify(results[0]),
    `{"status":200,"key":"a","value":"1","contentType":"text/plain","versionstamp":"${stamp}",` +
      '"expiresAt":null}',
  );
  const statuses = results.map((result: { status: number }) => result.status);
  equal(statuses.join(), "200,404,200,412,412,200,412");
  equal(results[1].code, "key_not_found");
  equal(results[5].deleted, true);
  equal(response.headers.get("ankylo-session"), results[5].versionstamp);
});

Deno.test("a batch travels as MessagePack both ways", async () => {
  const h = harness();
  const headers = { "content-type": "application/msgpack", accept: "application/msgpack" };
  const body = packMessage({
    operations: [{ op: "set", key: "a", value: "1" }, { op: "get", key: "a" }],
  });
  const response = await h.send("POST", "/v1/batch", { body, headers });
  const { results } = unpackMessage(await response.bytes()) as {
    results: { status: number; value?: unknown }[];
  };
  equal(results[1].value, "1");
  equal(results[1].status, 200);
});

Deno.test("POST /v1/batch refuses a body without operations by the field", async () => {
  const answer = await problem(await harness().post("/v1/batch", {}), 400, "invalid_request");
  equal(answer.field, "operations");
});

const refused: [string, Record<string, unknown>, number, string, string?][] = [
  ["an op that is none", { op: "add", key: "a" }, 400, "invalid_request", "op"],
  ["a get with a ttl", { op: "get", key: "a", ttl: "1s" }, 400, "invalid_request", "ttl"],
  ["a ttl that is none", { op: "set", key: "a", value: "", ttl: 1 }, 400, "invalid_request", "ttl"],
  ["a get with a value", { op: "get", key: "a", value: 1 }, 400, "invalid_request", "value"],
  [
    "a condition that is none",
    { op: "delete", key: "a", ifMatch: "x" },
    400,
    "invalid_request",
    "ifMatch",
  ],
  [
    "both conditions",
    { op: "set", key: "a", value: "", ifMatch: "*", ifNoneMatch: "*" },
    400,
    "invalid_request",
    "ifNoneMatch",
  ],
  ["a key that is too long", { op: "get", key: "k".repeat(2_049) }, 400, "key_too_large"],
  [
    "a value that is too long",
    { op: "set", key: "a", value: "x".repeat(11) },
    413,
    "value_too_large",
  ],
  [
    "a versionstamp that no commit has",
    {
      op: "set",
      key: "a",
      value: "",
      ifMatch: "00000000000000000001",
    },
    412,
    "precondition_failed",
  ],
];
for (const [name, operation, status, code, field] of refused) {
  Deno.test(`${name} fails alone: the operations around it run`, async () => {
    const h = harness({ valueSizeBytesMax: 10 });
    const response = await h.post("/v1/batch", {
      operations: [{ op: "set", key: "b", value: "1" }, operation, { op: "get", key: "b" }],
    });
    equal(response.status, 200);
    const { results } = await response.json();
    equal(results.length, 3);
    equal(results[0].status, 200);
    equal(`${results[1].status} ${results[1].code}`, `${status} ${code}`);
    equal(results[1].field, field === undefined ? undefined : `operations[1].${field}`);
    equal(results[2].value, "1");
  });
}

Deno.test("a batch is refused as a whole where its Idempotency-Key came with another body", async () => {
  const h = harness();
  h.database.batch = (operations) =>
    Promise.resolve(operations.map(() => ({
      kind: "write",
      result: { outcome: "request_mismatch" },
    })));
  const operations = [{ op: "set", key: "a", value: "1" }, { op: "get", key: "a" }];
  const response = await h.post("/v1/batch", { operations }, { "idempotency-key": "once" });
  await problem(response, 422, "idempotency_mismatch");
});

Deno.test("a batch has at most 10,000 operations, and may have none", async () => {
  const h = harness();
  for (const [count, status] of [[0, 200], [9_999, 200], [10_000, 200], [10_001, 400]]) {
    const operations = Array.from({ length: count }, () => ({ op: "get", key: "a" }));
    equal((await h.post("/v1/batch", { operations })).status, status, String(count));
  }
});

Deno.test("a batch that cannot start is a problem as a whole", async () => {
  const h = harness();
  h.database.failure = new ShardError("disk_full", "Cannot write: the disk is full");
  const operations = [{ op: "set", key: "a", value: "1" }];
  const response = await h.post("/v1/batch", { operations });
  equal(response.headers.get("retry-after"), "1");
  await problem(response, 507, "disk_full");
});

Deno.test("the values that an answer shows are bounded", async () => {
  const h = harness();
  await put(h, "big", "x".repeat(1_048_576));
  const operations = Array.from({ length: 66 }, () => ({ op: "get", key: "big" }));
  const { results } = await (await h.post("/v1/batch", { operations })).json();
  equal(results[63].status, 200);
  equal(results[64].code, "overloaded");
});

Deno.test("a set in a batch may have a ttl, and a get shows when the value expires", async () => {
  const h = harness();
  const operations = [
    { op: "set", key: "a", value: "1", ttl: "1s" },
    { op: "get", key: "a" },
  ];
  const { results } = await (await h.post("/v1/batch", { operations })).json();
  equal(results[1].expiresAt, "2026-09-21T14:13:22.000001Z");
});
