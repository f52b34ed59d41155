/**
 * @module
 */
import { deepEqual } from "node:assert/strict";
import { metricText } from "../../../server/telemetry/metric_catalog.ts";

Deno.test("metricText() ends the name of what only rises in _total, and of nothing else", () => {
  const kinds = ["tree_stall_seconds", "tree_compaction_debt_bytes", "disk_sync_duration_seconds"]
    .map((name) => metricText(name)).map(({ name, kind }) => `${kind} ${name}`);
  deepEqual(kinds, [
    "counter ankylo_tree_stall_seconds_total",
    "gauge ankylo_tree_compaction_debt_bytes",
    "histogram ankylo_disk_sync_duration_seconds",
  ]);
});

Deno.test("metricText() takes a name that is not in the table for a gauge", () => {
  deepEqual(metricText("engine_writes"), {
    name: "ankylo_engine_writes",
    kind: "gauge",
    help: "Of the node's statistics: engine_writes",
  });
});
