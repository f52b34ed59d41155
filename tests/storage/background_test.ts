import { deepEqual, equal } from "node:assert/strict";
import { WorkLane } from "../../storage/background.ts";
import { InvariantError, silentLogger } from "../../storage/env/mod.ts";
import { StorageError } from "../../storage/errors.ts";
import { Scheduler } from "../sim/scheduler.ts";
import { SimClock } from "../sim/sim_clock.ts";

/** A lane whose jobs are what a test puts into `jobs`: undefined succeeds, an error is thrown. */
function laneOf(jobs: (unknown)[]) {
  const scheduler = new Scheduler();
  const clock = new SimClock(scheduler);
  const fatal: unknown[] = [];
  const startedAtMs: number[] = [];
  let progressCount = 0;
  const lane = new WorkLane({
    name: "test",
    clock,
    logger: silentLogger,
    async step() {
      if (jobs.length === 0) return false;
      startedAtMs.push(Math.round(clock.monotonicMs()));
      const job = jobs.shift();
      await clock.sleep(10);
      if (job !== undefined) throw job;
      return true;
    },
    onProgress: () => progressCount++,
    onFatal: (error) => fatal.push(error),
  });
  return { scheduler, lane, fatal, startedAtMs, jobs, progressCount: () => progressCount };
}

function failure(code: "disk_full" | "io" | "corruption" | "sync_failed" | "closed"): StorageError {
  return new StorageError(code, "planned");
}

Deno.test("WorkLane does one job after the other until there is none, and starts again when woken", async () => {
  const { scheduler, lane, startedAtMs, jobs } = laneOf([undefined, undefined]);
  lane.wake();
  lane.wake();
  await scheduler.run(1_000);
  deepEqual(startedAtMs, [0, 10]);
  equal(lane.isBusy, false);
  jobs.push(undefined);
  lane.wake();
  await scheduler.run(1_000);
  deepEqual(startedAtMs, [0, 10, 1_000]);
});

Deno.test("WorkLane sees a job that comes while the last one ends", async () => {
  const { scheduler, lane, startedAtMs, jobs } = laneOf([undefined]);
  lane.wake();
  await scheduler.run(5);
  jobs.push(undefined);
  lane.wake();
  await scheduler.run(100);
  equal(startedAtMs.length, 2);
});

for (const code of ["disk_full", "io"] as const) {
  Deno.test(`WorkLane tries again after ${code}, with pauses that double`, async () => {
    const { scheduler, lane, startedAtMs } = laneOf([failure(code), failure(code), failure(code)]);
    lane.wake();
    await scheduler.run(50);
    equal(lane.failure?.code, code);
    await scheduler.run(2_000);
    deepEqual(startedAtMs, [0, 110, 320]);
    equal(lane.failure, undefined, "the fourth look found nothing to do");
  });
}

Deno.test("WorkLane.retry() does not wait for the timer, but lets a moment pass", async () => {
  const { scheduler, lane, startedAtMs } = laneOf([failure("io"), failure("io"), undefined]);
  lane.wake();
  await scheduler.run(150);
  equal(startedAtMs.length, 2);
  lane.retry();
  await scheduler.run(10);
  equal(startedAtMs.length, 2, "it failed a moment ago");
  await scheduler.run(90);
  lane.retry();
  await scheduler.run(20);
  equal(startedAtMs.length, 3);
  equal(lane.failure, undefined);
});

Deno.test("WorkLane halts for good at corruption, without ending the process", async () => {
  const { scheduler, lane, startedAtMs, fatal } = laneOf([failure("corruption"), undefined]);
  lane.wake();
  await scheduler.run(20_000);
  lane.wake();
  lane.retry();
  await scheduler.run(20_000);
  equal(startedAtMs.length, 1);
  equal(lane.failure?.code, "corruption");
  deepEqual(fatal, []);
});

for (const error of [failure("sync_failed"), new InvariantError("planned")]) {
  Deno.test(`WorkLane reports ${error.message} ${error.name} as fatal and does no more`, async () => {
    const { scheduler, lane, startedAtMs, fatal } = laneOf([error, undefined]);
    lane.wake();
    await scheduler.run(1_000);
    lane.wake();
    await scheduler.run(20_000);
    deepEqual(fatal, [error]);
    equal(startedAtMs.length, 1);
  });
}

Deno.test("WorkLane.stop() waits for the running job and leaves no timer", async () => {
  const { scheduler, lane, startedAtMs, progressCount } = laneOf([undefined, undefined]);
  lane.wake();
  await scheduler.run(5);
  await scheduler.until(lane.stop());
  equal(lane.isBusy, false);
  const count = progressCount();
  lane.wake();
  await scheduler.run(20_000);
  equal(startedAtMs.length, 1);
  equal(progressCount(), count);
});
