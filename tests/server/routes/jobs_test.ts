/**
 * Long work over HTTP.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import type { NodeView } from "../../../server/context.ts";
import { InvariantError } from "../../../storage/env/mod.ts";
import { harness, idleNode, problem } from "../harness.ts";

Deno.test("a check is a job that can be followed to its end", async () => {
  const work = Promise.withResolvers<object>();
  const check: NodeView["check"] = (onProgress) => {
    onProgress?.({ checkedBytes: 1, totalBytes: 2 });
    return work.promise;
  };
  const h = harness({}, idleNode({ check }));
  const started = await h.send("POST", "/v1/admin/check");
  equal(started.status, 202);
  const location = started.headers.get("location") ?? "";
  equal(location, "/v1/admin/jobs/1");
  equal((await started.json()).state, "running");
  equal((await (await h.send("POST", "/v1/admin/check")).json()).id, "1", "one at a time");
  work.resolve({ filesRead: 2 });
  await work.promise;
  const done = await (await h.send("GET", location)).json();
  deepEqual([done.state, done.result, done.reason], ["done", { filesRead: 2 }, null]);
  deepEqual(done.progress, { doneBytes: 1, totalBytes: 2 });
  await problem(await h.send("GET", "/v1/admin/jobs/2"), 404, "not_found");
  equal((await (await h.send("POST", "/v1/admin/check")).json()).id, "2");
});

Deno.test("a check that fails says why, and is logged", async () => {
  const check = () => Promise.reject(new Error("Cannot read block 7"));
  const h = harness({}, idleNode({ check }));
  const { id } = await (await h.send("POST", "/v1/admin/check")).json();
  const job = await (await h.send("GET", `/v1/admin/jobs/${id}`)).json();
  deepEqual([job.state, job.reason], ["failed", "Cannot read block 7"]);
  equal(h.lines[0].event, "job_failed");
});

Deno.test("the last 100 jobs are remembered, and one that runs whatever comes", async () => {
  const h = harness({}, idleNode({ vacuum: () => Promise.withResolvers<object>().promise }));
  equal((await (await h.send("POST", "/v1/admin/vacuum")).json()).id, "1");
  for (let count = 0; count < 101; count++) {
    await (await h.send("POST", "/v1/admin/check")).text();
  }
  equal((await (await h.send("GET", "/v1/admin/jobs/1")).json()).state, "running");
  await problem(await h.send("GET", "/v1/admin/jobs/3"), 404, "not_found");
  equal((await h.send("GET", "/v1/admin/jobs/4")).status, 200);
});

Deno.test("a job that meets a broken invariant ends the process", async () => {
  const failure = new InvariantError("planted");
  const h = harness({}, idleNode({ check: () => Promise.reject(failure) }));
  await h.send("POST", "/v1/admin/check");
  deepEqual(h.fatal, [failure]);
});
