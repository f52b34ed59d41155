/**
 * VACUUM, its report and the holders over HTTP.
 *
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import type { VacuumRequest } from "../../../server/context.ts";
import { emptyReport, type Harness, harness, idleNode, problem, put } from "../harness.ts";

const path = "/v1/admin/vacuum";

async function holders(h: Harness) {
  return await (await h.send("GET", "/v1/admin/holders")).json();
}

Deno.test("a vacuum and its report are two jobs that tell how far they are", async () => {
  const asked: VacuumRequest[] = [];
  const work = Promise.withResolvers<object>();
  const vacuum = (request: VacuumRequest) => {
    asked.push(request);
    return work.promise;
  };
  const vacuumReport = () => Promise.resolve({ ...emptyReport(), bloat: 1.5 });
  const h = harness({}, idleNode({ vacuum, vacuumReport }));
  const order = { prefix: "a/", ioBytesPerSecond: 65_536 };
  const started = await h.post(path, order);
  equal(started.status, 202);
  equal(started.headers.get("location"), "/v1/admin/jobs/1");
  const job = await started.json();
  deepEqual([job.kind, job.parameters, job.progress], ["vacuum", order, null]);
  deepEqual([asked[0].prefix, asked[0].ioBytesPerSecond], ["a/", 65_536]);
  equal((await (await h.post(path, {})).json()).id, "1", "one at a time, whatever it is about");
  asked[0].onProgress?.({ doneBytes: 1, totalBytes: 4 });
  const running = await (await h.send("GET", "/v1/admin/jobs/1")).json();
  deepEqual([running.state, running.progress], ["running", { doneBytes: 1, totalBytes: 4 }]);
  const report = await (await h.post(path, { report: true, prefixBase64: "/w==" })).json();
  deepEqual([report.id, report.kind, report.parameters], ["2", "vacuumReport", {
    prefixBase64: "/w==",
  }]);
  const reported = await (await h.send("GET", "/v1/admin/jobs/2")).json();
  deepEqual([reported.state, reported.result.bloat], ["done", 1.5]);
  work.resolve({ droppedCount: 3 });
  await work.promise;
  const done = await (await h.send("GET", "/v1/admin/jobs/1")).json();
  deepEqual([done.state, done.result, done.progress], [
    "done",
    { droppedCount: 3 },
    { doneBytes: 1, totalBytes: 4 },
  ]);
  equal((await (await h.post(path, {})).json()).id, "3");
  equal(asked[1].prefix, undefined);
});

Deno.test("a vacuum needs no body, and an empty prefix is all keys", async () => {
  const asked: VacuumRequest[] = [];
  const vacuum = (request: VacuumRequest) => Promise.resolve(asked.push(request)).then(() => ({}));
  const h = harness({}, idleNode({ vacuum }));
  equal((await h.send("POST", path)).status, 202);
  equal((await h.post(path, { prefix: "", report: false, ioBytesPerSecond: 0 })).status, 202);
  deepEqual(asked.map((one) => [one.prefix, one.ioBytesPerSecond]), [
    [undefined, undefined],
    [undefined, 0],
  ]);
});

const wrong: [string, unknown, string][] = [
  ["a prefix that is no text", { prefix: 1 }, "prefix"],
  ["two prefixes", { prefix: "a", prefixBase64: "YQ==" }, "prefix"],
  ["a report that is no switch", { report: "yes" }, "report"],
  ["a report with a speed", { report: true, ioBytesPerSecond: 65_536 }, "ioBytesPerSecond"],
  ["a speed that is too low", { ioBytesPerSecond: 65_535 }, "ioBytesPerSecond"],
  ["a speed that is no number", { ioBytesPerSecond: "1MB" }, "ioBytesPerSecond"],
  ["a release that is no text", { release: 1 }, "release"],
  ["a release with more", { release: "1", report: true }, "report"],
  ["an unknown field", { full: true }, "full"],
];
for (const [name, body, field] of wrong) {
  Deno.test(`a vacuum refuses ${name}`, async () => {
    equal((await problem(await harness().post(path, body), 400, "invalid_request")).field, field);
  });
}

Deno.test("holders are shown, the oldest first, and one can be released", async () => {
  const h = harness();
  for (const key of ["a", "b", "c"]) await put(h, key, "1");
  const { cursor } = await (await h.send("GET", "/v1/kv?limit=1", {
    headers: { "x-request-id": "list-1" },
  })).json();
  h.clock.advance(2_500);
  const before = await holders(h);
  deepEqual(Object.keys(before), ["holders", "watermark", "watermarkTime"]);
  deepEqual(before.holders.map((one: { kind: string }) => one.kind), ["retention", "cursor"]);
  const held = before.holders[1];
  deepEqual(held, {
    id: held.id,
    kind: "cursor",
    owner: "list-1",
    versionstamp: "00065bfeda3522430000",
    time: "2026-09-21T14:13:21.000003Z",
    age: "2s",
    isHoldingBack: false,
  });
  equal(before.holders[0].age, null);
  deepEqual(await (await h.post(path, { release: held.id })).json(), { released: true });
  equal((await holders(h)).holders.length, 1);
  await problem(await h.send("GET", `/v1/kv?cursor=${cursor}`), 410, "cursor_expired");
  await problem(await h.post(path, { release: held.id }), 404, "not_found");
});

Deno.test("retentions cannot be released: the refusal says what can be done", async () => {
  const h = harness();
  for (const prefix of ["%C3%A4", "%ff"]) {
    const init = { body: '{"versions":5}', headers: { "content-type": "application/json" } };
    await h.send("PUT", `/v1/admin/retention?prefix=${prefix}`, init);
  }
  const shown: { id: string; owner: string }[] = (await holders(h)).holders;
  deepEqual(shown.map(({ owner }) => owner).sort(), ["", "base64:/w==", "ä"]);
  for (const { id } of shown) {
    const refused = await problem(await h.post(path, { release: id }), 400, "invalid_request");
    match(String(refused.detail), /ankylo retention set/);
  }
});
