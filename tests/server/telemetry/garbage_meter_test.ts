/**
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { type Collection, GarbageMeter } from "../../../server/telemetry/garbage_meter.ts";

/** A profiler that reports what it is given, once. */
class FakeProfiler {
  collections: Collection[] = [];
  startCount = 0;
  isRunning = false;

  start(): void {
    equal(this.isRunning, false);
    this.isRunning = true;
    this.startCount++;
  }

  stop(): { statistics: Collection[] } {
    equal(this.isRunning, true);
    this.isRunning = false;
    return { statistics: this.collections.splice(0) };
  }
}

Deno.test("GarbageMeter begins with the first look, and counts each collection once by kind", () => {
  const profiler = new FakeProfiler();
  const meter = new GarbageMeter(profiler);
  equal(profiler.startCount, 0);
  meter.look();
  profiler.collections.push(
    { gcType: "Scavenge", cost: 2_000_000 },
    { gcType: "Scavenge", cost: 3_000_000 },
    { gcType: "NewKind7", cost: 1_000_000 },
    { gcType: "NewKind8", cost: 1_000_000 },
  );
  meter.look();
  meter.look();
  const sums = [...meter.statistics()].map(([kind, { sumMs }]) => [kind, sumMs]);
  deepEqual(sums, [["scavenge", 5], ["other", 2]]);
  meter.close();
  meter.close();
  equal(profiler.isRunning, false);
});

Deno.test("GarbageMeter finds nothing where the runtime has no profiler", () => {
  const meter = new GarbageMeter(null);
  meter.look();
  meter.close();
  equal(meter.statistics().size, 0);
});

Deno.test("GarbageMeter reads the runtime's own unit: collections take less than all the time", () => {
  const meter = new GarbageMeter();
  const startMs = performance.now();
  meter.look();
  let kept: unknown[] = [];
  for (let index = 0; index < 1_000_000; index++) {
    kept.push({ index });
    if (kept.length > 50_000) kept = [];
  }
  meter.close();
  const passedMs = performance.now() - startMs;
  const sums = [...meter.statistics().values()].map(({ sumMs }) => sumMs);
  ok(sums.length > 0);
  ok(sums.reduce((left, right) => left + right) < passedMs);
});
