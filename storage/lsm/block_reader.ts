/**
 * Walks and searches the payload of one data block, as `block_builder.ts` lays it out.
 *
 * A scan costs one string and no other object an entry: the key grows and shrinks in a scratch
 * buffer, the rest of an entry is fields of the cursor. A search bisects the restarts, whose keys
 * are decoded once for a cached block, and compares the bytes of the run in between without making
 * strings. Going back decodes a whole run, as prefixes are known from the front only.
 *
 * Invariants:
 *
 *  1. Nothing is read beyond the entries, whatever the bytes say.
 *  2. The scratch buffer holds the key of the entry stood on, unless the cursor came backwards.
 *
 * @module
 */
import { invariant, latin1Decode, latin1Encode } from "../env/mod.ts";
import type { Cursor } from "../cursor.ts";
import { EntryKind } from "../cursor.ts";
import type { StorageError } from "../errors.ts";
import { treeKeySizeBytesMax } from "./block_builder.ts";
import type { BlockPayload } from "./physical_block.ts";
import { corruptionAt } from "./physical_block.ts";

// Three sizes of one byte, then version and kind.
const entrySizeBytesMin = 3 + 8;

// What the objects of a decoded block take beside its bytes: by heap snapshots, rounded up.
const blockOverheadBytes = 256;
const restartOverheadBytes = 72;

/** A block in memory. Immutable, shared by any number of cursors. */
export class Block {
  /** The payload; the rest of the array means nothing. */
  readonly bytes: Uint8Array;
  /** The file it comes from, for messages. */
  readonly path: string;
  /** Where it starts in that file. */
  readonly offset: number;
  /** Where entries end and restart offsets begin. */
  readonly entriesEnd: number;
  /** Where each run begins. */
  readonly restarts: readonly number[];
  #restartKeys: string[] | undefined;
  #restartVersions: number[] = [];

  /**
   * @param payload Owned by the block from now on.
   * @throws {StorageError} `corruption` where restart offsets do not fit.
   */
  constructor(payload: BlockPayload, place: { path: string; offset: number }) {
    this.bytes = payload.bytes;
    this.path = place.path;
    this.offset = place.offset;
    const sizeBytes = payload.sizeBytes;
    const count = sizeBytes < 4 ? 0 : readU32(this.bytes, sizeBytes - 4);
    this.entriesEnd = sizeBytes - 4 - 4 * count;
    if (count < 1 || this.entriesEnd < entrySizeBytesMin) {
      throw this.corruption(0, `${count} restarts in ${sizeBytes} bytes`);
    }
    const restarts: number[] = [];
    for (let index = 0; index < count; index++) {
      const restart = readU32(this.bytes, this.entriesEnd + 4 * index);
      const isInPlace = index === 0 ? restart === 0 : restart > restarts[index - 1];
      if (!isInPlace || restart > this.entriesEnd - entrySizeBytesMin) {
        throw this.corruption(0, `restart ${index} is at ${restart}`);
      }
      restarts.push(restart);
    }
    this.restarts = restarts;
  }

  /** What the block takes in memory, in bytes. */
  get chargeBytes(): number {
    return this.bytes.byteLength + blockOverheadBytes + this.restarts.length * restartOverheadBytes;
  }

