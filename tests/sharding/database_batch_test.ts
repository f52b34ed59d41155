import { deepEqual, equal } from "node:assert/strict";
import type {
  BatchOperation,
  BatchOperationResult,
  Command,
  WriteOptions,
} from "../../sharding/database.ts";
import { runBatch } from "../../sharding/database_batch.ts";
import { ShardError } from "../../sharding/errors.ts";
import { SystemClock } from "../../storage/env/mod.ts";
import { identity, putText, transaction } from "./entry_building.ts";
import { hourMicros, TestNode } from "./test_node.ts";

const value = { bytes: Uint8Array.of(1), contentType: "a/b" };
const options = { deadlineMs: Infinity };

/** A target that writes down what it is asked for. */
function recorder(answer: (count: number) => Error | undefined = () => undefined, sizeBytes = 0) {
  const proposed: { command: Command; options: WriteOptions }[] = [];
  const got: string[] = [];
  let heldCount = 0;
  return {
    proposed,
    got,
    get heldCount() {
      return heldCount;
    },
    target: {
      clock: new SystemClock(),
      get(key: string) {
        got.push(key);
        const bytes = new Uint8Array(sizeBytes);
        const found = { bytes, contentType: "a/b", version: 1, expiresAt: undefined };
        return Promise.resolve({ value: found, version: 1 });
      },
      hold() {
        heldCount++;
        return { id: "1", version: 1, isEnded: false, release: () => void heldCount-- };
      },
      async propose(command: Command, writeOptions: WriteOptions) {
        proposed.push({ command, options: writeOptions });
        const error = answer(proposed.length - 1);
        await Promise.resolve();
        if (error !== undefined) throw error;
        return { outcome: "committed" as const, version: 2, deletedCount: 0, reads: [undefined] };
      },
    },
  };
}

Deno.test("runBatch() reads at once what it does not write before, and releases its hold", async () => {
  const { target, got, proposed, ...rest } = recorder();
  await runBatch(
    [
      { op: "get", key: "a" },
      { op: "set", key: "a", value },
      { op: "get", key: "b" },
      { op: "get", key: "a" },
    ],
    options,
    target,
  );
  deepEqual(got, ["a", "b"]);
  deepEqual(proposed.map(({ command }) => command.kind), ["put", "transaction"]);
  equal(rest.heldCount, 0);
});

Deno.test("runBatch() proposes in order without waiting, within a bound", async () => {
  const { target, proposed } = recorder();
  const operations: BatchOperation[] = Array.from(
    { length: 1_500 },
    (_, index) => ({ op: "set", key: String(index), value }),
  );
  const running = runBatch(operations, options, target);
  await Promise.resolve();
  equal(proposed.length, 1_024);
  equal((await running).length, 1_500);
  deepEqual(
    proposed.map(({ command }) => command.kind === "put" && command.key),
    operations.map(({ key }) => key),
  );
});

Deno.test("runBatch() hands over no more bytes at once than leave the log room", async () => {
  const { target, proposed } = recorder();
  const large = { bytes: new Uint8Array(5_000_000), contentType: "a/b" };
  const operations: BatchOperation[] = Array.from(
    { length: 10 },
    (_, index) => ({ op: "set", key: String(index), value: large }),
  );
  const running = runBatch(operations, options, target);
  await Promise.resolve();
  equal(proposed.length, 3);
  equal((await running).length, 10);
  equal(proposed.length, 10);
});

Deno.test("runBatch() lets one failure touch no other operation", async () => {
  const failure = new ShardError("overloaded", "Cannot");
  const { target } = recorder((count) => count === 1 ? failure : undefined);
  const operations = ["a", "b", "c"].map((key) => ({ op: "delete" as const, key }));
  const results = await runBatch(operations, options, target);
  deepEqual(results.map(({ kind }) => kind), ["write", "failed", "write"]);
  deepEqual(results[1], { kind: "failed", error: failure });
});

