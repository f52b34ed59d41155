/**
 * @module
 */
import { equal } from "node:assert/strict";
import { Registry } from "prom-client";
import { DurationFamily } from "../../../server/telemetry/duration_family.ts";
import { DurationHistogram } from "../../../storage/env/mod.ts";

Deno.test("DurationFamily shows buckets that add up, in seconds, under its labels", async () => {
  const registry = new Registry();
  const histogram = new DurationHistogram();
  for (const durationMs of [0.05, 0.2, 20_000]) histogram.observe(durationMs);
  new DurationFamily(
    { name: "wait_seconds", help: "A wait", labelNames: ["kind"], registry },
    () => [{ labels: { kind: "a" }, durations: histogram.statistics() }],
  );
  const lines = (await registry.metrics()).split("\n");
  const count = (suffix: string) => lines.filter((line) => line.startsWith(suffix)).length;
  equal(lines[1], "# TYPE wait_seconds histogram");
  equal(lines.includes('wait_seconds_bucket{kind="a",le="0.0001"} 1'), true);
  equal(lines.includes('wait_seconds_bucket{kind="a",le="0.00025"} 2'), true);
  equal(lines.includes('wait_seconds_bucket{kind="a",le="10"} 2'), true);
  equal(lines.includes('wait_seconds_bucket{kind="a",le="+Inf"} 3'), true);
  equal(lines.includes('wait_seconds_count{kind="a"} 3'), true);
  equal(lines.includes('wait_seconds_sum{kind="a"} 20.00025'), true);
  equal(count("wait_seconds"), 19);
});
