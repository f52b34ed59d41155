/**
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { RouteMeter } from "../../../server/telemetry/route_meter.ts";

Deno.test("RouteMeter counts answers by class, and how long they took", () => {
  const meter = new RouteMeter("op");
  meter.observe(200, 0.1);
  meter.observe(404, 0.2);
  meter.observe(503, 1_000);
  equal(meter.countsByClass.join(), "0,0,1,0,1,1");
  const { bucketCounts, longestMs } = meter.latency.statistics();
  deepEqual([bucketCounts[0], bucketCounts[1], longestMs], [1, 1, 1_000]);
});
