import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { VersionClock, windowMicros } from "../../../storage/mvcc/version_clock.ts";
import { type Clock, InvariantError, SystemClock } from "../../../storage/env/mod.ts";

/** A clock whose wall time is what the test says. */
class HandClock extends SystemClock implements Clock {
  nowMicros: number;

  constructor(nowMicros: number) {
    super();
    this.nowMicros = nowMicros;
  }

  override wallMicros(): number {
    return this.nowMicros;
  }
}

Deno.test("VersionClock.take() follows the wall clock", () => {
  const hand = new HandClock(5_000);
  const versions = new VersionClock(hand);
  deepEqual(versions.take(1), { base: 5_000, windowEnd: 5_000 + windowMicros });
  hand.nowMicros = 6_000;
  equal(versions.take(1).base, 6_000);
});

Deno.test("VersionClock.take() hands out a run and goes on behind its last version", () => {
  const versions = new VersionClock(new HandClock(100));
  equal(versions.take(10).base, 100);
  deepEqual(versions.take(2), { base: 110, windowEnd: 111 + windowMicros });
  equal(versions.last, 111);
});

Deno.test("VersionClock.take() counts on by ones while the wall clock is behind", () => {
  const hand = new HandClock(1_000_000);
  const versions = new VersionClock(hand);
  versions.take(1);
  hand.nowMicros = 10;
  equal(versions.take(1).base, 1_000_001);
  equal(versions.take(1).base, 1_000_002);
  hand.nowMicros = 2_000_000;
  equal(versions.take(1).base, 2_000_000);
});

Deno.test("VersionClock begins above the window of the run before a restart", () => {
  const hand = new HandClock(1_000);
  const before = new VersionClock(hand).take(3);
  const restarted = new VersionClock(hand, before.windowEnd);
  equal(restarted.take(1).base, before.windowEnd + 1);
  const told = new VersionClock(hand);
  told.startAbove(before.windowEnd);
  equal(told.take(1).base, before.windowEnd + 1);
});

Deno.test("VersionClock.startAbove() never takes a version back", () => {
  const versions = new VersionClock(new HandClock(1_000));
  versions.take(1);
  versions.startAbove(5);
  equal(versions.take(1).base, 1_001);
});

Deno.test("VersionClock refuses empty runs and versions beyond a safe integer", () => {
  const versions = new VersionClock(new HandClock(1));
  throws(() => versions.take(0), InvariantError);
  throws(() => versions.take(1.5), InvariantError);
  throws(() => versions.startAbove(-1), InvariantError);
  throws(() => new VersionClock(new HandClock(2 ** 53 - 2)).take(1), InvariantError);
});

Deno.test("VersionClock.now() is the wall clock's time, or the last version where that is behind", () => {
  const hand = new HandClock(1_000);
  const versions = new VersionClock(hand);
  equal(versions.now(), 1_000);
  equal(versions.take(3).base, 1_000);
  equal(versions.now(), 1_002);
  hand.nowMicros = 2_000;
  equal(versions.now(), 2_000);
});

Deno.test("VersionClock.close() closes up to now or its limit, and runs begin above", () => {
  const hand = new HandClock(1_000);
  const versions = new VersionClock(hand);
  equal(versions.close(5_000), 1_000);
  equal(versions.take(1).base, 1_001);
  hand.nowMicros = 9_000;
  equal(versions.close(5_000), 5_000);
  hand.nowMicros = 3_000;
  equal(versions.take(1).base, 5_001);
});

Deno.test("VersionClock.close() never says less than it said, nor than was handed out", () => {
  const hand = new HandClock(1_000);
  const versions = new VersionClock(hand);
  equal(versions.close(900), 900);
  equal(versions.close(800), 900);
  hand.nowMicros = 10;
  equal(versions.close(2_000), 900);
  versions.take(5);
  equal(versions.close(0), 905);
  throws(() => versions.close(NaN), InvariantError);
});

Deno.test("VersionClock rises strictly and keeps its windows whatever the clock does", () => {
  const step = fc.record({
    jump: fc.integer({ min: -1_000_000, max: 1_000_000 }),
    count: fc.integer({ min: 1, max: 50 }),
    isClosing: fc.boolean(),
    restart: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(step), (steps) => {
    const hand = new HandClock(10_000_000);
    let versions = new VersionClock(hand);
    let last = 0;
    let windowEnd = 0;
    for (const { jump, count, isClosing, restart } of steps) {
      hand.nowMicros = Math.max(0, hand.nowMicros + jump);
      if (restart) {
        versions = new VersionClock(hand, windowEnd);
        last = windowEnd;
      }
      if (isClosing) {
        const closed = versions.close(windowEnd);
        equal(closed >= last && closed <= Math.max(windowEnd, last), true);
        last = closed;
      }
      const run = versions.take(count);
      equal(run.base > last, true);
      last = run.base + count - 1;
      equal(run.windowEnd >= windowEnd, true);
      equal(run.windowEnd >= last && run.windowEnd - last <= windowMicros, true);
      windowEnd = run.windowEnd;
    }
  }));
});
