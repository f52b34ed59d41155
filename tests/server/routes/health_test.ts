/**
 * Health, status, metrics, jobs and documents over HTTP.
 *
 * @module
 */
import { equal } from "node:assert/strict";
import { ShardError } from "../../../sharding/mod.ts";
import { harness, problem } from "../harness.ts";

Deno.test("a node that answers is live, ready, leading and near", async () => {
  const h = harness();
  for (
    const [path, want] of [
      ["/livez", '{"live":true}'],
      ["/readyz", '{"ready":true}'],
      ["/leader", '{"leader":true}'],
      ["/replica?max_lag=2s", '{"replica":true,"lagMs":0}'],
    ]
  ) {
    equal(await (await h.send("GET", path)).text(), want);
    equal((await h.send("HEAD", path)).status, 200);
  }
  await problem(await h.send("GET", "/replica?max_lag=2"), 400, "invalid_request");
  await problem(await h.send("GET", "/livez?verbose"), 400, "invalid_request");
});

Deno.test("a node that stops is live and not ready", async () => {
  const h = harness();
  h.closing.abort();
  equal((await h.send("GET", "/livez")).status, 200);
  for (const path of ["/readyz", "/leader", "/replica"]) {
    await problem(await h.send("GET", path), 503, "stopping");
  }
});

Deno.test("a node whose reads fail is not ready, and says why", async () => {
  const h = harness();
  h.database.failure = new ShardError("no_leader", "Cannot read: nobody leads");
  const body = await problem(await h.send("GET", "/readyz"), 503, "no_leader");
  equal(body.detail, "Not ready: Cannot read: nobody leads");
});
