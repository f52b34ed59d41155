import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import type { UpkeepCommand } from "../../sharding/command.ts";
import type { Command, CommandResult, Condition } from "../../sharding/database.ts";
import { valueWriter } from "../../sharding/value.ts";
import { AppliedStore, putLiving } from "./applied_store.ts";
import { buildEntry, putText } from "./entry_building.ts";

interface Options {
  readonly condition?: Condition;
  readonly ttlMicros?: number;
}

/** Reverts key `a` at `base` to a version. */
function revert(
  store: AppliedStore,
  base: number,
  toVersion: number,
  options: Options = {},
): CommandResult {
  return store.run(base, { kind: "revert", key: "a", toVersion, ...options })[0];
}

Deno.test("applyRevert() writes the value of then once more, as a new commit", () => {
  const store = new AppliedStore();
  store.run(10, putText("a", "old", "text/csv"));
  store.run(20, putText("a", "new"));
  store.run(30, { kind: "delete", key: "a" });
  const command: Command = { kind: "revert", key: "a", toVersion: 19 };
  store.apply(buildEntry({ base: 40 }, [{ command, writer: "node1/admin" }]));
  deepEqual(store.live(40), [["a", {
    bytes: new TextEncoder().encode("old"),
    contentType: "text/csv",
    version: 40,
    expiresAt: undefined,
  }]]);
  deepEqual(store.story("a"), ["10 set old", "20 set new", "30 delete", "40 set old"]);
  const envelope = store.store.written.get("ka")?.at(-1)?.bytes ?? new Uint8Array(0);
  equal(valueWriter(envelope, 0, envelope.length), "node1/admin");
});

Deno.test("applyRevert() looks at the version itself, and at what stood there before", () => {
  const store = new AppliedStore();
  store.run(10, putText("a", "1"));
  store.run(20, putText("a", "2"));
  revert(store, 30, 20);
  equal(store.text("a"), "2");
  revert(store, 40, 10);
  equal(store.text("a"), "1");
  deepEqual(revert(store, 50, 9), { outcome: "no_value", key: "a" });
});

Deno.test("applyRevert() finds no value where the key was deleted, and none at an expired moment", () => {
  const store = new AppliedStore();
  store.run(10, putText("a", "1"));
  store.run(20, { kind: "delete", key: "a" });
  store.run(30, putLiving("a", "brief", 5));
  deepEqual(revert(store, 40, 25), { outcome: "no_value", key: "a" });
  deepEqual(revert(store, 41, 35), { outcome: "no_value", key: "a" });
  equal(revert(store, 42, 34).outcome, "committed");
  equal(store.text("a"), "brief");
});

Deno.test("applyRevert() lets the value live for ever, or as long as it is told", () => {
  const store = new AppliedStore();
  store.run(10, putLiving("a", "brief", 5));
  revert(store, 20, 12);
  equal(store.live(1_000)[0][1].expiresAt, undefined);
  revert(store, 30, 12, { ttlMicros: 7 });
  equal(store.live(36)[0][1].expiresAt, 37);
  equal(store.store.dump("e").length, 2);
});

Deno.test("applyRevert() is held to its condition, before anything else", () => {
  const store = new AppliedStore();
  store.run(10, putText("a", "1"));
  store.run(20, putText("a", "2"));
  const refused = revert(store, 30, 10, { condition: { kind: "version", versions: [10] } });
  deepEqual(refused, { outcome: "condition_failed", current: 20 });
  deepEqual(revert(store, 31, 5, { condition: { kind: "absent" } }), {
    outcome: "condition_failed",
    current: 20,
  });
  equal(
    revert(store, 32, 10, { condition: { kind: "version", versions: [20] } }).outcome,
    "committed",
  );
  equal(store.text("a"), "1");
});

