/**
 * MessagePack bodies: `msgpackr` does the work, behind a walk that knows the format's lengths.
 *
 * The walk comes first because a decoder believes a length of 2^25 in five bytes and sets the
 * memory aside. It accepts what JSON can say, and bytes: extension types are refused.
 *
 * @module
 */
import { Packr, Unpackr } from "msgpackr/index-no-eval";
import { RequestError } from "../errors.ts";
import { jsonDepthMax } from "./limits.ts";

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "auto" });
const packr = new Packr({ useRecords: false, mapsAsObjects: true, variableMapSize: true });

/** Returns a value's MessagePack bytes, owned by the caller. */
export function packMessage(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(packr.pack(value));
}

/**
 * Returns the value that the bytes hold; byte strings in it are views of them.
 *
 * @throws {RequestError} `invalid_request` where they are no MessagePack that JSON could say.
 */
export function unpackMessage(bytes: Uint8Array): unknown {
  const end = skipValue(bytes, 0, 0);
  if (end !== bytes.length) throw malformed(`${bytes.length - end} bytes are left at its end`);
  try {
    return unpackr.unpack(bytes);
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : "it cannot be decoded");
  }
}

// Sizes of what follows the first byte, for 0xc0 to 0xdf; -1 where the type is not taken.
const fixedSizes: readonly number[] = [
  0, // nil
  -1, // never used
  0, // false
  0, // true
  ...[-2, -2, -2], // bytes behind a length of 1, 2, 4
  ...[-1, -1, -1], // extension behind a length
  ...[4, 8], // float
  ...[1, 2, 4, 8], // unsigned
  ...[1, 2, 4, 8], // signed
  ...[-1, -1, -1, -1, -1], // extension of fixed size
  ...[-2, -2, -2], // text behind a length of 1, 2, 4
];

/** Returns the position behind the value at `position`. */
function skipValue(bytes: Uint8Array, position: number, depth: number): number {
  if (depth > jsonDepthMax + 4) throw malformed(`it nests deeper than ${jsonDepthMax}`);
  if (position >= bytes.length) throw malformed("it ends too early");
  const tag = bytes[position];
  const next = position + 1;
  if (tag < 0x80 || tag >= 0xe0) return next;
  if (tag < 0x90) return skipMany(bytes, { start: next, count: (tag & 0x0f) * 2, depth });
  if (tag < 0xa0) return skipMany(bytes, { start: next, count: tag & 0x0f, depth });
  if (tag < 0xc0) return within(bytes, next + (tag & 0x1f));
  if (tag >= 0xdc) {
    const lengthSize = tag & 1 ? 4 : 2;
    const count = readLength(bytes, next, lengthSize) * (tag >= 0xde ? 2 : 1);
    return skipMany(bytes, { start: next + lengthSize, count, depth });
  }
  const size = fixedSizes[tag - 0xc0];
  if (size === -1) throw malformed("it holds an extension type");
  if (size >= 0) return within(bytes, next + size);
  const lengthSize = tag >= 0xd9 ? 1 << (tag - 0xd9) : 1 << (tag - 0xc4);
  return within(bytes, next + lengthSize + readLength(bytes, next, lengthSize));
}

function skipMany(
  bytes: Uint8Array,
  items: { readonly start: number; readonly count: number; readonly depth: number },
): number {
  if (items.count > bytes.length - items.start) throw malformed("it ends too early");
  let position = items.start;
  for (let item = 0; item < items.count; item++) {
    position = skipValue(bytes, position, items.depth + 1);
  }
  return position;
}

function readLength(bytes: Uint8Array, position: number, sizeBytes: number): number {
  within(bytes, position + sizeBytes);
  let length = 0;
  for (let index = 0; index < sizeBytes; index++) length = length * 256 + bytes[position + index];
  return length;
}

function within(bytes: Uint8Array, position: number): number {
  if (position > bytes.length) throw malformed("it ends too early");
  return position;
}

function malformed(reason: string): RequestError {
  return new RequestError("invalid_request", `Cannot read the MessagePack body: ${reason}`);
}
