import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { Applier, type WrittenRecord } from "../../sharding/apply.ts";
import { ChangeKind, decodeChangeRecord } from "../../sharding/change_record.ts";
import type { Command, CommandResult } from "../../sharding/database.ts";
import { InvariantError, MalformedBytesError } from "../../storage/env/mod.ts";
import { EntryKind } from "../../storage/cursor.ts";
import { AppliedStore, noState, putLiving } from "./applied_store.ts";
import { survivesDamage } from "./codec_properties.ts";
import { CommandModel } from "./command_model.ts";
import { buildEntry, type DraftCommand, putText, transaction } from "./entry_building.ts";
import { asLeader, entries } from "./entry_arbitraries.ts";
import { ModelStore } from "./model_store.ts";

Deno.test("Applier.apply() gives command i the version base + i and shows it to the next", () => {
  const store = new AppliedStore();
  const results = store.run(
    100,
    putText("a", "1"),
    { ...putText("a", "2"), condition: { kind: "version", versions: [100] } } as Command,
    { ...putText("a", "3"), condition: { kind: "absent" } } as Command,
  );
  deepEqual(results, [
    { outcome: "committed", version: 100, deletedCount: 0, reads: [] },
    { outcome: "committed", version: 101, deletedCount: 0, reads: [] },
    { outcome: "condition_failed", current: 101 },
  ]);
  equal(store.live(101)[0][1].version, 101);
});

Deno.test("Applier.apply() tells the version of the last command", () => {
  const payload = buildEntry({ base: 7 }, [
    { command: putText("a", "") },
    { command: { kind: "delete", key: "not there" } },
  ]);
  equal(new AppliedStore().apply(payload).lastVersion, 8);
});

Deno.test("Applier.apply() writes nothing for a delete of a key that is not there", () => {
  const store = new AppliedStore();
  deepEqual(store.run(5, { kind: "delete", key: "a" }), [
    { outcome: "committed", version: 5, deletedCount: 0, reads: [] },
  ]);
  deepEqual(store.store.dump(), []);
  const both = transaction({
    mutations: [{ op: "set", key: "a", value: { bytes: new Uint8Array(1), contentType: "a/b" } }, {
      op: "delete",
      key: "a",
    }],
  });
  store.run(6, both);
  deepEqual(store.store.dump(), []);
});

Deno.test("Applier.apply() removes a range whole or not at all", () => {
  const store = new AppliedStore();
  const keys = (version: number) => store.live(version).map(([key]) => key);
  store.run(1, putText("a", ""), putText("b", ""), putText("c", ""), putText("d", ""));
  const range = { start: "b", end: "d" };
  deepEqual(store.run(10, { kind: "delete_range", range, keyCountMax: 1 }), [
    { outcome: "too_many_keys", limit: 1 },
  ]);
  deepEqual(keys(10), ["a", "b", "c", "d"]);
  deepEqual(store.run(11, { kind: "delete_range", range, keyCountMax: 2 }), [
    { outcome: "committed", version: 11, deletedCount: 2, reads: [] },
  ]);
  deepEqual(keys(11), ["a", "d"]);
  const empty = { start: "z", end: "a" };
  deepEqual(store.run(12, { kind: "delete_range", range: empty, keyCountMax: 9 }), [
    { outcome: "committed", version: 12, deletedCount: 0, reads: [] },
  ]);
  const all = store.run(13, { kind: "delete_range", range: {}, keyCountMax: 9 });
  equal(all[0].outcome, "committed");
  deepEqual(keys(13), []);
});