  /** Returns the first restart at or behind (key, version); their count where there is none. */
  findRestart(key: string, version: number): number {
    const keys = this.#restartKeys ?? this.#decodeRestarts();
    const versions = this.#restartVersions;
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = keys[middle];
      if (found < key || (found === key && versions[middle] > version)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Returns the last restart before `position`; -1 where there is none. */
  restartBefore(position: number): number {
    let low = 0;
    let high = this.restarts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.restarts[middle] < position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Returns the error for an entry that does not have the shape of one. */
  corruption(position: number, state: string): StorageError {
    return corruptionAt(this.path, this.offset, `the entry at ${position} is malformed: ${state}`);
  }

  #decodeRestarts(): string[] {
    const cursor = new BlockCursor();
    cursor.setBlock(this);
    const keys: string[] = [];
    const versions: number[] = [];
    for (const restart of this.restarts) {
      cursor.seekToRestart(restart);
      keys.push(cursor.key);
      versions.push(cursor.version);
    }
    this.#restartVersions = versions;
    this.#restartKeys = keys;
    return keys;
  }
}

const noBytes = new Uint8Array(0);

/** Stands on an entry of a block, or beyond either end of it. */
export class BlockCursor implements Cursor {
  isValid = false;
  key = "";
  version = 0;
  kind: EntryKind = EntryKind.tombstone;
  source: Uint8Array = noBytes;
  valueStart = 0;
  valueEnd = 0;

  #block: Block | undefined = undefined;
  #entriesEnd = 0;
  /** Where the entry stood on starts. */
  #position = 0;
  #scratch = new Uint8Array(256);
  /** How long the key in the scratch buffer is. */
  #scratchKeySize = 0;
  #isScratchStale = false;
  // What #readHeader found.
  #shared = 0;
  #suffixStart = 0;
  #at = 0;
  // The run decoded last to go back: -1 where the cursor does not stand in it.
  #runIndex = -1;
  readonly #runPositions: number[] = [];
  readonly #runKeys: string[] = [];

  /** Goes to another block, beyond its ends. */
  setBlock(block: Block): void {
    this.#block = block;
    this.#entriesEnd = block.entriesEnd;
    this.source = block.bytes;
    this.isValid = false;
    this.#runIndex = -1;
  }

  seekToFirst(): void {
    this.seekToRestart(0);
  }

  /** Goes to the entry at a restart offset of the block. */
  seekToRestart(restart: number): void {
    this.#forgetRun();
    this.#scratchKeySize = 0;
    this.#decode(restart);
  }

  seekToLast(): void {
    this.#forgetRun();
    this.#enterRunBefore(this.#entriesEnd);
  }

  seek(key: string, version: number): void {
    this.#search(key, version);
  }

  seekBefore(key: string, version: number): void {
    this.#search(key, version);
    this.#enterRunBefore(this.isValid ? this.#position : this.#entriesEnd);
  }

  next(): void {
    invariant(this.isValid, "A cursor steps from an entry");
    if (this.#isScratchStale) this.#restoreScratch();
    this.#runIndex = -1;
    if (this.valueEnd >= this.#entriesEnd) this.isValid = false;
    else this.#decode(this.valueEnd);
  }

  previous(): void {
    invariant(this.isValid, "A cursor steps from an entry");
    if (this.#runIndex > 0) this.#standInRun(this.#runIndex - 1);
    else this.#enterRunBefore(this.#position);
  }

  #search(key: string, version: number): void {
    const block = this.#blockInUse();
    this.#forgetRun();
    const restart = block.findRestart(key, version);
    this.#scanTo(key, version, block.restarts[restart === 0 ? 0 : restart - 1]);
  }

  /** Reads the entry that starts at `position`; the scratch buffer holds the key before it. */
  #decode(position: number): void {
    this.#readHeader(position);
    const size = this.#takeSuffix();
    // Another version of the same key adds nothing: the string is still right. Behind a restart only
    // the empty key adds nothing.
    if (size !== this.key.length || this.valueStart !== this.#suffixStart) {
      this.key = latin1Decode(this.#scratch, 0, size);
    }
    this.isValid = true;
  }

  /**
   * Goes to the first entry at or behind (key, version), from a restart before it.
   *
   * `matched` counts the leading characters that the entry before has in common with the key. An
   * entry that shares more than that with the one before differs from the key in the same place
   * and the same way: it is before the key too, and needs no comparison.
   */
  #scanTo(key: string, version: number, start: number): void {
    const bytes = this.source;
    const keySize = key.length;
    let matched = 0;
    this.#scratchKeySize = 0;
    for (let position = start; position < this.#entriesEnd; position = this.valueEnd) {
      this.#readHeader(position);
      const shared = this.#shared;
      const size = this.#takeSuffix();
      if (shared > matched) continue;
      const suffixStart = this.#suffixStart - shared;
      const limit = size < keySize ? size : keySize;
      matched = shared;
      while (matched < limit && bytes[suffixStart + matched] === key.charCodeAt(matched)) matched++;
      if (matched === size) {
        if (size < keySize || this.version > version) continue;
        this.key = key;
        this.isValid = true;
        return;
      }
      if (matched < keySize && bytes[suffixStart + matched] < key.charCodeAt(matched)) continue;
      this.key = latin1Decode(this.#scratch, 0, size);
      this.isValid = true;
      return;
    }
    this.isValid = false;
  }

  /** Reads sizes, version and kind of the entry that starts at `position`. */
  #readHeader(position: number): void {
    const bytes = this.source;
    const limit = this.#entriesEnd;
    if (limit - position < entrySizeBytesMin) throw this.#malformed(position, "it ends too early");
    this.#at = position;
    const shared = this.#varint(bytes, position);
    const unshared = this.#varint(bytes, position);
    const valueSize = this.#varint(bytes, position);
    const at = this.#at;
    const suffixStart = at + 8;
    const valueStart = suffixStart + unshared;
    const valueEnd = valueStart + valueSize;
    if (valueEnd > limit) throw this.#malformed(position, `it ends at ${valueEnd} of ${limit}`);
    const high = bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16);
    const kind = bytes[at + 7];
    if (high >= 0x200000 || kind > EntryKind.value) {
      throw this.#malformed(position, `kind ${kind}, version above ${high} * 2^32`);
    }
    const low = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    this.version = high * 0x100000000 + (low >>> 0);
    this.kind = kind as EntryKind;
    this.valueStart = valueStart;
    this.valueEnd = valueEnd;
    this.#position = position;
    this.#shared = shared;
    this.#suffixStart = suffixStart;
  }

  /** Puts the suffix just read behind what it shares in the scratch buffer; returns the key's size. */
  #takeSuffix(): number {
    const shared = this.#shared;
    const start = this.#suffixStart;
    const end = this.valueStart;
    const size = shared + end - start;
    if (shared > this.#scratchKeySize || size > treeKeySizeBytesMax) {
      throw this.#malformed(this.#position, `${shared} shared of ${this.#scratchKeySize} bytes`);
    }
    if (size > this.#scratch.length) this.#growScratch(size);
    const scratch = this.#scratch;
    const bytes = this.source;
    for (let from = start, to = shared; from < end; from++, to++) scratch[to] = bytes[from];
    this.#scratchKeySize = size;
    return size;
  }

  #varint(bytes: Uint8Array, position: number): number {
    const first = bytes[this.#at++];
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; shift <= 28; shift += 7) {
      if (this.#at >= this.#entriesEnd) break;
      const byte = bytes[this.#at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw this.#malformed(position, "a size does not end");
  }

  /** Decodes the run that ends at `end`, or holds it, and stands on its last entry before `end`. */
  #enterRunBefore(end: number): void {
    const block = this.#blockInUse();
    const restart = block.restartBefore(end);
    this.#runIndex = -1;
    if (restart < 0) {
      this.isValid = false;
      return;
    }
    this.#runPositions.length = 0;
    this.#runKeys.length = 0;
    this.#scratchKeySize = 0;
    this.isValid = false;
    for (let position = block.restarts[restart]; position < end; position = this.valueEnd) {
      this.#decode(position);
      this.#runPositions.push(position);
      this.#runKeys.push(this.key);
    }
    this.#standInRun(this.#runKeys.length - 1);
  }

  #standInRun(index: number): void {
    this.#readHeader(this.#runPositions[index]);
    this.key = this.#runKeys[index];
    this.#runIndex = index;
    this.#isScratchStale = true;
    this.isValid = true;
  }

  #forgetRun(): void {
    this.#runIndex = -1;
    this.#isScratchStale = false;
    this.isValid = false;
  }

  #restoreScratch(): void {
    if (this.key.length > this.#scratch.length) this.#growScratch(this.key.length);
    latin1Encode(this.key, this.#scratch, 0);
    this.#scratchKeySize = this.key.length;
    this.#isScratchStale = false;
  }

  #growScratch(size: number): void {
    const grown = new Uint8Array(Math.max(size, this.#scratch.length * 2));
    grown.set(this.#scratch.subarray(0, this.#scratchKeySize));
    this.#scratch = grown;
  }

  #blockInUse(): Block {
    invariant(this.#block !== undefined, "A cursor searches in a block");
    return this.#block;
  }

  #malformed(position: number, state: string): StorageError {
    return this.#blockInUse().corruption(position, state);
  }
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}
