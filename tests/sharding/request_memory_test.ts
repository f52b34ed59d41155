import { deepEqual, equal, throws } from "node:assert/strict";
import type { Command, CommandResult } from "../../sharding/database.ts";
import { decodeCommand, encodeCommand } from "../../sharding/command_codec.ts";
import {
  requestHorizon,
  RequestMemory,
  requestMemoryMicros,
} from "../../sharding/request_memory.ts";
import { ByteWriter, MalformedBytesError } from "../../storage/env/mod.ts";
import { AppliedStore } from "./applied_store.ts";
import { buildEntry, identity, putText, transaction } from "./entry_building.ts";
import { ModelStore } from "./model_store.ts";

const start = 1_000_000_000;

function run(
  store: ModelStore,
  base: number,
  command: Command,
  id = 1,
  fingerprint = 1,
): CommandResult {
  const request = identity(id, fingerprint);
  return new AppliedStore(store).apply(buildEntry({ base }, [{ command, request }])).results[0];
}

Deno.test("RequestMemory answers a retry as the first attempt, and applies it once", () => {
  const store = new ModelStore();
  const add = transaction({ mutations: [{ op: "add", key: "n", operand: 1 }], reads: ["n"] });
  const first = run(store, start, add);
  deepEqual(run(store, start + 10, add), first);
  equal(store.written.get("kn")?.length, 1);
});

Deno.test("RequestMemory answers another body with a mismatch, and applies nothing", () => {
  const store = new ModelStore();
  run(store, start, putText("a", "1"));
  deepEqual(run(store, start + 1, putText("a", "2"), 1, 2), { outcome: "request_mismatch" });
  equal(store.written.get("ka")?.length, 1);
  // The mismatch itself has changed nothing of what is remembered.
  equal(run(store, start + 2, putText("a", "1")).outcome, "committed");
  equal(store.written.get("ka")?.length, 1);
});

Deno.test("RequestMemory tells ids apart, and first keys", () => {
  const store = new ModelStore();
  run(store, start, putText("a", "1"), 1);
  equal(run(store, start + 1, putText("a", "2"), 2, 2).outcome, "committed");
  equal(run(store, start + 2, putText("ab", "3"), 1, 3).outcome, "committed");
});

Deno.test("RequestMemory answers another range with a mismatch", () => {
  const store = new ModelStore();
  const remove = (start: string): Command => ({
    kind: "delete_range",
    range: { start },
    keyCountMax: 9,
  });
  run(store, start, remove("a"));
  deepEqual(run(store, start + 1, remove("b"), 1, 2), { outcome: "request_mismatch" });
});

const failures: { name: string; command: Command }[] = [
  {
    name: "condition_failed",
    command: { ...putText("a", ""), condition: { kind: "exists" } } as Command,
  },
  {
    name: "check_failed",
    command: transaction({
      checks: [{ key: "a", version: 3 }],
      mutations: [{ op: "delete", key: "a" }],
    }),
  },
  {
    name: "too_many_keys",
    command: { kind: "delete_range", range: { start: "b" }, keyCountMax: 0 },
  },
  { name: "no_value", command: { kind: "revert", key: "a", toVersion: start + 1 } },
  {
    name: "invalid",
    command: transaction({ mutations: [{ op: "add", key: "b", operand: 1 }] }),
  },
];
for (const { name, command } of failures) {
  Deno.test(`RequestMemory remembers ${name}, though it would succeed by now`, () => {
    const store = new ModelStore();
    new AppliedStore(store).run(1, putText("b", "text"));
    const first = run(store, start, command);
    equal(first.outcome, name);
    new AppliedStore(store).run(start + 1, putText("a", ""), { kind: "delete", key: "b" });
    deepEqual(run(store, start + 5, command), first);
  });
}

Deno.test("RequestMemory forgets after ten minutes of versions, not one earlier", () => {
  const store = new ModelStore();
  run(store, start, putText("a", "1"));
  equal(
    run(store, start + requestMemoryMicros, putText("a", "2"), 1, 2).outcome,
    "request_mismatch",
  );
  equal(run(store, start + requestMemoryMicros + 1, putText("a", "2"), 1, 2).outcome, "committed");
  // From here on the new request is the remembered one.
  equal(run(store, start + requestMemoryMicros + 2, putText("a", "1")).outcome, "request_mismatch");
});

Deno.test("requestHorizon() lets go only of what no later command could ask for", () => {
  const horizon = requestHorizon(start);
  equal(start + 1 - horizon > requestMemoryMicros, true);
  equal(requestHorizon(5), 0);
});

Deno.test("RequestMemory refuses a record of another format", () => {
  const store = new ModelStore();
  run(store, start, putText("a", "1"));
  for (const [key, [record]] of store.written) if (key[0] === "r") record.bytes[0] = 2;
  throws(() => run(store, start + 1, putText("a", "1")), MalformedBytesError);
});

Deno.test("RequestMemory.recall() hands reads back as they were then", () => {
  const store = new ModelStore();
  const memory = new RequestMemory(store);
  const out = new ByteWriter();
  encodeCommand(out, transaction({ reads: ["x"] }), { valueSizeBytesMax: 1 });
  const command = decodeCommand(out.view(), 0, out.length);
  const value = { bytes: Uint8Array.of(1, 2), contentType: "x/y", version: 7, expiresAt: 900 };
  const result: CommandResult = {
    outcome: "committed",
    version: start,
    deletedCount: 0,
    reads: [value, undefined],
  };
  const request = identity(4, 5);
  equal(memory.recall(command, request, start), undefined);
  memory.remember(command, request, { version: start, result });
  deepEqual(memory.recall(command, request, start + 1), result);
});
