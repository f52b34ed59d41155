/**
 * Bytes written and read by hand: the codec primitives of every format on disk and between nodes.
 *
 * Integers are little-endian. Keys travel as latin1 strings (one character a byte): they compare in
 * byte order by `<`, hash in a `Map`, and cost one short loop to write and one native call to read.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { invariant } from "./invariant.ts";

/** Thrown when bytes do not have the shape that their format promises. */
export class MalformedBytesError extends Error {
  override readonly name = "MalformedBytesError";
}

// The types of node:buffer leave latin1Slice out; it is there and costs a fifth of a TextDecoder.
const latin1Slice = (Buffer.prototype as unknown as {
  latin1Slice: (this: Uint8Array, start: number, end: number) => string;
}).latin1Slice;

/**
 * Returns the bytes [start, end) as a string of one character a byte.
 *
 * @param source Not modified.
 */
export function latin1Decode(source: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(source, start, end);
}

/**
 * Writes a latin1 string and returns the position behind it. The caller has made room.
 *
 * @param text Characters up to U+00FF only; a larger one is cut to its low byte.
 */
export function latin1Encode(text: string, target: Uint8Array, position: number): number {
  for (let index = 0; index < text.length; index++) {
    target[position + index] = text.charCodeAt(index);
  }
  return position + text.length;
}

/** Returns a latin1 string as fresh bytes, owned by the caller. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  latin1Encode(text, bytes, 0);
  return bytes;
}

const sizeBytesStart = 256;

/**
 * A buffer that grows as it is written to. Reuse one by `clear()`: that keeps its memory.
 *
 * Invariant: bytes [0, length) are what has been written.
 */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  /** @param capacityBytes Room made at once. */
  constructor(capacityBytes: number = sizeBytesStart) {
    this.#bytes = new Uint8Array(Math.max(capacityBytes, 16));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** How many bytes have been written. */
  get length(): number {
    return this.#length;
  }

  /** The memory itself: valid until the next write. Bytes beyond `length` mean nothing. */
  get buffer(): Uint8Array {
    return this.#bytes;
  }

  /** Forgets what was written and keeps the memory. */
  clear(): void {
    this.#length = 0;
  }

  /** Forgets all from `length` on. */
  truncate(length: number): void {
    invariant(
      length <= this.#length,
      () => `Cannot truncate ${this.#length} bytes to ${length}`,
    );
    this.#length = length;
  }

  /** Returns a view of what was written: valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Returns a copy of what was written, owned by the caller. */
  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Makes room for `sizeBytes` more, sets them aside and returns where they start. */
  reserve(sizeBytes: number): number {
    const start = this.#length;
    const needed = start + sizeBytes;
    if (needed > this.#bytes.length) this.#grow(needed);
    this.#length = needed;
    return start;
  }

  u8(value: number): void {
    const at = this.reserve(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.reserve(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.reserve(4);
    this.#view.setUint32(at, value, true);
  }

  /** Writes a safe integer from 0 up as eight bytes. */
  u64(value: number): void {
    const at = this.reserve(8);
    this.u64At(at, value);
  }

  /** Overwrites four bytes already written. */
  u32At(position: number, value: number): void {
    this.#view.setUint32(position, value, true);
  }

  /** Overwrites eight bytes already written. */
  u64At(position: number, value: number): void {
    this.#view.setUint32(position, value >>> 0, true);
    this.#view.setUint32(position + 4, Math.floor(value / 0x100000000), true);
  }

  /** Writes a safe integer from 0 up in seven bits a byte, low bits first. */
  varint(value: number): void {
    let at = this.reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[at++] = (rest % 0x80) | 0x80;
      rest = rest < 0x80000000 ? rest >>> 7 : Math.floor(rest / 0x80);
    }
    this.#bytes[at++] = rest;
    this.#length = at;
  }

  bytes(source: Uint8Array): void {
    const at = this.reserve(source.length);
    this.#bytes.set(source, at);
  }

  /** Writes the characters of a latin1 string, without a length. */
  latin1(text: string): void {
    const at = this.reserve(text.length);
    latin1Encode(text, this.#bytes, at);
  }

  /** Writes a latin1 string behind its length as a varint. */
  latin1Prefixed(text: string): void {
    this.varint(text.length);
    this.latin1(text);
  }

  /** Writes bytes behind their length as a varint. */
  bytesPrefixed(source: Uint8Array): void {
    this.varint(source.length);
    this.bytes(source);
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Reads what a {@linkcode ByteWriter} wrote, never beyond the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  /** Where the next read starts. */
  position: number;

  /**
   * @param source Not modified; views handed out point into it.
   * @param start Where to begin. @param end Where to stop.
   */
  constructor(source: Uint8Array, start: number = 0, end: number = source.length) {
    this.#bytes = source;
    this.#view = new DataView(source.buffer, source.byteOffset, source.byteLength);
    this.position = start;
    this.#end = end;
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.#end - this.position;
  }

  u8(): number {
    return this.#bytes[this.#take(1)];
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** Reads eight bytes. @throws {MalformedBytesError} where they hold no safe integer. */
  u64(): number {
    const at = this.#take(8);
    const value = this.#view.getUint32(at, true) +
      this.#view.getUint32(at + 4, true) * 0x100000000;
    if (!Number.isSafeInteger(value)) throw new MalformedBytesError(`Not a safe integer: ${value}`);
    return value;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 8; count++) {
      const byte = this.#bytes[this.#take(1)];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      scale *= 0x80;
    }
    throw new MalformedBytesError("A varint is longer than a safe integer");
  }

  /** Returns a view of the next `sizeBytes` bytes. */
  bytes(sizeBytes: number): Uint8Array {
    const at = this.#take(sizeBytes);
    return this.#bytes.subarray(at, at + sizeBytes);
  }

  latin1(sizeBytes: number): string {
    const at = this.#take(sizeBytes);
    return latin1Decode(this.#bytes, at, at + sizeBytes);
  }

  latin1Prefixed(): string {
    return this.latin1(this.varint());
  }

  bytesPrefixed(): Uint8Array {
    return this.bytes(this.varint());
  }

  /** @throws {MalformedBytesError} unless everything has been read. */
  expectEnd(): void {
    if (this.remaining !== 0) throw new MalformedBytesError(`${this.remaining} bytes too many`);
  }

  #take(sizeBytes: number): number {
    const at = this.position;
    if (sizeBytes > this.#end - at) {
      throw new MalformedBytesError(`Ends ${sizeBytes - (this.#end - at)} bytes too early`);
    }
    this.position = at + sizeBytes;
    return at;
  }
}
