/**
 * Large answers that clients take slowly, or not at all.
 *
 * @module
 */
import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { AnswerMemory, answerSizeBytesSmall } from "../../../server/middleware/answer_memory.ts";
import { Expiries } from "../../../server/middleware/expiries.ts";
import { harness, problem } from "../harness.ts";
import { ManualClock } from "../manual_clock.ts";

const size = 600_000;
const path = "/v1/kv/large";

function memory(sizeBytesInFlightMax = 2 * size) {
  const clock = new ManualClock();
  const expiries = new Expiries(clock);
  const answers = new AnswerMemory({ clock, expiries, sizeBytesInFlightMax, idleMs: 60_000 });
  return { clock, expiries, answers };
}

function someBytes(): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => index % 251);
}

Deno.test("a body is counted until its last piece is taken, and comes whole", async () => {
  const { answers, expiries } = memory();
  const bytes = someBytes();
  const body = answers.hold(bytes);
  equal(answers.sizeBytesInFlight, size);
  deepEqual(await new Response(body).bytes(), bytes);
  equal(answers.sizeBytesInFlight, 0);
  equal(expiries.count, 0);
});

Deno.test("a client that goes gives its answer back, once", async () => {
  const { answers, expiries } = memory();
  const reader = answers.hold(someBytes()).getReader();
  await reader.read();
  await reader.cancel();
  equal(answers.sizeBytesInFlight, 0);
  equal(expiries.count, 0);
});

Deno.test("an answer that nobody reads for too long is broken off, not ended", async () => {
  const { answers, clock } = memory();
  const reader = answers.hold(someBytes()).getReader();
  clock.advance(59_000);
  await reader.read();
  clock.advance(59_000);
  equal(answers.sizeBytesInFlight, size);
  clock.advance(3_000);
  equal(answers.sizeBytesInFlight, 0);
  await rejects(reader.read(), /did not read/);
});

Deno.test("there is room up to the limit, and not above", () => {
  const { answers } = memory();
  answers.admit(2 * size);
  throws(() => answers.admit(2 * size + 1), { code: "overloaded" });
  answers.hold(someBytes());
  answers.admit(size);
  throws(() => answers.admit(size + 1), { code: "overloaded" });
});

Deno.test("large values and pages have a length, and are refused while others fill the memory", async () => {
  const h = harness({ answerSizeBytesInFlightMax: 2 * size });
  const headers = { "content-type": "text/plain" };
  await h.send("PUT", path, { body: "x".repeat(size), headers });
  const first = await h.send("GET", path);
  equal(first.headers.get("content-length"), String(size));
  await problem(await h.send("GET", "/v1/kv"), 429, "overloaded");
  const head = await h.send("HEAD", path);
  equal(head.headers.get("content-length"), String(size));
  equal((await first.text()).length, size);
  const page = await h.send("GET", "/v1/kv");
  const text = await page.text();
  equal(page.headers.get("content-length"), String(text.length));
  equal(JSON.parse(text).entries[0].value.length, size);
});

Deno.test("a write whose answer is large is never refused once it has happened", async () => {
  const h = harness({ answerSizeBytesInFlightMax: 1 });
  const headers = { "content-type": "text/plain" };
  await h.send("PUT", path, { body: "x".repeat(answerSizeBytesSmall), headers });
  const body = { mutations: [{ op: "delete", key: "large" }], reads: ["large"] };
  const kept = await h.post("/v1/txn", body);
  equal(kept.status, 200);
  await problem(await h.post("/v1/txn", { reads: ["large"] }), 429, "overloaded");
  equal((await h.post("/v1/txn", { mutations: body.mutations })).status, 200);
  await kept.body?.cancel();
  equal((await h.post("/v1/txn", { reads: ["large"] })).status, 200);
});
