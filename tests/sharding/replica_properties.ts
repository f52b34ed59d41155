/**
 * What must hold of a replica at every moment, whatever is done to it and whatever its clock does.
 *
 * @module
 */
import { equal } from "node:assert/strict";
import fc from "fast-check";
import { type RuleHorizon, treeRange } from "../../sharding/command.ts";
import type { KeyRange, RetentionTerm, SnapshotHold } from "../../sharding/database.ts";
import { readEntryHeader } from "../../sharding/entry_header.ts";
import { ShardError } from "../../sharding/errors.ts";
import { prefixRange } from "../../sharding/prefix_range.ts";
import { horizonOver } from "../../storage/mod.ts";
import { DrivenReplica, SetClock } from "./driven_replica.ts";
import { putText } from "./entry_building.ts";

const holder = { kind: "read", owner: "test" } as const;
const put = putText("a", "1");

/** Replica.watermark never falls, passes no hold and keeps the newest readable. */
export function watermarkKeepsPromises(): void {
  const step = fc.record({
    jump: fc.integer({ min: -2_000_000, max: 2_000_000 }),
    action: fc.constantFrom("apply", "pipeline", "hold", "release", "restart"),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), fc.nat(1_000), (steps, retentionMs) => {
    const clock = new SetClock();
    let driven = new DrivenReplica(clock, undefined, retentionMs);
    let holds: { version: number; release(): void }[] = [];
    let watermark = 0;
    for (const { jump, action } of steps) {
      clock.micros += jump;
      if (action === "apply") driven.apply(driven.seal(putText("a", "1")));
      if (action === "pipeline") {
        // The next entry is sealed before the one in front of it is applied.
        const first = driven.seal(putText("a", "1"));
        const second = driven.seal(putText("a", "2"));
        driven.apply(first);
        driven.apply(second);
      }
      if (action === "hold") holds.push(driven.replica.hold(holder));
      if (action === "release") holds.shift()?.release();
      if (action === "restart") {
        holds = [];
        driven = driven.restarted(retentionMs);
      }
      const { userVersion } = driven.engine.applied.horizons;
      equal(userVersion >= watermark, true);
      watermark = userVersion;
      equal(driven.replica.watermark <= driven.replica.lastVersion, true);
      for (const { version } of holds) equal(driven.replica.watermark <= version, true);
    }
  }));
}

/** No commit comes at or below a version that was closed, and none closed is taken back. */
export function closedStaysClosed(): void {
  const step = fc.record({
    jump: fc.oneof(fc.integer({ min: -500_000, max: 500_000 }), fc.constantFrom(0, 1)),
    action: fc.constantFrom("seal", "seal", "apply", "apply", "abandon", "restart", "look", "look"),
    keptCount: fc.nat(2),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      let driven = new DrivenReplica(new SetClock());
      let closed = 0;
      let sealed: Uint8Array[] = [];
      const apply = (payload: Uint8Array) => {
        equal(readEntryHeader(payload).base > closed, true, "it was closed already");
        driven.apply(payload);
      };
      for (const { jump, action, keptCount } of steps) {
        driven.clock.micros += jump;
        if (action === "seal" && sealed.length < 2) sealed.push(driven.seal(put, put));
        if (action === "apply" && sealed.length > 0) apply(sealed.splice(0, 1)[0]);
        if (action === "abandon" && sealed.length === 1) {
          driven.replica.abandon();
          sealed = [];
        }
        if (action === "restart") {
          driven = driven.restarted();
          // The log holds as many of them as it does, in order.
          for (const payload of sealed.slice(0, keptCount)) apply(payload);
          sealed = [];
        }
        if (action !== "look") continue;
        const now = driven.replica.closedVersion;
        equal(now >= closed, true, `${now} behind ${closed}`);
        closed = now;
      }
    }),
    { numRuns: 1_000 },
  );
}

const range: fc.Arbitrary<KeyRange | undefined> = fc.oneof(
  fc.constantFrom("a", "ab", "abc", "b").map(prefixRange),
  fc.constantFrom({ start: "a", end: "aab" }, { start: "aa", end: "b" }, {}, undefined),
);

const term: fc.Arbitrary<RetentionTerm> = fc.oneof(
  fc.integer({ min: 0, max: 5_000 }).map((retentionMicros) => ({
    kind: "duration" as const,
    retentionMicros,
  })),
  fc.constant({ kind: "versions" as const, versionCount: 2 }),
);

const step = fc.record({
  action: fc.constantFrom("put", "put", "rule", "draw", "hold", "hold", "release", "apply"),
  jump: fc.integer({ min: 0, max: 3_000 }),
  back: fc.integer({ min: 0, max: 4_000 }),
  prefix: fc.constantFrom("a", "ab", "b"),
  range,
  term,
});
/** No horizon passes a held snapshot of keys that it is about, nor the newest version. */
export function horizonsPassNoHold(): void {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(3), (steps, retentionMs) => {
      const driven = new DrivenReplica(new SetClock(), undefined, retentionMs);
      const { replica, engine } = driven;
      const holds: { held: SnapshotHold; range: KeyRange }[] = [];
      const sealed: Uint8Array[] = [];
      const applyAll = () => sealed.splice(0).forEach((payload) => driven.apply(payload));
      const draw = (): RuleHorizon[] => replica.drawRuleHorizons();
      for (const { action, jump, back, prefix, range, term } of steps) {
        driven.clock.micros += jump;
        if (action === "put") sealed.push(driven.seal(putText("ab1", "x")));
        if (action === "rule") {
          sealed.push(driven.seal({ kind: "set_retention", prefix, rule: term }));
        }
        if (action === "draw") sealed.push(driven.seal({ kind: "advance", horizons: draw() }));
        if (action === "release") holds.shift()?.held.release();
        if (action === "apply" || sealed.length > 2) applyAll();
        if (action === "hold") {
          const version = Math.max(0, replica.closedVersion - back);
          try {
            holds.push({ held: replica.hold(holder, { version, range }), range: range ?? {} });
          } catch (error) {
            if (!(error instanceof ShardError) || error.code !== "version_vacuumed") throw error;
          }
        }
        const { horizons, lastVersion } = engine.applied;
        for (const { held, range } of holds) {
          const { start, end } = treeRange(range);
          equal(horizonOver(horizons, start, end) <= held.version, true);
        }
        equal(horizonOver(horizons, "k", "l") <= lastVersion, true);
        replica.hold(holder).release();
      }
    }),
    { numRuns: 1_000 },
  );
}
