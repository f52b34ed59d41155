/**
 * MessagePack bodies: `msgpackr` does the work, behind a walk that knows the format's lengths.
 *
 * The walk comes first because a decoder believes a length of 2^25 in five bytes and sets the
 * memory aside. It accepts what JSON can say, and bytes: extension types are refused.
 *
 * @module
 */
import { isUtf8 } from "node:buffer";
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

const prototypeName = new TextEncoder().encode("__proto__");

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
  if (tag < 0x90) return skipMap(bytes, { start: next, count: tag & 0x0f, depth });
  if (tag < 0xa0) return skipMany(bytes, { start: next, count: tag & 0x0f, depth });
  if (tag < 0xc0) return skipText(bytes, next, tag & 0x1f);
  if (tag >= 0xdc) {
    const lengthSize = tag & 1 ? 4 : 2;
    const items = { start: next + lengthSize, count: readLength(bytes, next, lengthSize), depth };
    return tag >= 0xde ? skipMap(bytes, items) : skipMany(bytes, items);
  }
  const size = fixedSizes[tag - 0xc0];
  if (size === -1) throw malformed("it holds an extension type");
  if (size >= 0) return within(bytes, next + size);
  const isText = tag >= 0xd9;
  const lengthSize = 1 << (tag - (isText ? 0xd9 : 0xc4));
  const length = readLength(bytes, next, lengthSize);
  const start = next + lengthSize;
  return isText ? skipText(bytes, start, length) : within(bytes, start + length);
}

/** A decoder puts U+FFFD for what is no UTF-8: a key would become another one. */
function skipText(bytes: Uint8Array, start: number, length: number): number {
  const end = within(bytes, start + length);
  for (let position = start; position < end; position++) {
    if (bytes[position] < 0x80) continue;
    if (isUtf8(bytes.subarray(position, end))) break;
    throw malformed("it holds text that is not UTF-8");
  }
  return end;
}

interface Items {
  readonly start: number;
  readonly count: number;
  readonly depth: number;
}

function skipMap(bytes: Uint8Array, items: Items): number {
  if (items.count * 2 > bytes.length - items.start) throw malformed("it ends too early");
  let position = items.start;
  for (let item = 0; item < items.count; item++) {
    position = skipValue(bytes, position, items.depth + 1);
    if (endsInPrototype(bytes, position)) throw malformed("it holds the name __proto__");
    position = skipValue(bytes, position, items.depth + 1);
  }
  return position;
}

/** A decoder renames this one name. What stands before it is its length, one way or the other. */
function endsInPrototype(bytes: Uint8Array, end: number): boolean {
  const start = end - prototypeName.length;
  if (start < 1 || (bytes[start - 1] !== 0xa9 && bytes[start - 1] !== 9)) return false;
  return prototypeName.every((byte, index) => bytes[start + index] === byte);
}

function skipMany(bytes: Uint8Array, items: Items): number {
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
