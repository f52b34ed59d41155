import { deepEqual, equal } from "node:assert/strict";
import { EventStream } from "../../../server/cli/event_stream.ts";

const text = "retry: 1000\n\n" +
  ": a comment\n\n" +
  'event: set\ndata: {"key":"ä"}\n\n' +
  'event: progress\nid: 07\ndata: {"n":\ndata: 1}\n\n' +
  "event: cut\ndata: off\n";

function streamOf(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

Deno.test("EventStream.next() gives whole events, however the bytes are cut", async () => {
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 7, bytes.length]) {
    const pieces = [];
    for (let start = 0; start < bytes.length; start += size) {
      pieces.push(bytes.subarray(start, start + size));
    }
    const stream = new EventStream(streamOf(pieces));
    deepEqual(await stream.next(), { kind: "set", id: undefined, data: '{"key":"ä"}' });
    deepEqual(await stream.next(), { kind: "progress", id: "07", data: '{"n":\n1}' });
    equal(await stream.next(), undefined);
  }
});

Deno.test("EventStream.cancel() ends whoever waits", async () => {
  const stream = new EventStream(new ReadableStream());
  const waiting = stream.next();
  await stream.cancel();
  equal(await waiting, undefined);
});
