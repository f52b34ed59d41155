import { deepEqual, equal } from "node:assert/strict";
import { effectsSizeBytesMax, evaluateReads } from "../../sharding/apply_transaction.ts";
import type { Command, CommandResult, Mutation } from "../../sharding/database.ts";
import { AppliedStore, putLiving } from "./applied_store.ts";
import { buildEntry, identity, putText, transaction } from "./entry_building.ts";
import { ModelStore } from "./model_store.ts";

const text = (value: string) => ({
  bytes: new TextEncoder().encode(value),
  contentType: "text/plain",
});

function run(store: ModelStore, base: number, command: Command): CommandResult {
  return new AppliedStore(store).run(base, command)[0];
}

function textOf(store: ModelStore, key: string): string | undefined {
  const found = store.get(`k${key}`, Infinity);
  return found === undefined ? undefined : new TextDecoder().decode(found.bytes.subarray(1));
}

Deno.test("applyTransaction() reads and checks the state before its mutations", () => {
  const store = new ModelStore();
  run(store, 1, putText("a", "old"));
  const result = run(
    store,
    2,
    transaction({
      checks: [{ key: "a", version: 1 }, { key: "b", version: null }],
      mutations: [{ op: "set", key: "a", value: text("new") }, {
        op: "set",
        key: "b",
        value: text("b"),
      }],
      reads: ["a", "b"],
    }),
  );
  deepEqual(result, {
    outcome: "committed",
    version: 2,
    deletedCount: 0,
    reads: [{ ...text("old"), version: 1, expiresAt: undefined }, undefined],
  });
  equal(textOf(store, "a"), "new");
});

Deno.test("applyTransaction() lets each mutation meet what the ones before left behind", () => {
  const store = new ModelStore();
  const mutations: Mutation[] = [
    { op: "set", key: "t", value: text("x") },
    { op: "append", key: "t", value: text("y") },
    { op: "delete", key: "t" },
    { op: "append", key: "t", value: text("z") },
    { op: "add", key: "n", operand: 2 },
    { op: "add", key: "n", operand: 3 },
    { op: "max", key: "n", operand: 9 },
    { op: "min", key: "n", operand: 7 },
  ];
  run(store, 1, transaction({ mutations }));
  equal(textOf(store, "t"), "z");
  equal(textOf(store, "n"), "7");
  equal(store.written.get("kt")?.length, 1);
});

Deno.test("applyTransaction() names every check that failed and changes nothing", () => {
  const store = new ModelStore();
  run(store, 1, putText("a", ""));
  const result = run(
    store,
    2,
    transaction({
      checks: [{ key: "a", version: 2 }, { key: "a", version: 1 }, { key: "a", version: null }],
      mutations: [{ op: "delete", key: "a" }],
    }),
  );
  deepEqual(result, { outcome: "check_failed", failedChecks: [0, 2] });
  equal(textOf(store, "a"), "");
});

Deno.test("applyTransaction() applies nothing where one mutation does not fit", () => {
  const store = new ModelStore();
  run(store, 1, putText("t", "text"));
  const set: Mutation = { op: "set", key: "a", value: text("a") };
  const invalid = run(
    store,
    2,
    transaction({ mutations: [set, { op: "add", key: "t", operand: 1 }] }),
  );
  equal(invalid.outcome === "invalid" && invalid.key, "t");
  const large: Mutation = { op: "append", key: "t", value: text("x".repeat(97)) };
  deepEqual(run(store, 3, transaction({ mutations: [set, large] })), {
    outcome: "value_too_large",
    key: "t",
  });
  equal(textOf(store, "a"), undefined);
  equal(textOf(store, "t"), "text");
});

Deno.test("applyTransaction() without mutations changes nothing and answers at its version", () => {
  const store = new ModelStore();
  const before = store.dump();
  deepEqual(run(store, 9, transaction({ reads: ["a"] })), {
    outcome: "committed",
    version: 9,
    deletedCount: 0,
    reads: [undefined],
  });
  deepEqual(store.dump(), before);
});

