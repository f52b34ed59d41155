import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import type { Command } from "../../sharding/database.ts";
import { readEntryHeader } from "../../sharding/entry_header.ts";
import { decodeMachineState } from "../../sharding/machine_state.ts";
import { Replica } from "../../sharding/replica.ts";
import { requestHorizon } from "../../sharding/request_memory.ts";
import { InvariantError } from "../../storage/env/mod.ts";
import { VersionClock, windowMicros } from "../../storage/mod.ts";
import { command, someKey } from "./arbitraries.ts";
import { buildEntry, putText } from "./entry_building.ts";
import { ModelEngine } from "./model_engine.ts";
import { ShiftedClock } from "./test_node.ts";

const holder = { kind: "read", owner: "test" } as const;

/** A replica with a group of its own that has nothing in between. */
class Driven {
  readonly engine: ModelEngine;
  readonly replica: Replica;
  index: number;

  constructor(clock: ShiftedClock, engine = new ModelEngine(), retentionMs = 0) {
    this.engine = engine;
    this.index = engine.applied.index;
    this.replica = new Replica({ engine, versions: new VersionClock(clock), retentionMs });
  }

  seal(...commands: Command[]): Uint8Array {
    const payload = buildEntry({ base: 0 }, commands.map((command) => ({ command })));
    this.replica.sealHeader(payload, 0, commands.length);
    return payload;
  }

  apply(payload: Uint8Array) {
    return this.replica.apply({ index: ++this.index, term: 1, payload });
  }
}

Deno.test("Replica.apply() commits index, versions, horizons and window in one step", () => {
  const driven = new Driven(new ShiftedClock());
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
  const clock = new ShiftedClock();
  const before = new Driven(clock);
  before.apply(before.seal(putText("a", "1")));
  const { windowEnd } = decodeMachineState(before.engine.applied.machine);
  clock.shiftMicros -= 10_000_000_000;
  const after = new Driven(clock, before.engine);
  equal(readEntryHeader(after.seal(putText("a", "2"))).base, windowEnd + 1);
});

Deno.test("Replica.sealHeader() counts the windows of entries replayed after the start", () => {
  const clock = new ShiftedClock();
  const before = new Driven(clock);
  const payload = before.seal(putText("a", "1"));
  clock.shiftMicros -= 10_000_000_000;
  const after = new Driven(clock);
  after.apply(payload);
  const { base } = readEntryHeader(after.seal(putText("a", "2")));
  equal(base, readEntryHeader(payload).windowEnd + 1);
});

Deno.test("Replica.sealHeader() keeps versions for the retention, counted from now", () => {
  const clock = new ShiftedClock();
  const driven = new Driven(clock, new ModelEngine(), 1_000);
  driven.apply(driven.seal(putText("a", "1")));
  const { lastVersion } = driven.replica;
  equal(driven.replica.watermark <= lastVersion - 1_000_000, true);
  clock.shiftMicros += 900_000;
  driven.apply(driven.seal(putText("a", "2")));
  equal(driven.replica.watermark < lastVersion, true);
  clock.shiftMicros += 10_000_000;
  driven.apply(driven.seal(putText("a", "3")));
  // The newest version of when it was drawn can still be held.
  equal(driven.replica.watermark > lastVersion, true);
});

Deno.test("Replica.hold() is refused below a watermark that is drawn and not yet applied", () => {
  const driven = new Driven(new ShiftedClock());
  driven.apply(driven.seal(putText("a", "1")));
  const old = driven.replica.lastVersion;
  driven.apply(driven.seal(putText("a", "2")));
  driven.seal(putText("a", "3"));
  throws(() => driven.replica.hold(holder, old), { code: "version_vacuumed" });
  driven.replica.hold(holder).release();
});

Deno.test("Replica.apply() refuses entries out of order and versions that fall", () => {
  const driven = new Driven(new ShiftedClock());
  const first = driven.seal(putText("a", "1"));
  driven.apply(first);
  const again = { index: 2, term: 1, payload: first };
  throws(() => driven.replica.apply(again), InvariantError);
  const gap = { index: 9, term: 1, payload: driven.seal(putText("a", "2")) };
  throws(() => driven.replica.apply(gap), InvariantError);
});

Deno.test("Replica.watermark never falls, passes no hold and keeps the newest readable", () => {
  const step = fc.record({
    jump: fc.integer({ min: -2_000_000, max: 2_000_000 }),
    action: fc.constantFrom("apply", "pipeline", "hold", "release", "restart"),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), fc.nat(1_000), (steps, retentionMs) => {
    const clock = new ShiftedClock();
    let driven = new Driven(clock, new ModelEngine(), retentionMs);
    let holds: { version: number; release(): void }[] = [];
    let watermark = 0;
    for (const { jump, action } of steps) {
      clock.shiftMicros += jump;
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
        for (const hold of holds) hold.release();
        holds = [];
        driven = new Driven(clock, driven.engine, retentionMs);
      }
      const { userVersion } = driven.engine.applied.horizons;
      equal(userVersion >= watermark, true);
      watermark = userVersion;
      equal(driven.replica.watermark <= driven.replica.lastVersion, true);
      for (const { version } of holds) equal(driven.replica.watermark <= version, true);
    }
  }));
});

Deno.test("Replica.apply() makes two replicas of the same entries equal", () => {
  const batch = fc.array(command(someKey), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 8 }), fc.nat(8), (batches, restartAt) => {
      const clock = new ShiftedClock();
      const leader = new Driven(clock);
      let follower = new Driven(new ShiftedClock());
      batches.forEach((commands, index) => {
        const payload = leader.seal(...commands);
        const results = leader.apply(payload);
        if (index === restartAt) follower = new Driven(new ShiftedClock(), follower.engine);
        deepEqual(follower.apply(payload.slice()), results);
      });
      deepEqual(follower.engine.dump(), leader.engine.dump());
      deepEqual(follower.engine.applied, leader.engine.applied);
    }),
    { numRuns: 100 },
  );
});

Deno.test("Replica.flush() and admission() are the engine's", async () => {
  const driven = new Driven(new ShiftedClock());
  driven.apply(driven.seal(putText("a", "1")));
  equal(driven.replica.admission(), undefined);
  await driven.replica.flush();
  equal(driven.replica.durableIndex, 1);
});
