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
  deepEqual([...flattenStatistics(statistics)], [
    ["engine_memtable_size_bytes", 7],
    ["engine_level0_files", 2],
    ["is_stalled", 1],
  ]);
});

Deno.test("flattenStatistics() is bounded in number and depth", () => {
  const wide = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`n${index}`, 1]));
  equal(flattenStatistics(wide).size, 500);
  const circle: Record<string, unknown> = { n: 1 };
  circle.again = circle;
  equal(flattenStatistics(circle).size, 6);
});

Deno.test("flattenStatistics() gives counts and times the names that Prometheus asks for", () => {
  const tree = { syncCount: 1, entryCount: 2, missCount: 3, flushCount: 4, droppedCount: 5 };
  deepEqual(Object.fromEntries(flattenStatistics({ uptimeMs: 1_500, tree })), {
    uptime_seconds: 1.5,
    tree_syncs: 1,
    tree_entries: 2,
    tree_misses: 3,
    tree_flushes: 4,
    tree_dropped: 5,
  });
});