Deno.test("Applier.apply() takes a key whose time has passed for absent, tombstone or not", () => {
  const store = new AppliedStore();
  store.run(10, putLiving("a", "1", 5), putLiving("b", "2", 4));
  const conditional = (kind: "absent" | "exists") =>
    ({ ...putText("a", "new"), condition: { kind } }) as Command;
  deepEqual(store.run(14, conditional("absent")), [{ outcome: "condition_failed", current: 10 }]);
  const removed = store.run(
    15,
    { kind: "delete", key: "a" },
    { kind: "delete_range", range: {}, keyCountMax: 0 },
    conditional("exists"),
    conditional("absent"),
  );
  deepEqual(removed.map(({ outcome }) => outcome), [
    "committed",
    "committed",
    "condition_failed",
    "committed",
  ]);
  equal(removed[0].outcome === "committed" && removed[0].deletedCount, 0);
  deepEqual(store.story("a"), ["10 set 1", "18 set new"]);
});

Deno.test("Applier.apply() writes one change record of all that the entry changed", () => {
  const store = new AppliedStore();
  store.run(1, putText("old", ""), putLiving("brief", "", 3));
  const records: WrittenRecord[] = [];
  store.apply(
    buildEntry({ base: 10 }, [
      { command: putText("a", "1"), writer: "w" },
      { command: { kind: "delete", key: "not there" } },
      { command: { kind: "delete", key: "old" } },
      { command: transaction({ mutations: [{ op: "add", key: "n", operand: 1 }] }), writer: "w" },
      { command: { ...putText("a", "2"), condition: { kind: "absent" } } as Command },
      { command: { kind: "expire", keyCountMax: 9 } },
    ]),
    records,
  );
  const [, versions] = [...store.store.written].filter(([key]) => key[0] === "c").at(-1) ?? [];
  const record = versions?.[0] ?? { version: 0, bytes: new Uint8Array(0) };
  equal(record.version, 15);
  deepEqual(decodeChangeRecord(record.bytes), [
    { version: 10, writer: "w", changes: [{ key: "a", kind: 1 }] },
    { version: 12, writer: "", changes: [{ key: "old", kind: 0 }] },
    { version: 13, writer: "w", changes: [{ key: "n", kind: 1 }] },
    { version: 15, writer: "", changes: [{ key: "brief", kind: 2 }] },
  ]);
  deepEqual(records, [{ version: 15, record: record.bytes }]);
});

Deno.test("Applier.apply() tells the earliest expiry of the entry, of that entry alone", () => {
  const store = new AppliedStore();
  const dueOf = (base: number, ...commands: Command[]) =>
    store.apply(buildEntry({ base }, commands.map((command) => ({ command })))).earliestDue;
  equal(dueOf(10, putLiving("a", "", 50), putLiving("b", "", 20), putLiving("c", "", 90)), 31);
  equal(dueOf(20, putText("a", "")), Infinity);
  const set = { op: "set" as const, key: "a", value: { ...livingText, ttlMicros: 7 } };
  equal(dueOf(30, transaction({ mutations: [set] })), 37);
});

const livingText = { bytes: new Uint8Array(0), contentType: "text/plain" };

Deno.test("Applier.counts tells commands by kind, conflicts and remembered answers", () => {
  const store = new AppliedStore();
  const request = { id: new Uint8Array(16), fingerprint: new Uint8Array(16) };
  const drafts = [
    { command: putText("a", ""), request },
    { command: putText("a", ""), request },
    { command: { kind: "delete", key: "b", condition: { kind: "exists" } } as Command },
    { command: transaction({ checks: [{ key: "a", version: null }] }) },
    { command: { kind: "delete_range", range: {}, keyCountMax: 1 } as Command },
    { command: { kind: "revert", key: "a", toVersion: 1 } as Command },
    { command: { kind: "remove_retention", prefix: "a" } as Command },
    { command: { kind: "advance" as const, horizons: [] } },
    { command: putLiving("b", "", 1) },
    { command: putLiving("c", "", 1) },
    { command: { kind: "expire" as const, keyCountMax: 9 } },
  ];
  store.apply(buildEntry({ base: 1 }, drafts));
  deepEqual(store.applier.counts, {
    put: 4,
    delete: 1,
    delete_range: 1,
    transaction: 1,
    revert: 1,
    retention: 1,
    advance: 1,
    expire: 1,
    expired_key: 2,
    conflict: 2,
    remembered: 1,
  });
});