Deno.test("applyTransaction() meets no value whose time has passed, in checks, reads and mutations", () => {
  const store = new ModelStore();
  run(store, 10, putLiving("a", "old", 5));
  const command = transaction({
    checks: [{ key: "a", version: 10 }],
    mutations: [{ op: "append", key: "a", value: text("new") }],
    reads: ["a"],
  });
  deepEqual(run(store, 15, command), { outcome: "check_failed", failedChecks: [0] });
  const absent = { ...command, checks: [{ key: "a", version: null }] };
  const result = run(store, 16, absent);
  deepEqual(result.outcome === "committed" && result.reads, [undefined]);
  equal(textOf(store, "a"), "new");
});

Deno.test("applyTransaction() lets appends and numbers keep their end through one transaction", () => {
  const store = new ModelStore();
  const living = { ...text("x"), ttlMicros: 50 };
  const mutations: Mutation[] = [
    { op: "set", key: "t", value: living },
    { op: "append", key: "t", value: text("y") },
    { op: "add", key: "n", operand: 1, ttlMicros: 20 },
    { op: "add", key: "n", operand: 1 },
    { op: "add", key: "m", operand: 1, ttlMicros: 20 },
    { op: "add", key: "m", operand: 1, ttlMicros: 30 },
    { op: "set", key: "u", value: living },
    { op: "set", key: "u", value: text("stays") },
  ];
  run(store, 100, transaction({ mutations }));
  const ends = new Map(
    new AppliedStore(store).live(100).map(([key, { expiresAt }]) => [key, expiresAt]),
  );
  deepEqual(ends, new Map([["m", 130], ["n", 120], ["t", 150], ["u", undefined]]));
  // The index names only what was left behind.
  equal(store.dump("e").length, 3);
});

Deno.test("evaluateReads() refuses reads that come to too much", () => {
  const store = new ModelStore();
  run(store, 1, putText("a", "12345"));
  const part = { checks: [], reads: ["ka", "ka"] };
  const at = (sizeBytesMax: number) => evaluateReads(part, { store, version: 1, sizeBytesMax });
  equal(at(12).outcome, "committed");
  equal(at(11).outcome, "invalid");
});

Deno.test("applyTransaction() bounds what a remembered answer may hold", () => {
  const store = new ModelStore();
  const bytes = new Uint8Array(9_000_000);
  run(store, 1, { kind: "put", key: "a", value: { bytes, contentType: "a/b" } });
  const command = transaction({ reads: ["a", "a"] });
  const request = identity(1, 1);
  const [plain, remembered] = new AppliedStore(store).apply(
    buildEntry({ base: 2 }, [{ command }, { command, request }]),
  ).results;
  equal(plain.outcome, "committed");
  equal(remembered.outcome, "invalid");
});

Deno.test("applyTransaction() bounds what appends make of large values, together", () => {
  const store = new ModelStore();
  const large = { bytes: new Uint8Array(900_000), contentType: "a/b" };
  const count = Math.floor(effectsSizeBytesMax / 900_000) + 1;
  for (let index = 0; index < count; index++) {
    run(store, index + 1, { kind: "put", key: `k${index}`, value: large });
  }
  const appendTo = (length: number): Mutation[] =>
    Array.from({ length }, (_, index) => ({ op: "append", key: `k${index}`, value: text("x") }));
  const before = store.dump().length;
  const runLarge = (base: number, mutations: Mutation[]) => {
    const command = transaction({ mutations });
    const payload = buildEntry({ base }, [{ command, valueSizeBytesMax: 1_000_000 }]);
    return new AppliedStore(store).apply(payload).results[0];
  };
  const refused = runLarge(1_000, appendTo(count));
  equal(refused.outcome, "invalid");
  equal(store.dump().length, before);
  const twice = [...appendTo(count - 1), ...appendTo(count - 1)];
  equal(runLarge(1_001, twice).outcome, "committed");
});
