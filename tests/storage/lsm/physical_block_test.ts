import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import * as zlib from "node:zlib";
import { ByteWriter, latin1Bytes, MemoryDisk, SeededRandom } from "../../../storage/env/mod.ts";
import { StorageError } from "../../../storage/errors.ts";
import {
  appendBlock,
  blockTrailerSizeBytes,
  checksumSeed,
  readBlock,
} from "../../../storage/lsm/physical_block.ts";
import type { Compression } from "../../../storage/options.ts";

const offset = 37;
const compressions: readonly Compression[] = ["none", "deflate", "zstd"];
const repetitive = latin1Bytes("ankylo ".repeat(200));
const noise = new SeededRandom(1).bytes(600);

function stored(payload: Uint8Array, compression: Compression): Uint8Array {
  const out = new ByteWriter();
  out.u32(0xabcdef);
  const size = appendBlock(out, payload, { tableNumber: 3, offset, compression });
  equal(size, out.length - 4);
  return out.copy().slice(4);
}

function read(
  bytes: Uint8Array,
  place: { tableNumber?: number; offset?: number } = {},
): Uint8Array {
  const disk = new MemoryDisk();
  const file = disk.open("000003.sst", "create");
  try {
    const at = place.offset ?? offset;
    file.writeSync(bytes, at);
    const handle = { offset: at, sizeBytes: bytes.length };
    const payload = readBlock(file, handle, place.tableNumber ?? 3);
    return payload.bytes.slice(0, payload.sizeBytes);
  } finally {
    file.close();
  }
}

function isCorruption(error: unknown): boolean {
  ok(error instanceof StorageError, String(error));
  return error.code === "corruption";
}

for (const compression of compressions) {
  Deno.test(`readBlock() returns what appendBlock() wrote, ${compression}`, () => {
    deepEqual(read(stored(repetitive, compression)), repetitive);
    deepEqual(read(stored(noise, compression)), noise);
  });

  Deno.test(`readBlock() finds every flipped byte and every cut, ${compression}`, () => {
    const bytes = stored(repetitive.subarray(0, 300), compression);
    for (let at = 0; at < bytes.length; at++) {
      const flipped = bytes.slice();
      flipped[at] ^= 1 << (at % 8);
      throws(() => read(flipped), isCorruption);
      if (at >= blockTrailerSizeBytes) throws(() => read(bytes.slice(0, at)), isCorruption);
    }
  });
}

Deno.test("appendBlock() compresses only what shrinks by an eighth", () => {
  for (const compression of ["deflate", "zstd"] as const) {
    ok(stored(repetitive, compression).length < repetitive.length / 4);
    equal(stored(noise, compression).length, noise.length + blockTrailerSizeBytes);
    equal(stored(noise, compression)[noise.length], 0);
  }
  equal(stored(repetitive, "none").length, repetitive.length + blockTrailerSizeBytes);
});

Deno.test("readBlock() refuses a block of another table or another place", () => {
  const bytes = stored(noise, "none");
  throws(() => read(bytes, { tableNumber: 4 }), isCorruption);
  throws(() => read(bytes, { offset: offset + 1 }), isCorruption);
});

Deno.test("checksumSeed() differs between neighbours in number and place", () => {
  const seeds = new Set<number>();
  for (let number = 0; number < 50; number++) {
    for (let at = 0; at < 50; at++) seeds.add(checksumSeed(number, at * 4_096));
  }
  equal(seeds.size, 2_500);
});

/** A block with a right checksum, whatever it says. */
function forged(payload: Uint8Array, trailer: { code: number; sizeBytes: number }): Uint8Array {
  const out = new ByteWriter();
  out.bytes(payload);
  out.u8(trailer.code);
  out.u32(trailer.sizeBytes);
  out.u32(zlib.crc32(out.view(), checksumSeed(3, offset)));
  return out.copy();
}

const deflated = zlib.deflateRawSync(repetitive);
const bomb = new Uint8Array(8 * 1_048_576);
const forgeries = [
  { name: "an unknown compression", payload: noise, code: 3, sizeBytes: noise.length },
  { name: "the wrong size of a plain payload", payload: noise, code: 0, sizeBytes: 599 },
  { name: "bytes that do not decompress", payload: noise, code: 1, sizeBytes: 600 },
  { name: "bytes that are no zstd", payload: noise, code: 2, sizeBytes: 600 },
  { name: "more bytes inside than promised", payload: deflated, code: 1, sizeBytes: 1_399 },
  { name: "far more bytes in deflate", payload: zlib.deflateRawSync(bomb), code: 1, sizeBytes: 9 },
  { name: "far more bytes in zstd", payload: zlib.zstdCompressSync(bomb), code: 2, sizeBytes: 9 },
  { name: "fewer bytes inside than promised", payload: deflated, code: 1, sizeBytes: 1_401 },
  { name: "a promise beyond the bound", payload: deflated, code: 1, sizeBytes: 0xffffffff },
];
for (const { name, payload, code, sizeBytes } of forgeries) {
  Deno.test(`readBlock() refuses ${name}`, () => {
    throws(() => read(forged(payload, { code, sizeBytes })), (error) => {
      // Refused while it decompresses, not after: the memory is never taken.
      if (name.startsWith("far more")) match(String(error), /it does not decompress/);
      return isCorruption(error);
    });
  });
}