Deno.test("runBatch() bounds what its gets may read", async () => {
  const { target } = recorder(undefined, 40_000_000);
  const operations = ["a", "b", "c"].map((key) => ({ op: "get" as const, key }));
  const results = await runBatch(operations, options, target);
  deepEqual(results.map(({ kind }) => kind), ["read", "read", "failed"]);
});

Deno.test("runBatch() with an identity decides the first alone and names each its own", async () => {
  const { target, proposed, got } = recorder();
  const operations = ["a", "b", "c"].map((key) => ({ op: "get" as const, key }));
  const request = identity(0xff, 1);
  const running = runBatch(operations, { ...options, request }, target);
  equal(proposed.length, 1);
  await running;
  deepEqual(got, []);
  const ids = proposed.map(({ options }) => options.request?.id.toHex());
  const same = "ff".repeat(15);
  deepEqual(ids, [`${same}ff`, `${same}fe`, `${same}fd`]);
  for (const { options } of proposed) deepEqual(options.request?.fingerprint, request.fingerprint);
  equal(request.id.toHex(), "ff".repeat(16));
});

Deno.test("runBatch() with an identity runs nothing more where the first has failed", async () => {
  const { target, proposed } = recorder(() => new ShardError("overloaded", "Cannot"));
  const operations = ["a", "b"].map((key) => ({ op: "delete" as const, key }));
  const results = await runBatch(operations, { ...options, request: identity(1, 1) }, target);
  deepEqual(results.map(({ kind }) => kind), ["failed", "failed"]);
  equal(proposed.length, 1);
});

function shown(results: readonly BatchOperationResult[]): string[] {
  return results.map((result) => {
    if (result.kind === "failed") return "failed";
    if (result.kind === "write") return result.result.outcome;
    const { value } = result.result;
    return value === undefined ? "nothing" : new TextDecoder().decode(value.bytes);
  });
}

const text = (value: string) => ({
  bytes: new TextEncoder().encode(value),
  contentType: "text/plain",
});

Deno.test("LocalDatabase.batch() keeps the order of operations on one key", async () => {
  await using test = await TestNode.open();
  await test.commit(putText("a", "0"));
  const results = await test.database.batch([
    { op: "get", key: "a" },
    { op: "set", key: "a", value: text("1") },
    { op: "get", key: "a" },
    { op: "set", key: "a", value: text("x"), condition: { kind: "absent" } },
    { op: "get", key: "a" },
    { op: "delete", key: "a" },
    { op: "get", key: "a" },
    { op: "set", key: "a", value: text("2"), condition: { kind: "absent" } },
    { op: "get", key: "b" },
    { op: "get", key: "a" },
  ], test.soon);
  deepEqual(shown(results), [
    "0",
    "committed",
    "1",
    "condition_failed",
    "1",
    "committed",
    "nothing",
    "committed",
    "nothing",
    "2",
  ]);
});

Deno.test("LocalDatabase.batch() reads all keys that it does not write at one version", async () => {
  await using test = await TestNode.open();
  await test.commit(putText("a", "1"));
  const operations = Array.from({ length: 1_000 }, () => ({ op: "get" as const, key: "a" }));
  const batch = test.database.batch(operations, test.soon);
  const writes = Promise.all(Array.from({ length: 20 }, () => test.commit(putText("a", "2"))));
  const versions = new Set(
    (await batch).map((result) => result.kind === "read" && result.result.version),
  );
  equal(versions.size, 1);
  await writes;
});

Deno.test("LocalDatabase.batch() runs thousands of operations, each on its own", async () => {
  await using test = await TestNode.open();
  const count = 3_000;
  const results = await test.database.batch(
    Array.from({ length: count }, (_, index) => ({
      op: "set" as const,
      key: `k${index % 100}`,
      value: text(String(index)),
    })),
    test.soon,
  );
  const versions = results.map((result) =>
    result.kind === "write" && result.result.outcome === "committed" ? result.result.version : 0
  );
  deepEqual([...versions].sort((left, right) => left - right), versions);
  equal(await test.text("k7"), String(count - 93));
});

