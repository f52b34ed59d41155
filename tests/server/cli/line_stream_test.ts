import { deepEqual, rejects } from "node:assert/strict";
import fc from "fast-check";
import { ApiClient } from "../../../server/cli/api_client.ts";
import { readLines, streamLines } from "../../../server/cli/line_stream.ts";

function pieces(bytes: Uint8Array, length: number): ReadableStream<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += length) {
    parts.push(bytes.subarray(start, start + length));
  }
  return ReadableStream.from(parts);
}

Deno.test("readLines() cuts at line breaks, however the bytes come", async () => {
  const lines = fc.array(fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", "")));
  await fc.assert(fc.asyncProperty(lines, fc.integer({ min: 1, max: 9 }), async (texts, length) => {
    const bytes = new TextEncoder().encode(texts.map((text) => `${text}\n`).join(""));
    const found = await Array.fromAsync(readLines(pieces(bytes, length)));
    // The decoder takes a byte order mark at the very start for none of ours.
    deepEqual(found, texts.map((text, index) => index === 0 ? text.replace(/^\ufeff/, "") : text));
  }));
});

Deno.test("readLines() counts a last line without a break, and refuses broken UTF-8", async () => {
  deepEqual(await Array.fromAsync(readLines(new Blob(["a\nb"]).stream())), ["a", "b"]);
  const broken = new Blob([new Uint8Array([0x61, 0xff])]).stream();
  await rejects(() => Array.fromAsync(readLines(broken)), { code: "invalid_line" });
});

Deno.test("streamLines() fails where the answer ends in the middle", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(1_000));
    const head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    await connection.write(new TextEncoder().encode(`${head}2\r\na\n\r\n`));
  };
  const serving = serve();
  const client = new ApiClient({ url: `http://127.0.0.1:${listener.addr.port}` });
  await rejects(() => Array.fromAsync(streamLines(client, "/")), { code: "stream_cut" });
  await serving;
});
