import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { Applier } from "../../sharding/apply.ts";
import { decodeChangeRecord } from "../../sharding/change_record.ts";
import type { Command, CommandResult, StoredValue } from "../../sharding/database.ts";
import { decodeValue } from "../../sharding/value.ts";
import { InvariantError, MalformedBytesError } from "../../storage/env/mod.ts";
import { EntryKind } from "../../storage/cursor.ts";
import { command, requestIdentity, someKey } from "./arbitraries.ts";
import { survivesDamage } from "./codec_properties.ts";
import { CommandModel } from "./command_model.ts";
import { buildEntry, putText, transaction } from "./entry_building.ts";
import { ModelStore } from "./model_store.ts";

function run(store: ModelStore, base: number, ...commands: Command[]): CommandResult[] {
  return new Applier(store).apply(buildEntry({ base }, commands.map((command) => ({ command }))))
    .results;
}

function liveValues(store: ModelStore): Map<string, StoredValue> {
  const live = new Map<string, StoredValue>();
  for (const treeKey of store.versions.keys()) {
    const found = treeKey[0] === "k" ? store.get(treeKey, Infinity) : undefined;
    if (found !== undefined) live.set(treeKey.slice(1), decodeValue(found.bytes, found.version));
  }
  return live;
}

Deno.test("Applier.apply() gives command i the version base + i and shows it to the next", () => {
  const store = new ModelStore();
  const results = run(
    store,
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
  equal(liveValues(store).get("a")?.version, 101);
});

Deno.test("Applier.apply() tells the version of the last command", () => {
  const payload = buildEntry({ base: 7 }, [
    { command: putText("a", "") },
    { command: { kind: "delete", key: "not there" } },
  ]);
  equal(new Applier(new ModelStore()).apply(payload).lastVersion, 8);
});

Deno.test("Applier.apply() writes nothing for a delete of a key that is not there", () => {
  const store = new ModelStore();
  deepEqual(run(store, 5, { kind: "delete", key: "a" }), [
    { outcome: "committed", version: 5, deletedCount: 0, reads: [] },
  ]);
  deepEqual(store.dump(), []);
  const both = transaction({
    mutations: [{ op: "set", key: "a", value: { bytes: new Uint8Array(1), contentType: "a/b" } }, {
      op: "delete",
      key: "a",
    }],
  });
  run(store, 6, both);
  deepEqual(store.dump(), []);
});

Deno.test("Applier.apply() removes a range whole or not at all", () => {
  const store = new ModelStore();
  run(store, 1, putText("a", ""), putText("b", ""), putText("c", ""), putText("d", ""));
  const range = { start: "b", end: "d" };
  deepEqual(run(store, 10, { kind: "delete_range", range, keyCountMax: 1 }), [
    { outcome: "too_many_keys", limit: 1 },
  ]);
  deepEqual([...liveValues(store).keys()], ["a", "b", "c", "d"]);
  deepEqual(run(store, 11, { kind: "delete_range", range, keyCountMax: 2 }), [
    { outcome: "committed", version: 11, deletedCount: 2, reads: [] },
  ]);
  deepEqual([...liveValues(store).keys()], ["a", "d"]);
  deepEqual(
    run(store, 12, { kind: "delete_range", range: { start: "z", end: "a" }, keyCountMax: 9 }),
    [
      { outcome: "committed", version: 12, deletedCount: 0, reads: [] },
    ],
  );
  equal(
    run(store, 13, { kind: "delete_range", range: {}, keyCountMax: 9 })[0].outcome,
    "committed",
  );
  deepEqual([...liveValues(store).keys()], []);
});

Deno.test("Applier.apply() writes one change record of all that the entry changed", () => {
  const store = new ModelStore();
  run(store, 1, putText("old", ""));
  new Applier(store).apply(buildEntry({ base: 10 }, [
    { command: putText("a", "1"), writer: "w" },
    { command: { kind: "delete", key: "not there" } },
    { command: { kind: "delete", key: "old" } },
    { command: transaction({ mutations: [{ op: "add", key: "n", operand: 1 }] }), writer: "w" },
    { command: { ...putText("a", "2"), condition: { kind: "absent" } } as Command },
  ]));
  const [, bytes] = [...store.versions].filter(([key]) => key[0] === "c").at(-1) ?? [];
  equal(bytes?.[0].version, 13);
  deepEqual(decodeChangeRecord(bytes?.[0].bytes ?? new Uint8Array(0)), [
    { version: 10, writer: "w", changes: [{ key: "a", kind: 1 }] },
    { version: 12, writer: "", changes: [{ key: "old", kind: 0 }] },
    { version: 13, writer: "w", changes: [{ key: "n", kind: 1 }] },
  ]);
});

Deno.test("Applier.counts tells commands by kind, conflicts and remembered answers", () => {
  const applier = new Applier(new ModelStore());
  const request = { id: new Uint8Array(16), fingerprint: new Uint8Array(16) };
  const drafts = [
    { command: putText("a", ""), request },
    { command: putText("a", ""), request },
    { command: { kind: "delete", key: "b", condition: { kind: "exists" } } as Command },
    { command: transaction({ checks: [{ key: "a", version: null }] }) },
    { command: { kind: "delete_range", range: {}, keyCountMax: 1 } as Command },
  ];
  applier.apply(buildEntry({ base: 1 }, drafts));
  const want = { put: 2, delete: 1, delete_range: 1, transaction: 1, conflict: 2, remembered: 1 };
  deepEqual(applier.counts, want);
});

Deno.test("Applier.apply() refuses an entry without commands, cut off, or with bytes too many", () => {
  const applier = new Applier(new ModelStore());
  throws(() => applier.apply(buildEntry({ base: 1 }, [])), InvariantError);
  const payload = buildEntry({ base: 1 }, [{ command: { kind: "delete", key: "a" } }]);
  for (const end of [payload.length - 1, payload.length - 6]) {
    throws(() => applier.apply(payload.subarray(0, end)), MalformedBytesError);
  }
});

const entries = fc.array(
  fc.record({
    // Some gaps go past the ten minutes for which requests are remembered.
    gap: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(599_999_990, 600_000_010)),
    drafts: fc.array(
      fc.record({
        command: command(someKey),
        request: fc.option(requestIdentity, { nil: undefined, freq: 3 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  }),
  { minLength: 1, maxLength: 12 },
);

/** The model knows no reasons. */
function withoutReason(result: CommandResult): CommandResult {
  return result.outcome === "invalid" ? { ...result, reason: "" } : result;
}

Deno.test("Applier.apply() does what the model of all commands does", () => {
  fc.assert(
    fc.property(entries, (given) => {
      const store = new ModelStore();
      const applier = new Applier(store);
      const model = new CommandModel();
      let version = 0;
      for (const { gap, drafts } of given) {
        const base = version + gap;
        const { results, lastVersion } = applier.apply(buildEntry({ base }, drafts));
        const want = drafts.map(({ command, request }, index) =>
          withoutReason(model.run(command, base + index, request))
        );
        deepEqual(results.map(withoutReason), want);
        version = lastVersion;
        deepEqual(
          [...liveValues(store)].sort(([left], [right]) => left < right ? -1 : 1),
          [...model.values].sort(([left], [right]) => left < right ? -1 : 1),
        );
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("Applier.apply() comes to the same on every replica, and names each change once", () => {
  fc.assert(fc.property(entries, (given) => {
    const left = new ModelStore();
    const right = new ModelStore();
    const long = new Applier(left);
    let base = 1;
    for (const { gap, drafts } of given) {
      base += gap;
      const payload = buildEntry({ base }, drafts);
      const results = long.apply(payload).results;
      // The other replica restarts before every entry.
      deepEqual(new Applier(right).apply(payload.slice()).results, results);
      base += drafts.length;
    }
    deepEqual(left.dump(), right.dump());
    const changed = [...left.versions].filter(([key]) => key[0] === "k").flatMap((
      [key, versions],
    ) => versions.map(({ version, kind }) => `${version} ${key.slice(1)} ${kind}`));
    const recorded = [...left.versions].filter(([key]) => key[0] === "c").flatMap(([, [record]]) =>
      decodeChangeRecord(record.bytes).flatMap(({ version, changes }) =>
        changes.map(({ key, kind }) => `${version} ${key} ${kind}`)
      )
    );
    equal(EntryKind.value, 1);
    deepEqual(recorded.sort(), changed.sort());
  }));
});

Deno.test("Applier.apply() survives damage", () => {
  const written = entries.map(([{ drafts }]) => buildEntry({ base: 1 }, drafts));
  survivesDamage(written, (bytes) => {
    try {
      new Applier(new ModelStore()).apply(bytes);
    } catch (error) {
      if (!(error instanceof InvariantError)) throw error;
    }
  });
});