Deno.test("LocalDatabase.batch() fails operation by operation at the deadline", async () => {
  await using test = await TestNode.open();
  const past = { deadlineMs: test.clock.monotonicMs() - 1 };
  const results = await test.database.batch([
    { op: "get", key: "a" },
    { op: "set", key: "a", value: text("1") },
  ], past);
  deepEqual(shown(results), ["failed", "failed"]);
});

Deno.test("LocalDatabase.batch() answers a retry as the first attempt, gets included", async () => {
  await using test = await TestNode.open();
  const operations = [
    { op: "get" as const, key: "a" },
    { op: "set" as const, key: "a", value: text("1"), condition: { kind: "absent" as const } },
    { op: "get" as const, key: "a" },
    { op: "set" as const, key: "b", value: text("2") },
  ];
  const options = { ...test.soon, request: identity(1, 1) };
  const first = await test.database.batch(operations, options);
  deepEqual(shown(first), ["nothing", "committed", "1", "committed"]);
  await test.commit(putText("a", "changed"));
  await test.restart();
  deepEqual(await test.database.batch(operations, options), first);
  equal(await test.text("a"), "changed");
});

Deno.test("LocalDatabase.batch() runs nothing where the first operation is a mismatch", async () => {
  await using test = await TestNode.open();
  const write = (value: string, fingerprint: number) =>
    test.database.batch(
      ["a", "b", "c"].map((key) => ({ op: "set" as const, key, value: text(value) })),
      { ...test.soon, request: identity(5, fingerprint) },
    );
  deepEqual(shown(await write("1", 1)), ["committed", "committed", "committed"]);
  deepEqual(shown(await write("2", 2)), [
    "request_mismatch",
    "request_mismatch",
    "request_mismatch",
  ]);
  equal(await test.text("b"), "1");
  deepEqual(await test.database.batch([], { ...test.soon, request: identity(6, 1) }), []);
});

Deno.test("LocalDatabase.batch() gives equal operations of one request identities of their own", async () => {
  await using test = await TestNode.open();
  const set = { op: "set" as const, key: "a", value: text("1") };
  const options = { ...test.soon, request: identity(1, 1) };
  const results = await test.database.batch([set, set, set], options);
  const versions = results.map((result) => result.kind === "write" && result.result);
  equal(new Set(versions.map((result) => JSON.stringify(result))).size, 3);
});

Deno.test("LocalDatabase carries times to live through transactions and batches", async () => {
  await using test = await TestNode.open();
  const value = (text: string, ttlMicros?: number) => ({
    bytes: new TextEncoder().encode(text),
    contentType: "text/plain",
    ttlMicros,
  });
  const version = await test.commit(transaction({
    mutations: [
      { op: "set", key: "t1", value: value("x", hourMicros) },
      { op: "append", key: "t1", value: value("y") },
      { op: "add", key: "t2", operand: 1, ttlMicros: 2 * hourMicros },
    ],
  }));
  const operations: BatchOperation[] = [
    { op: "set", key: "b1", value: value("1", hourMicros) },
    { op: "set", key: "b2", value: value("2") },
  ];
  const [first] = await test.database.batch(operations, test.soon);
  const ends = async () =>
    Object.fromEntries((await test.all()).map(({ key, expiresAt }) => [key, expiresAt]));
  const batched = first.kind === "write" && first.result.outcome === "committed"
    ? first.result.version
    : NaN;
  const want = {
    b1: batched + hourMicros,
    b2: undefined,
    t1: version + hourMicros,
    t2: version + 2 * hourMicros,
  };
  deepEqual(await ends(), want);
  await test.restart();
  deepEqual(await ends(), want);
  equal(await test.text("t1"), "xy");
  await test.passAnHour();
  deepEqual(Object.keys(await ends()), ["b2", "t2"]);
});
