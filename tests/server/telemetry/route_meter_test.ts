/**
 * @module
 */
import { equal } from "node:assert/strict";
import { latencyBoundsSeconds, RouteMeter } from "../../../server/telemetry/route_meter.ts";

Deno.test("RouteMeter counts classes and puts a latency into the first bucket that holds it", () => {
  const meter = new RouteMeter("op");
  meter.observe(200, 0.1);
  meter.observe(404, 0.11);
  meter.observe(503, 1e9);
  equal(meter.countsByClass.join(), "0,0,1,0,1,1");
  equal(meter.bucketCounts[0], 1);
  equal(meter.bucketCounts[1], 1);
  equal(meter.bucketCounts[latencyBoundsSeconds.length], 1);
  equal(Math.round(meter.durationSumMs), 1e9);
});
