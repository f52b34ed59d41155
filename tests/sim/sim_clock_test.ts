import { deepEqual, equal } from "node:assert/strict";
import { clockSuite } from "../suites/clock_suite.ts";
import { Scheduler } from "./scheduler.ts";
import { SimClock, wallStartMicros } from "./sim_clock.ts";

clockSuite("SimClock", () => {
  const scheduler = new Scheduler();
  return { clock: new SimClock(scheduler), until: (promise) => scheduler.until(promise) };
});

Deno.test("SimClock.jump() moves the wall and not the monotonic time", async () => {
  const scheduler = new Scheduler();
  const clock = new SimClock(scheduler);
  await scheduler.until(clock.sleep(10));
  clock.jump(-3_600_000);
  equal(clock.wallMicros(), wallStartMicros + 10_000 - 3_600_000_000);
  equal(clock.monotonicMs(), 10);
});

Deno.test("SimClock.stop() silences one process and no other", async () => {
  const scheduler = new Scheduler();
  const dead = new SimClock(scheduler);
  const alive = new SimClock(scheduler);
  const seen: string[] = [];
  dead.setTimer(1, () => seen.push("dead"));
  alive.setTimer(1, () => seen.push("alive"));
  dead.stop();
  await scheduler.run(2);
  deepEqual(seen, ["alive"]);
});

Deno.test("SimClock lets time go by with work, up to a bound", async () => {
  const scheduler = new Scheduler();
  const clock = new SimClock(scheduler, { workMs: 2 });
  deepEqual([1, 2, 3, 4].map(() => clock.monotonicMs()), [2, 4, 5, 5]);
  await scheduler.run(1);
  deepEqual([1, 2].map(() => clock.monotonicMs()), [6, 6]);
  await scheduler.run(100);
  equal(clock.monotonicMs(), 101);
});
