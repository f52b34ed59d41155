import { deepEqual, equal } from "node:assert/strict";
import { durationBoundsMs, DurationHistogram } from "../../../storage/env/mod.ts";

Deno.test("DurationHistogram puts a duration into the first bucket that holds it", () => {
  const histogram = new DurationHistogram();
  histogram.observe(0.1);
  histogram.observe(0.11);
  histogram.observe(1e9);
  const { bucketCounts, sumMs, longestMs } = histogram.statistics();
  deepEqual([bucketCounts[0], bucketCounts[1], bucketCounts[durationBoundsMs.length]], [1, 1, 1]);
  equal(bucketCounts.length, durationBoundsMs.length + 1);
  deepEqual([Math.round(sumMs), longestMs], [1e9, 1e9]);
});

Deno.test("DurationHistogram counts a negative duration as none, and hands out copies", () => {
  const histogram = new DurationHistogram();
  const before = histogram.statistics();
  histogram.observe(-5);
  equal(before.bucketCounts[0], 0);
  deepEqual(histogram.statistics().bucketCounts[0], 1);
  equal(histogram.statistics().sumMs, 0);
});

Deno.test("durationBoundsMs rises", () => {
  equal(
    durationBoundsMs.every((bound, index) => index === 0 || bound > durationBoundsMs[index - 1]),
    true,
  );
});
