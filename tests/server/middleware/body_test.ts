/**
 * Request bodies within their limits.
 *
 * @module
 */
import { equal } from "node:assert/strict";
import { type Harness, harness, problem } from "../harness.ts";

const mebibyte = 1_048_576;

/** A body of which `sent` bytes come, and then nothing. */
function stalled(sent: number): { body: ReadableStream<Uint8Array>; stop: () => void } {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(started) {
      controller = started;
      if (sent > 0) started.enqueue(new Uint8Array(sent));
    },
  });
  return { body, stop: () => controller?.error(new Error("gone")) };
}

function sendBatch(h: Harness, body: ReadableStream<Uint8Array>, declared: number) {
  const headers = { "content-type": "application/json", "content-length": String(declared) };
  return h.send("POST", "/v1/batch", { body, headers });
}

Deno.test("a length that is only declared keeps nobody out", async () => {
  const h = harness({ bodySizeBytesInFlightMax: 64 * mebibyte });
  const bodies = [stalled(0), stalled(0), stalled(0)];
  const waiting = bodies.map(({ body }) => sendBatch(h, body, 64 * mebibyte));
  equal((await h.send("PUT", "/v1/kv/a", { body: "x" })).status, 200);
  const large = new Uint8Array(mebibyte);
  const headers = { "content-length": String(mebibyte) };
  equal((await h.send("PUT", "/v1/kv/b", { body: large, headers })).status, 200);
  for (const { stop } of bodies) stop();
  for (const answer of waiting) await problem(await answer, 400, "invalid_request");
});

Deno.test("bodies that have come fill the memory for large ones, not for small ones", async () => {
  const h = harness({ bodySizeBytesInFlightMax: 64 * mebibyte });
  const { body, stop } = stalled(64 * mebibyte);
  const waiting = sendBatch(h, body, 64 * mebibyte);
  const large = () => {
    const headers = { "content-length": "65537" };
    return h.send("PUT", "/v1/kv/large", { body: new Uint8Array(65_537), headers });
  };
  const small = { body: new Uint8Array(65_536), headers: { "content-length": "65536" } };
  await problem(await large(), 429, "overloaded");
  equal((await h.send("PUT", "/v1/kv/small", small)).status, 200);
  stop();
  await problem(await waiting, 400, "invalid_request");
  equal((await large()).status, 200);
});

Deno.test("a body that comes too slowly is given up at the deadline", async () => {
  const h = harness();
  const { body } = stalled(10);
  const headers = { "ankylo-timeout": "2s" };
  const waiting = h.send("PUT", "/v1/kv/a", { body, headers });
  h.clock.advance(4_000);
  await problem(await waiting, 408, "request_timeout");
  await problem(await h.send("GET", "/v1/kv/a"), 404, "key_not_found");
});
