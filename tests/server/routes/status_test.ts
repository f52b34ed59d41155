/**
 * `/v1/status` and `/metrics`.
 *
 * @module
 */
import { equal, match } from "node:assert/strict";
import { harness, put } from "../harness.ts";

Deno.test("status tells what the node is", async () => {
  const h = harness();
  h.clock.advance(1_500);
  const status = await (await h.send("GET", "/v1/status")).json();
  equal(status.node, "node1");
  equal(status.leader, true);
  equal(status.uptimeMs, 1_500);
  equal(status.startedAt, "2026-09-21T14:13:21.000Z");
  equal(status.statistics.engine.writeCount, 3);
});

Deno.test("metrics are Prometheus text with bounded labels", async () => {
  const h = harness();
  await put(h, "a", "1");
  await h.send("GET", "/v1/kv/none");
  await h.send("GET", "/nowhere/1");
  await h.send("GET", "/nowhere/2");
  const response = await h.send("GET", "/metrics");
  match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  for (
    const line of [
      'ankylo_http_requests_total{operation="putKey",class="2xx"} 1',
      'ankylo_http_requests_total{operation="getKey",class="4xx"} 1',
      'ankylo_http_requests_total{operation="unknown",class="4xx"} 2',
      'ankylo_http_request_duration_seconds_bucket{operation="putKey",le="0.0001"} 1',
      'ankylo_http_request_duration_seconds_bucket{operation="putKey",le="+Inf"} 1',
      'ankylo_http_request_duration_seconds_count{operation="putKey"} 1',
      "ankylo_engine_writes 3",
      "ankylo_http_requests_in_work 1",
    ]
  ) equal(text.split("\n").includes(line), true, `${line}\n${text}`);
  match(text, /ankylo_process_resident_size_bytes [1-9]/);
  const again = await (await h.send("GET", "/metrics")).text();
  match(again, /requests_total\{operation="putKey",class="2xx"\} 1\n/);
});
