import { deepEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  entryHeaderSizeBytes,
  readEntryHeader,
  writeEntryHeader,
} from "../../sharding/entry_header.ts";
import { MalformedBytesError } from "../../storage/env/mod.ts";
import { survivesDamage } from "./codec_properties.ts";

const header = fc.record({
  base: fc.maxSafeNat(),
  windowEnd: fc.maxSafeNat(),
  watermark: fc.maxSafeNat(),
});

Deno.test("writeEntryHeader() writes format 1", () => {
  const target = new Uint8Array(entryHeaderSizeBytes);
  writeEntryHeader(target, 0, { base: 1, windowEnd: 2 ** 32, watermark: 3 });
  const want = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0];
  deepEqual([...target], want);
});

Deno.test("readEntryHeader() gives back what was written at any place, and writes nothing else", () => {
  fc.assert(fc.property(header, fc.nat(7), (given, position) => {
    const target = new Uint8Array(position + entryHeaderSizeBytes + 3).fill(0xaa);
    writeEntryHeader(target, position, given);
    deepEqual(readEntryHeader(target.subarray(position)), given);
    deepEqual([...target.subarray(0, position)], new Array(position).fill(0xaa));
    deepEqual([...target.subarray(position + entryHeaderSizeBytes)], [0xaa, 0xaa, 0xaa]);
  }));
});

Deno.test("readEntryHeader() refuses what is short or of another format", () => {
  throws(() => readEntryHeader(new Uint8Array(entryHeaderSizeBytes - 1)), MalformedBytesError);
  throws(() => readEntryHeader(new Uint8Array(entryHeaderSizeBytes)), MalformedBytesError);
});

Deno.test("readEntryHeader() survives damage", () => {
  const written = header.map((given) => {
    const target = new Uint8Array(entryHeaderSizeBytes);
    writeEntryHeader(target, 0, given);
    return target;
  });
  survivesDamage(written, (bytes) => {
    readEntryHeader(bytes);
  });
});
