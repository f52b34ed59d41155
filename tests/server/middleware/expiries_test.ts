/**
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { Expiries, type Expiry } from "../../../server/middleware/expiries.ts";
import { ManualClock } from "../manual_clock.ts";

function watched(clock: ManualClock, endsAtClosing = true) {
  const ended: string[] = [];
  const make = (delayMs: number): Expiry => ({
    expiresAtMs: clock.monotonicMs() + delayMs,
    endsAtClosing,
    onExpire: (reason) => void ended.push(reason),
  });
  return { ended, make };
}

Deno.test("Expiries ends what is due once, and keeps no timer for nothing", () => {
  const clock = new ManualClock();
  const expiries = new Expiries(clock);
  const { ended, make } = watched(clock);
  const putOff = make(500);
  expiries.add(make(500));
  expiries.add(make(5_000));
  expiries.add(putOff);
  putOff.expiresAtMs += 5_000;
  clock.advance(2_000);
  deepEqual(ended, ["expired"]);
  clock.advance(10_000);
  deepEqual(ended, ["expired", "expired", "expired"]);
  equal(clock.timerCount, 0);
});

Deno.test("Expiries says nothing to what was removed", () => {
  const clock = new ManualClock();
  const expiries = new Expiries(clock);
  const { ended, make } = watched(clock);
  const expiry = make(500);
  expiries.add(expiry);
  expiries.remove(expiry);
  clock.advance(5_000);
  deepEqual(ended, []);
});

Deno.test("Expiries.close() ends what may end, and waits for the rest", () => {
  const clock = new ManualClock();
  const expiries = new Expiries(clock);
  const streams = watched(clock);
  const bodies = watched(clock, false);
  const body = bodies.make(5_000);
  expiries.add(streams.make(5_000));
  expiries.add(body);
  expiries.close();
  expiries.add(streams.make(5_000));
  deepEqual([streams.ended, bodies.ended], [["closing", "closing"], []]);
  equal(clock.timerCount, 1);
  expiries.remove(body);
  equal(clock.timerCount, 0);
});