Deno.test("Applier.apply() refuses an entry without commands, cut off, or with bytes too many", () => {
  const applier = new Applier(new ModelStore());
  throws(() => applier.apply(buildEntry({ base: 1 }, []), { state: noState }), InvariantError);
  const payload = buildEntry({ base: 1 }, [{ command: { kind: "delete", key: "a" } }]);
  for (const end of [payload.length - 1, payload.length - 6]) {
    const cut = payload.subarray(0, end);
    throws(() => applier.apply(cut, { state: noState }), MalformedBytesError);
  }
});

/** The model knows no reasons, and not how many keys an `expire` found. */
function comparable(result: CommandResult, { command }: DraftCommand): CommandResult {
  if (result.outcome === "invalid") return { ...result, reason: "" };
  if (result.outcome !== "committed" || command.kind !== "expire") return result;
  return { ...result, deletedCount: 0 };
}

Deno.test("Applier.apply() does what the model of all commands does", () => {
  fc.assert(
    fc.property(entries, (given) => {
      const store = new AppliedStore();
      const model = new CommandModel();
      let lastVersion = 0;
      for (const { gap, drafts } of given) {
        // The model knows nothing of rules that count.
        const timed = asLeader(drafts, lastVersion).map((draft) =>
          draft.command.kind !== "set_retention" ? draft : {
            ...draft,
            command: {
              ...draft.command,
              rule: { kind: "duration" as const, retentionMicros: 1 },
            },
          }
        );
        const base = lastVersion + gap;
        const applied = store.apply(buildEntry({ base }, timed));
        model.beginEntry();
        const want = timed.map(({ command, request }, index) =>
          model.run(command, base + index, request)
        );
        const shown = (results: CommandResult[]) =>
          results.map((result, index) => comparable(result, timed[index]));
        deepEqual(shown(applied.results), shown(want));
        ({ lastVersion } = applied);
        // What is read at a later version has lost what has expired by then.
        for (const version of [lastVersion, lastVersion + 3, lastVersion + 2 ** 51]) {
          deepEqual(store.live(version), model.all(version));
        }
      }
    }),
    { numRuns: 400 },
  );
});

Deno.test("Applier.apply() comes to the same on every replica, and names each change once", () => {
  fc.assert(
    fc.property(entries, (given) => {
      const left = new AppliedStore();
      const right = new AppliedStore();
      let lastVersion = 0;
      for (const { gap, drafts } of given) {
        const base = lastVersion + gap;
        const payload = buildEntry({ base }, asLeader(drafts, lastVersion));
        const applied = left.apply(payload);
        // The other replica restarts before every entry.
        right.applier = new Applier(right.store);
        deepEqual(right.apply(payload.slice()), applied);
        ({ lastVersion } = applied);
      }
      deepEqual(left.store.dump(), right.store.dump());
      const { written } = left.store;
      const changed = [...written].filter(([key]) => key[0] === "k").flatMap((
        [key, versions],
      ) => versions.map(({ version, kind }) => `${version} ${key.slice(1)} ${kind}`));
      const recorded = [...written].filter(([key]) => key[0] === "c").flatMap(([, [record]]) =>
        decodeChangeRecord(record.bytes).flatMap(({ version, changes }) =>
          changes.map(({ key, kind }) =>
            `${version} ${key} ${kind === ChangeKind.set ? EntryKind.value : EntryKind.tombstone}`
          )
        )
      );
      deepEqual(recorded.sort(), changed.sort());
    }),
    { numRuns: 200 },
  );
});

Deno.test("Applier.apply() survives damage", () => {
  const written = entries.map(([{ drafts }]) => buildEntry({ base: 1 }, drafts));
  survivesDamage(written, (bytes) => {
    try {
      new Applier(new ModelStore()).apply(bytes, { state: noState });
    } catch (error) {
      if (!(error instanceof InvariantError)) throw error;
    }
  });
});
