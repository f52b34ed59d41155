/**
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { ProcessSampler } from "../../../server/telemetry/process_sampler.ts";
import { ManualClock } from "../manual_clock.ts";

Deno.test("ProcessSampler tells the longest delay since the last look, and stops", () => {
  const clock = new ManualClock();
  const sampler = new ProcessSampler(clock);
  clock.advance(5_000);
  const sample = sampler.sample();
  equal(sample.eventLoopDelaySecondsMax, 0);
  deepEqual([sample.eventLoopDelay.bucketCounts[0], sample.eventLoopDelay.longestMs], [10, 0]);
  equal(sample.residentSizeBytes > 0, true);
  equal(sample.cpuUserSeconds > 0, true);
  sampler.close();
  equal(clock.timerCount, 0);
  clock.advance(2_000);
  equal(sampler.sample().eventLoopDelaySecondsMax, 1.5);
});
