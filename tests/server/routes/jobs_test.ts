/**
 * Long work over HTTP.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { harness, problem } from "../harness.ts";

Deno.test("a check is a job that can be followed to its end", async () => {
  const work = Promise.withResolvers<object>();
  const h = harness({}, {
    statistics: () => ({ engine: { writeCount: 0 } }),
    check: () => work.promise,
  });
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
  await problem(await h.send("GET", "/v1/admin/jobs/2"), 404, "not_found");
  equal((await (await h.send("POST", "/v1/admin/check")).json()).id, "2");
});

Deno.test("a check that fails says why, and is logged", async () => {
  const check = () => Promise.reject(new Error("Cannot read block 7"));
  const h = harness({}, { statistics: () => ({ engine: { writeCount: 0 } }), check });
  const { id } = await (await h.send("POST", "/v1/admin/check")).json();
  const job = await (await h.send("GET", `/v1/admin/jobs/${id}`)).json();
  deepEqual([job.state, job.reason], ["failed", "Cannot read block 7"]);
  equal(h.lines[0].event, "job_failed");
});
