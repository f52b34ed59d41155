import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { parseExpiryKey } from "../../sharding/effects.ts";
import { ruleCountMax } from "../../sharding/retention_rules.ts";
import { EntryKind } from "../../storage/mod.ts";
import { AppliedStore, putLiving } from "./applied_store.ts";
import { asLeader, entries } from "./entry_arbitraries.ts";
import { buildEntry, putText, transaction } from "./entry_building.ts";

/** Expires at a version; returns how many keys went. */
function expire(store: AppliedStore, version: number, keyCountMax = 256): number {
  const [result] = store.run(version, { kind: "expire", keyCountMax });
  return result.outcome === "committed" ? result.deletedCount : NaN;
}

Deno.test("expire removes a key at the version that it expires at, and not one version before", () => {
  const store = new AppliedStore();
  store.run(10, putLiving("a", "1", 10));
  equal(expire(store, 19), 0);
  deepEqual(store.story("a"), ["10 set 1"]);
  equal(expire(store, 20), 1);
  deepEqual(store.story("a"), ["10 set 1", "20 expire"]);
  equal(expire(store, 21), 0);
});

const voids = [
  { name: "was overwritten by one that stays", command: putText("a", "2"), want: "2" },
  { name: "was put with a later due", command: putLiving("a", "2", 30), want: "2" },
  { name: "was deleted", command: { kind: "delete" as const, key: "a" }, want: undefined },
];
for (const { name, command, want } of voids) {
  Deno.test(`expire leaves a key alone that ${name}`, () => {
    const store = new AppliedStore();
    store.run(10, putLiving("a", "1", 10));
    store.run(15, command);
    const before = store.story("a");
    equal(expire(store, 20), 0);
    deepEqual(store.story("a"), before);
    equal(store.text("a", 20), want);
    equal(store.state.horizons.expiryVersion, 20);
  });
}

Deno.test("expire goes by the due of the value there is, not by the first that the index names", () => {
  const store = new AppliedStore();
  store.run(10, putLiving("a", "1", 10));
  store.run(11, { kind: "delete", key: "a" });
  store.run(12, putLiving("a", "2", 18));
  equal(expire(store, 29), 0);
  equal(expire(store, 30), 1);
  deepEqual(store.story("a"), ["10 set 1", "11 delete", "12 set 2", "30 expire"]);
});

Deno.test("expire removes a key once that was put twice with the same due", () => {
  const store = new AppliedStore();
  store.run(10, putLiving("a", "1", 10));
  store.run(11, putLiving("a", "2", 9));
  equal(expire(store, 25), 1);
  deepEqual(store.story("a"), ["10 set 1", "11 set 2", "25 expire"]);
});

Deno.test("expire stops at its limit in the middle of one due, and goes on behind it", () => {
  const store = new AppliedStore();
  store.run(
    10,
    ...["a", "b", "c", "d"].map((key, index) => putLiving(key, "", 10 - index)),
    putLiving("e", "", 4),
  );
  // "e" at 18, the others all at 20.
  equal(expire(store, 30, 3), 3);
  deepEqual(store.live(17).map(([key]) => key), ["a", "b", "c", "d", "e"]);
  equal(store.story("b").at(-1), "30 expire");
  equal(store.story("c").length, 1);
  // The entries of 20 are not all dealt with, so VACUUM may not have them.
  equal(store.state.horizons.expiryVersion, 19);
  deepEqual(parseExpiryKey(store.state.expiryPosition), { due: 20, treeKey: "kb\0" });
  equal(expire(store, 31, 3), 2);
  equal(store.state.horizons.expiryVersion, 31);
});

Deno.test("expire counts entries of the index that are void towards its limit", () => {
  const store = new AppliedStore();
  store.run(10, putLiving("a", "1", 10), putText("a", "2"), putLiving("b", "1", 9));
  equal(expire(store, 30, 1), 0);
  equal(store.state.horizons.expiryVersion, 19);
  equal(expire(store, 31, 1), 1);
  equal(store.state.horizons.expiryVersion, 31);
});

Deno.test("expire moves its position over an index that is empty, and never back", () => {
  const store = new AppliedStore();
  equal(expire(store, 5), 0);
  const { expiryPosition } = store.state;
  deepEqual([parseExpiryKey(`${expiryPosition}k`).due, store.state.horizons.expiryVersion], [6, 5]);
  store.run(10, putLiving("a", "", 1));
  equal(expire(store, 11), 1);
});

Deno.test("expire sees what the commands before it in its entry have put", () => {
  const store = new AppliedStore();
  const results = store.run(10, putLiving("a", "", 1), { kind: "expire", keyCountMax: 1 });
  equal(results[1].outcome === "committed" && results[1].deletedCount, 1);
  deepEqual(store.story("a"), ["10 set ", "11 expire"]);
});

