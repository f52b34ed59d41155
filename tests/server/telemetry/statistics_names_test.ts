/**
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { flattenStatistics } from "../../../server/telemetry/statistics_names.ts";

Deno.test("flattenStatistics() names numbers by their path and leaves the rest out", () => {
  const statistics = {
    engine: { memtableSizeBytes: 7, level0: { fileCount: 2 }, levels: [1, 2], name: "x" },
    isStalled: true,
    ratio: Number.NaN,
    nothing: null,
  };
  deepEqual([...flattenStatistics(statistics).numbers], [
    ["engine_memtable_size_bytes", 7],
    ["engine_level0_files", 2],
    ["is_stalled", 1],
  ]);
});

Deno.test("flattenStatistics() is bounded in number and depth", () => {
  const wide = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`n${index}`, 1]));
  equal(flattenStatistics(wide).numbers.size, 500);
  const circle: Record<string, unknown> = { n: 1 };
  circle.again = circle;
  equal(flattenStatistics(circle).numbers.size, 6);
});

Deno.test("flattenStatistics() gives counts and times the names that Prometheus asks for", () => {
  const tree = { syncCount: 1, entryCount: 2, missCount: 3, flushCount: 4, droppedCount: 5 };
  deepEqual(
    Object.fromEntries(
      flattenStatistics({ uptimeMs: 1_500, lagMsMax: 20, spanMicros: 7, tree }).numbers,
    ),
    {
      uptime_seconds: 1.5,
      lag_seconds_max: 0.02,
      span_seconds: 0.000_007,
      tree_syncs: 1,
      tree_entries: 2,
      tree_misses: 3,
      tree_flushes: 4,
      tree_dropped: 5,
    },
  );
});

Deno.test("flattenStatistics() leaves a histogram whole, under a name in seconds", () => {
  const syncDuration = { bucketCounts: [1, 2], sumMs: 3, longestMs: 2 };
  const { numbers, durations } = flattenStatistics({ disk: { syncDuration, readCount: 1 } });
  deepEqual([...numbers.keys()], ["disk_reads"]);
  deepEqual([...durations], [["disk_sync_duration_seconds", syncDuration]]);
});
