import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import type { RetentionTerm } from "../../sharding/database.ts";
import { readEntryHeader } from "../../sharding/entry_header.ts";
import { decodeMachineState } from "../../sharding/machine_state.ts";
import { requestHorizon } from "../../sharding/request_memory.ts";
import { InvariantError } from "../../storage/env/mod.ts";
import { windowMicros } from "../../storage/mod.ts";
import { command, someKey } from "./arbitraries.ts";
import { putLiving } from "./applied_store.ts";
import { DrivenReplica, SetClock } from "./driven_replica.ts";
import { putText } from "./entry_building.ts";
import {
  closedStaysClosed,
  horizonsPassNoHold,
  watermarkKeepsPromises,
} from "./replica_properties.ts";
import { ModelEngine } from "./model_engine.ts";

const put = putText("a", "1");
const holder = { kind: "read", owner: "test" } as const;

Deno.test("Replica.apply() commits index, versions, horizons and window in one step", () => {
  const driven = new DrivenReplica(new SetClock());
  const payload = driven.seal(putText("a", "1"), putText("b", "2"));
  const header = readEntryHeader(payload);
  const results = driven.apply(payload);
  equal(results.length, 2);
  const { applied } = driven.engine;
  deepEqual([applied.index, applied.term, applied.lastVersion], [1, 1, header.base + 1]);
  equal(decodeMachineState(applied.machine).windowEnd, header.windowEnd);
  equal(header.windowEnd, header.base + 1 + windowMicros);
  equal(applied.horizons.requestVersion, requestHorizon(header.base + 1));
  deepEqual([driven.replica.appliedIndex, driven.replica.appliedTerm], [1, 1]);
  equal(driven.replica.durableIndex, 0);
});

Deno.test("Replica.sealHeader() begins above the last window after a restart", () => {
  const clock = new SetClock();
  const before = new DrivenReplica(clock);
  before.apply(before.seal(putText("a", "1")));
  const { windowEnd } = decodeMachineState(before.engine.applied.machine);
  clock.micros -= 10_000_000_000;
  const after = new DrivenReplica(clock, before.engine);
  equal(readEntryHeader(after.seal(putText("a", "2"))).base, windowEnd + 1);
});

Deno.test("Replica.sealHeader() counts the windows of entries replayed after the start", () => {
  const clock = new SetClock();
  const before = new DrivenReplica(clock);
  const payload = before.seal(putText("a", "1"));
  clock.micros -= 10_000_000_000;
  const after = new DrivenReplica(clock);
  after.apply(payload);
  const { base } = readEntryHeader(after.seal(putText("a", "2")));
  equal(base, readEntryHeader(payload).windowEnd + 1);
});

Deno.test("Replica.sealHeader() keeps versions for the retention, counted from now", () => {
  const clock = new SetClock();
  const driven = new DrivenReplica(clock, new ModelEngine(), 1_000);
  driven.apply(driven.seal(putText("a", "1")));
  const { lastVersion } = driven.replica;
  equal(driven.replica.watermark <= lastVersion - 1_000_000, true);
  clock.micros += 900_000;
  driven.apply(driven.seal(putText("a", "2")));
  equal(driven.replica.watermark < lastVersion, true);
  clock.micros += 10_000_000;
  driven.apply(driven.seal(putText("a", "3")));
  // The newest version of when it was drawn can still be held.
  equal(driven.replica.watermark > lastVersion, true);
});

Deno.test("Replica.hold() is refused below a watermark that is drawn and not yet applied", () => {
  const driven = new DrivenReplica(new SetClock());
  driven.apply(driven.seal(putText("a", "1")));
  const old = driven.replica.lastVersion;
  driven.apply(driven.seal(putText("a", "2")));
  driven.seal(putText("a", "3"));
  throws(() => driven.replica.hold(holder, { version: old }), { code: "version_vacuumed" });
  driven.replica.hold(holder).release();
});

Deno.test("Replica.apply() refuses entries out of order and versions that fall", () => {
  const driven = new DrivenReplica(new SetClock());
  const first = driven.seal(putText("a", "1"));
  driven.apply(first);
  const again = { index: 2, term: 1, payload: first };
  throws(() => driven.replica.apply(again), InvariantError);
  const gap = { index: 9, term: 1, payload: driven.seal(putText("a", "2")) };
  throws(() => driven.replica.apply(gap), InvariantError);
});

