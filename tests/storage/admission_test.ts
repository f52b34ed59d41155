import { equal, ok, rejects, throws } from "node:assert/strict";
import { Admission, repeated } from "../../storage/admission.ts";
import { WorkLane } from "../../storage/background.ts";
import { newCounters } from "../../storage/engine_statistics.ts";
import { silentLogger } from "../../storage/env/mod.ts";
import { StorageError } from "../../storage/errors.ts";
import { Scheduler } from "../sim/scheduler.ts";
import { SimClock } from "../sim/sim_clock.ts";

/** A gate whose surroundings a test sets by hand. */
function gate() {
  const scheduler = new Scheduler();
  const clock = new SimClock(scheduler);
  const around = {
    stallMs: 0,
    failure: undefined as StorageError | undefined,
    refusal: undefined as StorageError | undefined,
    progress: Promise.withResolvers<void>(),
    stepCount: 0,
  };
  const lane = new WorkLane({
    name: "test",
    clock,
    logger: silentLogger,
    step() {
      around.stepCount++;
      return around.failure === undefined ? Promise.resolve(false) : Promise.reject(around.failure);
    },
    onProgress() {},
    onFatal(error) {
      throw error;
    },
  });
  const counters = newCounters();
  const admission = new Admission({
    clock,
    lanes: [lane],
    counters,
    stallMs: () => around.stallMs,
    progress: () => around.progress.promise,
    checkUsable() {
      if (around.refusal !== undefined) throw around.refusal;
    },
  });
  const notify = () => {
    around.progress.resolve();
    around.progress = Promise.withResolvers();
  };
  return { scheduler, around, lane, counters, admission, notify };
}

Deno.test("Admission.enter() lets writers through at once while nothing presses", () => {
  const { admission, counters } = gate();
  equal(admission.enter(), undefined);
  equal(counters.stallCount, 0);
});

Deno.test("Admission.enter() pauses a writer as long as asked, and counts it", async () => {
  const { admission, around, scheduler, counters } = gate();
  around.stallMs = 7;
  const wait = admission.enter();
  ok(wait !== undefined);
  await scheduler.until(wait);
  equal(scheduler.nowMs, 7);
  equal(counters.stallCount, 1);
  equal(counters.stallMs, 7);
});

Deno.test("Admission.enter() holds a stopped writer until there is progress enough", async () => {
  const { admission, around, scheduler, notify } = gate();
  around.stallMs = Infinity;
  const wait = admission.enter();
  ok(wait !== undefined);
  let isThrough = false;
  const through = wait.then(() => {
    isThrough = true;
  });
  notify();
  await scheduler.run(10);
  equal(isThrough, false);
  around.stallMs = 0;
  notify();
  await scheduler.until(through);
  ok(isThrough);
});

Deno.test("Admission.enter() refuses for a full disk and has the work tried again", async () => {
  const { admission, around, scheduler, lane } = gate();
  around.failure = new StorageError("disk_full", "planned");
  lane.wake();
  await scheduler.run(1);
  throws(() => admission.enter(), { code: "disk_full" });
  equal(around.stepCount, 1, "it failed a moment ago");
  await scheduler.run(10_000);
  const before = around.stepCount;
  await scheduler.run(150);
  around.failure = undefined;
  throws(() => admission.enter(), { code: "disk_full" });
  await scheduler.run(1);
  equal(around.stepCount, before + 1);
  equal(admission.enter(), undefined);
  await scheduler.until(lane.stop());
});

Deno.test("Admission.enter() lets a stopped writer go where the work cannot get on", async () => {
  const { admission, around, scheduler, lane } = gate();
  around.failure = new StorageError("corruption", "planned");
  lane.wake();
  await scheduler.run(1);
  equal(admission.enter(), undefined, "there is room for more");
  around.stallMs = Infinity;
  const wait = admission.enter();
  ok(wait !== undefined);
  await rejects(scheduler.until(wait), { code: "corruption" });
});

Deno.test("Admission.enter() refuses, and lets go of who waits, once the engine does", async () => {
  const { admission, around, scheduler, notify } = gate();
  around.stallMs = Infinity;
  const wait = admission.enter();
  ok(wait !== undefined);
  const refused = rejects(scheduler.until(wait), { code: "closed" });
  around.refusal = new StorageError("closed", "planned");
  notify();
  await refused;
  throws(() => admission.enter(), { code: "closed" });
});

Deno.test("repeated() keeps all that a failure says", () => {
  const failure = new StorageError("version_vacuumed", "Cannot read", { oldestVersion: 7 });
  const again = repeated(failure);
  const { code, message, oldestVersion, cause } = again;
  ok(again !== failure && cause === failure);
  equal([code, message, oldestVersion].join(), "version_vacuumed,Cannot read,7");
});
