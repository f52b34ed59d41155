import { deepEqual, equal } from "node:assert/strict";
import { paceMs, StreamPacer, turnsPerPace } from "../../../server/middleware/stream_pacer.ts";
import { ManualClock } from "../manual_clock.ts";

Deno.test("StreamPacer gives so many turns at a time, in order, and then rests", async () => {
  const clock = new ManualClock();
  const pacer = new StreamPacer(clock, new AbortController().signal);
  const written: number[] = [];
  const count = turnsPerPace + 2;
  for (let index = 0; index < count; index++) void pacer.turn().then(() => written.push(index));
  equal(clock.timerCount, 1);
  clock.advance(paceMs - 1);
  await Promise.resolve();
  equal(written.length, 0);
  clock.advance(1);
  await Promise.resolve();
  equal(written.length, turnsPerPace);
  clock.advance(paceMs);
  await Promise.resolve();
  deepEqual(written, Array.from({ length: count }, (_, index) => index));
  equal(clock.timerCount, 0);
});

Deno.test("StreamPacer lets everybody go when the server stops, and leaves no timer", async () => {
  const clock = new ManualClock();
  const closing = new AbortController();
  const pacer = new StreamPacer(clock, closing.signal);
  const waiting = pacer.turn();
  closing.abort();
  await waiting;
  await pacer.turn();
  equal(clock.timerCount, 0);
});

Deno.test("StreamPacer.whenFree() lets so many write at once in a time, and others in turn", async () => {
  const clock = new ManualClock();
  const pacer = new StreamPacer(clock, new AbortController().signal);
  for (let count = 0; count < turnsPerPace; count++) equal(pacer.whenFree(), undefined);
  const later = pacer.whenFree();
  equal(later instanceof Promise, true);
  clock.advance(paceMs);
  await later;
  equal(pacer.whenFree(), undefined);
});
