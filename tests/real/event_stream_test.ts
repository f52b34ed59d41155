import { deepEqual } from "node:assert/strict";
import { readEvents, type ServerEvent } from "./event_stream.ts";

/** Reads a text that comes in pieces of a size. */
async function eventsOf(source: string, sizeBytes: number): Promise<ServerEvent[]> {
  const bytes = new TextEncoder().encode(source);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let start = 0; start < bytes.length; start += sizeBytes) {
    pieces.push(bytes.slice(start, start + sizeBytes));
  }
  const text = ReadableStream.from(pieces).pipeThrough(new TextDecoderStream());
  return await Array.fromAsync(readEvents(text.getReader()));
}

Deno.test("readEvents() puts events together from any pieces, and leaves out one cut off", async () => {
  const text = ': hello\n\nevent: set\ndata: {"key":"ü:"}\n\n' +
    "event: set\nid: 05\ndata: a\ndata: b\n\nevent: set\nid: 06\ndata: c\n";
  for (const sizeBytes of [1, 2, 7, 1_000]) {
    deepEqual(await eventsOf(text, sizeBytes), [
      { name: "set", data: '{"key":"ü:"}', id: undefined },
      { name: "set", data: "a\nb", id: "05" },
    ]);
  }
});