Deno.test(
  "Replica.watermark never falls, passes no hold and keeps the newest readable",
  watermarkKeepsPromises,
);

Deno.test("Replica.closedVersion rises with the clock as far as the window in the log", () => {
  const driven = new DrivenReplica(new SetClock());
  driven.run(put);
  const { lastVersion } = driven.replica;
  equal(driven.replica.closedVersion, lastVersion);
  driven.clock.micros += 50;
  equal(driven.replica.closedVersion, lastVersion + 50);
  driven.clock.micros += 10 * windowMicros;
  equal(driven.replica.closedVersion, lastVersion + windowMicros);
  equal(driven.replica.versionNow, driven.clock.micros);
});

Deno.test("Replica.closedVersion is 0 where nothing was ever in the log", () => {
  equal(new DrivenReplica(new SetClock()).replica.closedVersion, 0);
});

Deno.test("Replica.closedVersion stays below what is sealed until that is applied", () => {
  const driven = new DrivenReplica(new SetClock());
  driven.run(put);
  driven.clock.micros += 50;
  const { closedVersion } = driven.replica;
  const first = driven.seal(put, put);
  driven.clock.micros += 1_000;
  equal(driven.replica.closedVersion, closedVersion);
  const second = driven.seal(put);
  driven.apply(first);
  // The second is on its way still.
  equal(driven.replica.closedVersion, readEntryHeader(first).base + 1);
  driven.apply(second);
  equal(driven.replica.closedVersion, readEntryHeader(second).base);
  driven.clock.micros += 7;
  equal(driven.replica.closedVersion, readEntryHeader(second).base + 7);
});

Deno.test("Replica.abandon() lets the closed version go on, within the window in the log", () => {
  const driven = new DrivenReplica(new SetClock());
  driven.run(put);
  const { lastVersion } = driven.replica;
  driven.seal(put);
  driven.clock.micros += 50;
  equal(driven.replica.closedVersion, lastVersion);
  driven.replica.abandon();
  equal(driven.replica.closedVersion, lastVersion + 50);
  driven.clock.micros += 3 * windowMicros;
  const lost = driven.seal(put);
  driven.replica.abandon();
  // The window of what was given up is nowhere in the log.
  equal(driven.replica.closedVersion, lastVersion + windowMicros);
  equal(readEntryHeader(driven.seal(put)).base > readEntryHeader(lost).base, true);
});

Deno.test("Replica.abandon() is of what was sealed", () => {
  const driven = new DrivenReplica(new SetClock());
  throws(() => driven.replica.abandon(), InvariantError);
  driven.run(put);
  throws(() => driven.replica.abandon(), InvariantError);
});

Deno.test("Replica.closedVersion does not fall over a restart, though the clock does", () => {
  const driven = new DrivenReplica(new SetClock());
  driven.run(put);
  driven.clock.micros += windowMicros / 2;
  const { closedVersion } = driven.replica;
  driven.clock.micros -= 900_000_000;
  const again = driven.restarted();
  equal(again.replica.closedVersion >= closedVersion, true);
  equal(readEntryHeader(again.seal(put)).base > closedVersion, true);
  // What is on its way comes above all that the process before may have closed.
  equal(again.replica.closedVersion >= closedVersion, true);
});

Deno.test(
  "No commit comes at or below a version that was closed, and none closed is taken back",
  closedStaysClosed,
);

Deno.test(
  "No horizon passes a held snapshot of keys that it is about, nor the newest version",
  horizonsPassNoHold,
);

Deno.test("Replica.apply() makes two replicas of the same entries equal", () => {
  const one = fc.oneof(
    { weight: 5, arbitrary: command(someKey) },
    { weight: 1, arbitrary: fc.constant({ kind: "expire" as const, keyCountMax: 2 }) },
  );
  const batch = fc.array(one, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 8 }), fc.nat(8), (batches, restartAt) => {
      const clock = new SetClock();
      const leader = new DrivenReplica(clock);
      let follower = new DrivenReplica(new SetClock());
      batches.forEach((commands, index) => {
        leader.clock.micros += 3;
        const horizons = leader.replica.drawRuleHorizons();
        const payload = leader.seal({ kind: "advance", horizons }, ...commands);
        const results = leader.apply(payload);
        if (index === restartAt) follower = follower.restarted();
        deepEqual(follower.apply(payload.slice()), results);
        deepEqual(follower.engine.applied, leader.engine.applied);
        equal(follower.replica.expiryPosition, leader.replica.expiryPosition);
      });
      deepEqual(follower.engine.dump(), leader.engine.dump());
    }),
    { numRuns: 100 },
  );
});

