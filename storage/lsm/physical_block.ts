/**
 * Physical blocks: how a block's payload lies in an sstable, compressed or not, under a checksum.
 *
 * ```
 * stored payload | compression u8 | payload size u32 | checksum u32
 * ```
 *
 * The checksum is the CRC-32 of all bytes before it, started from {@linkcode checksumSeed}, so that
 * a block read from another file or another place never passes.
 *
 * Invariants:
 *
 *  1. No byte of a payload is used before its checksum has been found right.
 *  2. Decompression never makes more bytes than the trailer promised.
 *
 * @module
 */
import * as zlib from "node:zlib";
import type { ByteWriter, DiskFile } from "../env/mod.ts";
import { invariant } from "../env/mod.ts";
import { asStorageError, StorageError } from "../errors.ts";
import type { Compression } from "../options.ts";

/** Bytes behind a stored payload: compression 1 + payload size 4 + checksum 4. */
export const blockTrailerSizeBytes = 9;

/** The largest payload that is ever compressed. The longest value and key fit in twice. */
export const compressedPayloadSizeBytesMax = 64 * 1_048_576;

// On disk since format 1: never renumber.
const compressionCodes: Readonly<Record<Compression, number>> = { none: 0, deflate: 1, zstd: 2 };

/** Where a physical block lies. */
export interface BlockHandle {
  /** The first byte, from the start of the file. */
  readonly offset: number;
  /** Stored payload and trailer. */
  readonly sizeBytes: number;
}

/** A payload as read: the first `sizeBytes` of `bytes`. */
export interface BlockPayload {
  /** Fresh memory, owned by the caller. May be longer than the payload. */
  readonly bytes: Uint8Array;
  /** How much of it is the payload. */
  readonly sizeBytes: number;
}

/**
 * Returns what the checksum of bytes at `offset` of a table starts from.
 *
 * Both factors are odd: two places in one table, or one place in two tables, never share a seed
 * unless they are 2^32 apart.
 */
export function checksumSeed(tableNumber: number, offset: number): number {
  return (Math.imul(tableNumber % 0x100000000, 0x9e3779b1) +
    Math.imul(offset % 0x100000000, 0x85ebca6b)) >>> 0;
}

/**
 * Appends the payload as a physical block.
 *
 * @param place `offset` is where the block will start in the file.
 * @returns The stored size in bytes.
 */
export function appendBlock(
  out: ByteWriter,
  payload: Uint8Array,
  place: { tableNumber: number; offset: number; compression: Compression },
): number {
  const start = out.length;
  const stored = compress(payload, place.compression);
  out.bytes(stored ?? payload);
  out.u8(stored === undefined ? compressionCodes.none : compressionCodes[place.compression]);
  out.u32(payload.length);
  const covered = out.buffer.subarray(start, out.length);
  out.u32(zlib.crc32(covered, checksumSeed(place.tableNumber, place.offset)));
  return out.length - start;
}

/** Returns the compressed payload, or undefined where it does not shrink by an eighth. */
function compress(payload: Uint8Array, compression: Compression): Uint8Array | undefined {
  if (compression === "none" || payload.length > compressedPayloadSizeBytesMax) return undefined;
  const stored = compression === "deflate"
    ? zlib.deflateRawSync(payload, { level: 1 })
    : zlib.zstdCompressSync(payload);
  return stored.length <= payload.length - payload.length / 8 ? stored : undefined;
}

/**
 * Reads a physical block, checks it and returns its payload.
 *
 * @throws {StorageError} `corruption` where the bytes are not what was written; `io`.
 */
export function readBlock(
  file: DiskFile,
  handle: BlockHandle,
  tableNumber: number,
): BlockPayload {
  const { offset, sizeBytes } = handle;
  invariant(sizeBytes >= blockTrailerSizeBytes, () => `A block has a trailer: ${sizeBytes} bytes`);
  const bytes = new Uint8Array(sizeBytes);
  const count = readAt(file, bytes, offset);
  if (count !== sizeBytes) {
    throw corruptionAt(file.path, offset, `only ${count} of ${sizeBytes} bytes are there`);
  }
  const storedSizeBytes = sizeBytes - blockTrailerSizeBytes;
  const view = new DataView(bytes.buffer);
  const found = zlib.crc32(bytes.subarray(0, sizeBytes - 4), checksumSeed(tableNumber, offset));
  const wanted = view.getUint32(sizeBytes - 4, true);
  if (found !== wanted) {
    throw corruptionAt(
      file.path,
      offset,
      `the checksum is ${found.toString(16)}, want ${wanted.toString(16)}`,
    );
  }
  const payloadSizeBytes = view.getUint32(storedSizeBytes + 1, true);
  const code = bytes[storedSizeBytes];
  if (code === compressionCodes.none && payloadSizeBytes === storedSizeBytes) {
    return { bytes, sizeBytes: payloadSizeBytes };
  }
  return decompress(bytes.subarray(0, storedSizeBytes), {
    code,
    payloadSizeBytes,
    path: file.path,
    offset,
  });
}

function decompress(
  stored: Uint8Array,
  block: { code: number; payloadSizeBytes: number; path: string; offset: number },
): BlockPayload {
  const { code, payloadSizeBytes, path, offset } = block;
  const isKnown = code === compressionCodes.deflate || code === compressionCodes.zstd;
  if (!isKnown || payloadSizeBytes === 0 || payloadSizeBytes > compressedPayloadSizeBytesMax) {
    throw corruptionAt(
      path,
      offset,
      `compression ${code} with a payload of ${payloadSizeBytes} bytes`,
    );
  }
  const limit = { maxOutputLength: payloadSizeBytes };
  let payload: Uint8Array;
  try {
    payload = code === compressionCodes.deflate
      ? zlib.inflateRawSync(stored, limit)
      : zlib.zstdDecompressSync(stored, limit);
  } catch (error) {
    throw corruptionAt(path, offset, `it does not decompress: ${String(error)}`);
  }
  if (payload.length !== payloadSizeBytes) {
    throw corruptionAt(path, offset, `${payload.length} bytes came out, want ${payloadSizeBytes}`);
  }
  // A plain array: readers see one kind of object, whether a block was compressed or not.
  return {
    bytes: new Uint8Array(payload.buffer, payload.byteOffset, payload.length),
    sizeBytes: payloadSizeBytes,
  };
}

/** Reads into all of `target`; returns how many bytes there were. @throws {StorageError} `io`. */
export function readAt(file: DiskFile, target: Uint8Array, offset: number): number {
  try {
    return file.readSync(target, offset);
  } catch (error) {
    throw asStorageError(error);
  }
}

/** Returns the error for bytes that are not what was written. */
export function corruptionAt(path: string, offset: number, state: string): StorageError {
  return new StorageError("corruption", `Cannot read ${path} at ${offset}: ${state}`);
}