Deno.test("expire never moves its position or its horizon back, and VACUUM takes nothing needed", () => {
  fc.assert(
    fc.property(entries, (given) => {
      const store = new AppliedStore();
      let lastVersion = 0;
      for (const { gap, drafts } of given) {
        const before = store.state;
        const base = lastVersion + gap;
        ({ lastVersion } = store.apply(buildEntry({ base }, asLeader(drafts, lastVersion))));
        const { expiryPosition, horizons } = store.state;
        equal(expiryPosition >= before.expiryPosition, true);
        equal(horizons.expiryVersion >= before.horizons.expiryVersion, true);
        equal(horizons.expiryVersion <= lastVersion, true);
        for (const key of store.store.written.keys()) {
          const isDealtWith = key[0] === "e" &&
            parseExpiryKey(key).due <= horizons.expiryVersion;
          if (isDealtWith) equal(key < expiryPosition, true);
        }
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("set_retention begins a rule at the horizon there was, remove_retention tells of one", () => {
  const store = new AppliedStore();
  store.moveWatermark(5);
  const rule = { kind: "duration", retentionMicros: 1_000 } as const;
  const results = store.run(
    10,
    { kind: "set_retention", prefix: "a/", rule },
    { kind: "remove_retention", prefix: "b/" },
  );
  deepEqual(results, [
    { outcome: "committed", version: 10, deletedCount: 0, reads: [] },
    { outcome: "committed", version: 11, deletedCount: 0, reads: [] },
  ]);
  deepEqual(store.state.horizons.rules, [
    { prefix: "ka/", retentionMicros: 1_000, versionCount: 0, isRetired: false, version: 5 },
  ]);
  const [removed] = store.run(20, { kind: "remove_retention", prefix: "a/" });
  equal(removed.outcome === "committed" && removed.deletedCount, 1);
  deepEqual(store.state.horizons.rules, []);
});

Deno.test("set_retention refuses one rule more than there may be, but for a prefix that has one", () => {
  const store = new AppliedStore();
  const set = (prefix: string) => ({
    kind: "set_retention" as const,
    prefix,
    rule: { kind: "versions" as const, versionCount: 2 },
  });
  store.run(1, ...Array.from({ length: ruleCountMax }, (_, index) => set(`p${index}`)));
  const before = store.state;
  deepEqual(store.run(1_000, set("q")), [{ outcome: "too_many_rules", limit: ruleCountMax }]);
  deepEqual(store.state, before);
  equal(store.run(1_001, set("p7"))[0].outcome, "committed");
});

Deno.test("advance moves the horizons that it names and changes no key", () => {
  const store = new AppliedStore();
  store.setRule(1, "a", { kind: "duration", retentionMicros: 0 });
  const before = store.store.dump();
  store.advance(10, "a", 9);
  store.advance(11, "unknown", 9);
  store.advance(12, "a", 3);
  deepEqual(store.state.horizons.rules.map(({ prefix, version }) => [prefix, version]), [[
    "ka",
    9,
  ]]);
  deepEqual(store.store.dump(), before);
});

Deno.test("append and add keep a key on its way to its end, and set takes it off", () => {
  const store = new AppliedStore();
  const value = { bytes: new TextEncoder().encode("x"), contentType: "text/plain" };
  store.run(10, putLiving("a", "1", 10), putLiving("b", "1", 9));
  store.run(
    12,
    transaction({ mutations: [{ op: "append", key: "a", value }, { op: "set", key: "b", value }] }),
  );
  equal(expire(store, 20), 1);
  deepEqual(store.story("a"), ["10 set 1", "12 set 1x", "20 expire"]);
  equal(store.text("b", 100), "x");
});

Deno.test("expire gives each expired key a tombstone in the end, and changes no other", () => {
  fc.assert(
    fc.property(entries, (given) => {
      const store = new AppliedStore();
      let lastVersion = 0;
      for (const { gap, drafts } of given) {
        const base = lastVersion + gap;
        ({ lastVersion } = store.apply(buildEntry({ base }, asLeader(drafts, lastVersion))));
      }
      // All that lives for a short time only is over by then.
      let version = lastVersion + 9;
      const before = store.store.dump("k");
      const expired = [...store.store.written.keys()].sort().filter((key) =>
        key[0] === "k" && store.store.entry(key, version)?.kind === EntryKind.value &&
        store.store.get(key, version) === undefined
      );
      const live = store.live(version);
      let removedCount = 0;
      // Each command deals with three entries of the index, void ones included.
      for (let rest = store.store.dump("e").length; rest >= 0; rest -= 3) {
        const [result] = store.run(version++, { kind: "expire", keyCountMax: 3 });
        if (result.outcome === "committed") removedCount += result.deletedCount;
      }
      equal(removedCount, expired.length);
      for (const key of expired) equal(store.store.entry(key, version)?.kind, EntryKind.tombstone);
      deepEqual(store.store.dump("k").filter((line) => before.includes(line)), before);
      equal(store.store.dump("k").length, before.length + expired.length);
      deepEqual(store.live(version), live);
    }),
    { numRuns: 200 },
  );
});