Deno.test("Replica.flush() and admission() are the engine's", async () => {
  const driven = new DrivenReplica(new SetClock());
  driven.apply(driven.seal(putText("a", "1")));
  equal(driven.replica.admission(), undefined);
  await driven.replica.flush();
  equal(driven.replica.durableIndex, 1);
});

const long = { kind: "duration", retentionMicros: 10_000_000_000 } as const;
const none = { kind: "duration", retentionMicros: 0 } as const;
const underA = { start: "a", end: "b" };

/** A replica that keeps nothing but by rules, with three versions of `a1` and `b1`. */
function withRules(rules: Record<string, RetentionTerm>): DrivenReplica {
  const driven = new DrivenReplica(new SetClock());
  for (const [prefix, rule] of Object.entries(rules)) {
    driven.run({ kind: "set_retention", prefix, rule });
  }
  for (const text of ["1", "2", "3"]) {
    driven.clock.micros += 1_000;
    driven.run(putText("a1", text), putText("b1", text));
  }
  driven.clock.micros += 1_000;
  return driven;
}

Deno.test("Replica.hold() goes by the rules of the keys that will be read", () => {
  const { replica } = withRules({ a: long });
  const { watermark } = replica;
  const version = watermark - 1;
  equal(watermark > 0, true);
  const refusal = { code: "version_vacuumed", oldestVersion: watermark };
  throws(() => replica.hold(holder, { version }), refusal);
  throws(() => replica.hold(holder, { version, range: { start: "a" } }), refusal);
  throws(() => replica.hold(holder, { version, range: { start: "b", end: "c" } }), refusal);
  throws(() => replica.hold(holder, { version, range: underA, readsChanges: true }), refusal);
  equal(replica.hold(holder, { version, range: underA }).version, version);
  equal(replica.hold(holder, { version, range: { start: "a7", end: "a8" } }).version, version);
});

Deno.test("Replica.hold() under a rule keeps the rule's horizon back and not the watermark", () => {
  const driven = withRules({ a: none });
  const { lastVersion } = driven.replica;
  const held = driven.replica.hold(holder, { version: lastVersion, range: underA });
  for (let count = 0; count < 3; count++) driven.run(putText("b1", "x"));
  equal(driven.replica.watermark > lastVersion, true);
  deepEqual(driven.replica.drawRuleHorizons(), [{ prefix: "ka", version: lastVersion }]);
  held.release();
  deepEqual(driven.replica.drawRuleHorizons(), [
    { prefix: "ka", version: driven.replica.lastVersion },
  ]);
});

Deno.test("Replica.hold() refuses what lies ahead, and holds the closed version if not told", () => {
  const driven = withRules({});
  const { closedVersion } = driven.replica;
  const version = closedVersion + 1;
  throws(() => driven.replica.hold(holder, { version }), { code: "version_to_come" });
  equal(driven.replica.hold(holder).version, closedVersion);
});

Deno.test("Replica.hold() tells its holder when an operator ends it, and once", () => {
  const driven = withRules({});
  let endedCount = 0;
  const held = driven.replica.hold(holder, { onEnded: () => endedCount++ });
  equal(held.isEnded, false);
  equal(driven.engine.endHold(Number(held.id)), true);
  equal(driven.engine.endHold(Number(held.id)), false);
  held.release();
  deepEqual([held.isEnded, endedCount], [true, 1]);
});

Deno.test("Replica.drawRuleHorizons() counts back from the closed version, up to the last", () => {
  const driven = withRules({ a: { kind: "duration", retentionMicros: 1_500 }, b: none, c: long });
  const { closedVersion, lastVersion } = driven.replica;
  const drawn = [
    { prefix: "ka", version: closedVersion - 1_500 },
    { prefix: "kb", version: lastVersion },
  ];
  deepEqual(driven.replica.wantedRuleHorizons(), drawn);
  deepEqual(driven.replica.drawRuleHorizons(), drawn);
  driven.run({ kind: "advance", horizons: drawn });
  const { rules } = driven.engine.applied.horizons;
  equal(rules.find(({ prefix }) => prefix === "kb")?.version, lastVersion);
});