Deno.test("applyRevert() goes back to the horizon of its key and not one version further", () => {
  const store = new AppliedStore();
  store.run(10, putText("a", "1"), putText("b", "1"));
  store.setRule(20, "a", { kind: "duration", retentionMicros: 5 });
  store.advance(30, "a", 15);
  equal(revert(store, 40, 15).outcome, "committed");
  deepEqual(revert(store, 41, 14), { outcome: "version_vacuumed", oldestVersion: 15 });
  const [other] = store.run(42, { kind: "revert", key: "b", toVersion: 14 });
  equal(other.outcome, "committed");
});

Deno.test("applyRevert() reaches as far below the horizon as its rule counts", () => {
  const store = new AppliedStore();
  store.setRule(1, "a", { kind: "versions", versionCount: 3 });
  for (const version of [10, 20, 30, 40]) store.run(version, putText("a", String(version)));
  store.advance(50, "a", 45);
  deepEqual(revert(store, 60, 19), { outcome: "version_vacuumed", oldestVersion: 45 });
  equal(revert(store, 61, 20).outcome, "committed");
  equal(store.text("a"), "20");
  // By now the revert itself is one of the three.
  deepEqual(revert(store, 62, 29), { outcome: "version_vacuumed", oldestVersion: 45 });
});

Deno.test("applyRevert() does not go by a tombstone below the horizon, which may be gone", () => {
  const store = new AppliedStore();
  store.setRule(1, "a", { kind: "versions", versionCount: 1 });
  store.run(10, putText("a", "1"));
  store.run(20, { kind: "delete", key: "a" });
  store.run(30, putText("b", ""));
  store.advance(40, "a", 30);
  deepEqual(revert(store, 50, 25), { outcome: "version_vacuumed", oldestVersion: 30 });
  deepEqual(revert(store, 51, 30), { outcome: "no_value", key: "a" });
});

/** One key and a rule over it, and how far back each step looks. */
const keptSteps = fc.array(
  fc.record({
    action: fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom("put", "delete", "revert", "advance", "count") },
      { weight: 1, arbitrary: fc.constantFrom("brief", "duration", "remove", "expire") },
    ),
    back: fc.nat(4),
  }),
  { maxLength: 40 },
);

function keptCommand(
  { action, back }: { action: string; back: number },
  lastVersion: number,
): Command | UpkeepCommand {
  const key = "a";
  const version = Math.max(0, lastVersion - back);
  switch (action) {
    case "put":
      return putText(key, String(lastVersion));
    case "brief":
      return putLiving(key, String(lastVersion), 1 + back);
    case "delete":
      return { kind: "delete", key };
    case "revert":
      return { kind: "revert", key, toVersion: version };
    case "count":
      return {
        kind: "set_retention",
        prefix: key,
        rule: { kind: "versions", versionCount: 1 + back % 3 },
      };
    case "duration":
      return { kind: "set_retention", prefix: key, rule: { kind: "duration", retentionMicros: 9 } };
    case "remove":
      return { kind: "remove_retention", prefix: key };
    case "advance":
      return { kind: "advance", horizons: [{ prefix: "ka", version }] };
    default:
      return { kind: "expire", keyCountMax: 1 + back % 2 };
  }
}

Deno.test("Applier.apply() comes to the same where VACUUM has been and where it has not", () => {
  fc.assert(
    fc.property(keptSteps, fc.array(fc.nat(20)), (steps, lags) => {
      const kept = new AppliedStore();
      const vacuumed = new AppliedStore();
      let lastVersion = 0;
      steps.forEach((step, index) => {
        const draft = { command: keptCommand(step, lastVersion) };
        const payload = buildEntry({ base: lastVersion + 1 }, [draft]);
        const applied = kept.apply(payload);
        deepEqual(vacuumed.apply(payload.slice()), applied);
        ({ lastVersion } = applied);
        const { userVersion } = kept.state.horizons;
        const watermark = Math.max(userVersion, lastVersion - (lags[index] ?? 9));
        for (const one of [kept, vacuumed]) one.moveWatermark(watermark);
        vacuumed.store.vacuum();
        deepEqual(vacuumed.live(lastVersion), kept.live(lastVersion));
      });
    }),
    { numRuns: 3_000 },
  );
});
