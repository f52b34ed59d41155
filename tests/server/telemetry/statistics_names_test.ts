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
    ["engine_level0_file_count", 2],
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