Deno.test("Replica.drawRuleHorizons() lets a rule that counts come up to the last version", () => {
  const driven = withRules({ a: { kind: "versions", versionCount: 2 } });
  const { lastVersion } = driven.replica;
  deepEqual(driven.replica.drawRuleHorizons(), [{ prefix: "ka", version: lastVersion }]);
});

Deno.test("Replica.drawRuleHorizons() refuses every later hold below, applied or not", () => {
  const driven = withRules({ a: none });
  const version = driven.replica.lastVersion - 1;
  driven.replica.hold(holder, { version, range: underA }).release();
  const [{ version: drawn }] = driven.replica.drawRuleHorizons();
  throws(() => driven.replica.hold(holder, { version, range: underA }), {
    code: "version_vacuumed",
    oldestVersion: drawn,
  });
  equal(driven.replica.horizons.rules[0].version, drawn);
  equal(driven.engine.applied.horizons.rules[0].version < drawn, true);
});

Deno.test("Replica.drawRuleHorizons() counts for a rule that takes another's place on the way", () => {
  const driven = withRules({ a: none, b: none });
  const replaced = [
    driven.seal({ kind: "remove_retention", prefix: "a" }),
    driven.seal({ kind: "set_retention", prefix: "a", rule: long }),
  ];
  const horizons = driven.replica.drawRuleHorizons();
  const advance = driven.seal({ kind: "advance", horizons });
  for (const payload of replaced) driven.apply(payload);
  const version = horizons[0].version - 1;
  throws(() => driven.replica.hold(holder, { version, range: underA }), {
    code: "version_vacuumed",
  });
  driven.apply(advance);
});

Deno.test("Replica.apply() drops a rule that was taken back once the watermark has come up", () => {
  const driven = withRules({ a: none });
  const elsewhere = { version: driven.replica.watermark, range: { start: "b" } };
  const held = driven.replica.hold(holder, elsewhere);
  driven.run({ kind: "advance", horizons: driven.replica.drawRuleHorizons() });
  const shown = () =>
    driven.engine.applied.horizons.rules.map(({ prefix, isRetired }) => `${prefix} ${isRetired}`);
  driven.run({ kind: "remove_retention", prefix: "a" });
  deepEqual(shown(), ["ka true"]);
  deepEqual(driven.replica.drawRuleHorizons(), []);
  held.release();
  for (let count = 0; count < 3; count++) driven.run(putText("b1", "x"));
  deepEqual(shown(), []);
});

Deno.test("Replica tells its observer of every entry, of records only where they are wanted", () => {
  const driven = new DrivenReplica(new SetClock());
  const told: { recordCount: number; earliestDue: number }[] = [];
  let wantsRecords = false;
  driven.replica.observe({
    get wantsRecords() {
      return wantsRecords;
    },
    applied: ({ records, earliestDue }) => told.push({ recordCount: records.length, earliestDue }),
  });
  driven.run(putText("a", "1"));
  wantsRecords = true;
  driven.run(putText("a", "2"), putLiving("b", "", 900), putLiving("c", "", 500));
  driven.run({ kind: "delete", key: "not there" });
  deepEqual(told, [
    { recordCount: 0, earliestDue: Infinity },
    { recordCount: 1, earliestDue: driven.engine.applied.lastVersion - 1 + 500 },
    { recordCount: 0, earliestDue: Infinity },
  ]);
});

Deno.test("Replica keeps where it is in the index of expiries, over a restart", () => {
  const driven = new DrivenReplica(new SetClock());
  driven.run(putLiving("a", "", 1), putLiving("b", "", 1), putLiving("c", "", 1));
  driven.clock.micros += 100;
  driven.run({ kind: "expire", keyCountMax: 2 });
  const { expiryPosition } = driven.replica;
  const again = driven.restarted();
  equal(again.replica.expiryPosition, expiryPosition);
  const [result] = again.run({ kind: "expire", keyCountMax: 2 });
  equal(result.outcome === "committed" && result.deletedCount, 1);
});
