import { deepEqual, equal } from "node:assert/strict";
import type { BatchOperation, Command, WriteOptions } from "../../sharding/database.ts";
import { runBatch } from "../../sharding/database_batch.ts";
import { ShardError } from "../../sharding/errors.ts";
import { SystemClock } from "../../storage/env/mod.ts";
import { identity } from "./entry_building.ts";

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
        const found = { bytes: new Uint8Array(sizeBytes), contentType: "a/b", version: 1 };
        return Promise.resolve({ value: found, version: 1 });
      },
      hold() {
        heldCount++;
        return { id: "1", version: 1, release: () => void heldCount-- };
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
