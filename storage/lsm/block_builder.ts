/**
 * Builds the payload of a data block: sorted entries with prefix-compressed keys.
 *
 * ```
 * entry  := shared varint | unshared varint | value size varint |
 *           version 7 bytes | kind u8 | key suffix | value
 * payload := entry* | restart offset u32 * count | count u32
 * ```
 *
 * `shared` counts the leading bytes that the key has in common with the entry before. Every
 * `restartInterval`-th entry is a restart: it shares nothing, so a search can begin there.
 *
 * Invariants:
 *
 *  1. Entries are in strictly rising order: key ascending, then version descending.
 *  2. The first entry is a restart; restart offsets rise.
 *
 * Source: the block format of LevelDB (`doc/table_format.md`). We differ in keeping version and kind
 * outside the key, so that versions of one key share all of it.
 *
 * @module
 */
import { ByteWriter, invariant } from "../env/mod.ts";
import type { EntryKind } from "../cursor.ts";

/** The longest tree key, in bytes: a remembered request is a user key, an id and a few bytes. */
export const treeKeySizeBytesMax = 8_192;

// Version 7 + kind 1.
const stampSizeBytes = 8;

// Below this a loop beats the view that `set` would need.
const copyLoopSizeBytesMax = 64;

/** Gathers entries until the caller closes the block. Reused from block to block. */
export class BlockBuilder {
  readonly #restartInterval: number;
  readonly #out: ByteWriter;
  readonly #restarts: number[] = [];
  #sinceRestart = 0;
  #entryCount = 0;
  #lastKey = "";
  #lastVersion = 0;

  /** @param options `capacityBytes` is the room made at once. */
  constructor(options: { restartInterval: number; capacityBytes: number }) {
    invariant(options.restartInterval >= 1, "A restart interval is at least 1");
    this.#restartInterval = options.restartInterval;
    this.#out = new ByteWriter(options.capacityBytes);
  }

  /** How many entries the block has. */
  get entryCount(): number {
    return this.#entryCount;
  }

  /** What `finish` would return, in bytes. */
  get sizeBytes(): number {
    return this.#out.length + 4 * this.#restarts.length + 4;
  }

  /** Appends an entry. The bytes [start, end) of `source` are copied. */
  add(
    key: string,
    version: number,
    kind: EntryKind,
    source: Uint8Array,
    start: number,
    end: number,
  ): void {
    const lastKey = this.#lastKey;
    let shared = 0;
    if (this.#sinceRestart > 0 && this.#sinceRestart < this.#restartInterval) {
      const limit = Math.min(lastKey.length, key.length);
      while (shared < limit && lastKey.charCodeAt(shared) === key.charCodeAt(shared)) shared++;
      invariant(
        isRising(lastKey, key, shared) ||
          shared === key.length && shared === lastKey.length && this.#lastVersion > version,
        () => `Entries rise: ${lastKey}@${this.#lastVersion} then ${key}@${version}`,
      );
      this.#sinceRestart++;
    } else {
      invariant(
        this.#entryCount === 0 || lastKey < key ||
          lastKey === key && this.#lastVersion > version,
        () => `Entries rise: ${lastKey}@${this.#lastVersion} then ${key}@${version}`,
      );
      this.#restarts.push(this.#out.length);
      this.#sinceRestart = 1;
    }
    invariant(
      key.length <= treeKeySizeBytesMax && Number.isSafeInteger(version) && version >= 0,
      () => `Entries have a bounded key and version: ${key.length} bytes @${version}`,
    );
    this.#append(key, shared, version, kind, source, start, end);
    this.#entryCount++;
    this.#lastKey = key;
    this.#lastVersion = version;
  }

  /** Returns the payload: valid until the builder is used again. Starts the next block. */
  finish(): Uint8Array {
    invariant(this.#entryCount > 0, "A block has an entry");
    for (const restart of this.#restarts) this.#out.u32(restart);
    this.#out.u32(this.#restarts.length);
    const payload = this.#out.view();
    this.#out.clear();
    this.#restarts.length = 0;
    this.#sinceRestart = 0;
    this.#entryCount = 0;
    return payload;
  }

  #append(
    key: string,
    shared: number,
    version: number,
    kind: EntryKind,
    source: Uint8Array,
    start: number,
    end: number,
  ): void {
    const out = this.#out;
    const valueSize = end - start;
    const unshared = key.length - shared;
    let at = out.reserve(
      varintSizeBytes(shared) + varintSizeBytes(unshared) + varintSizeBytes(valueSize) +
        stampSizeBytes + unshared + valueSize,
    );
    const bytes = out.buffer;
    at = putVarint(bytes, at, shared);
    at = putVarint(bytes, at, unshared);
    at = putVarint(bytes, at, valueSize);
    const low = version >>> 0;
    const high = Math.floor(version / 0x100000000);
    bytes[at] = low;
    bytes[at + 1] = low >>> 8;
    bytes[at + 2] = low >>> 16;
    bytes[at + 3] = low >>> 24;
    bytes[at + 4] = high;
    bytes[at + 5] = high >>> 8;
    bytes[at + 6] = high >>> 16;
    bytes[at + 7] = kind;
    at += stampSizeBytes;
    for (let index = shared; index < key.length; index++) bytes[at++] = key.charCodeAt(index);
    if (valueSize <= copyLoopSizeBytesMax) {
      for (let index = start; index < end; index++) bytes[at++] = source[index];
    } else {
      bytes.set(source.subarray(start, end), at);
      at += valueSize;
    }
    invariant(at === out.length, "An entry has the size that was set aside for it");
  }
}

/** Tells whether `right` is behind `left`, of which it shares the first `shared` characters. */
function isRising(left: string, right: string, shared: number): boolean {
  if (shared === right.length) return false;
  return shared === left.length || left.charCodeAt(shared) < right.charCodeAt(shared);
}

function varintSizeBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

function putVarint(bytes: Uint8Array, position: number, value: number): number {
  let at = position;
  let rest = value;
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}
