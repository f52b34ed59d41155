/**
 * The index of an sstable: which data block holds a place in the order.
 *
 * ```
 * index := count varint | entry * count
 * entry := shared varint | unshared varint | key suffix | version u64 | block size varint
 * ```
 *
 * Blocks lie one behind the other from offset 0, so sizes give the offsets. An entry's **separator**
 * (key, version) lies at or behind the last entry of its block and before the first of the next.
 * Between two keys it is cut to the fewest characters, with version 0, which is behind every version;
 * between two versions of one key, and for the last block, it is the block's last entry itself.
 *
 * Invariant: separators rise: key ascending, then version descending.
 *
 * @module
 */
import type { ByteReader, ByteWriter } from "../env/mod.ts";
import { invariant, latin1Decode, MalformedBytesError } from "../env/mod.ts";
import { treeKeySizeBytesMax } from "./block_builder.ts";
import { blockTrailerSizeBytes } from "./physical_block.ts";

/** Gathers the blocks of a table, in order. */
export class TableIndexBuilder {
  readonly #keys: string[] = [];
  readonly #versions: number[] = [];
  readonly #sizesBytes: number[] = [];
  #sizeBytesEstimate = 5;

  /** About what the index takes, in bytes. */
  get sizeBytesEstimate(): number {
    return this.#sizeBytesEstimate;
  }

  /** How many blocks there are. */
  get blockCount(): number {
    return this.#keys.length;
  }

  /**
   * Adds a block whose last entry is `last`.
   *
   * @param nextKey The key of the first entry behind the block; undefined where there is none.
   */
  add(
    last: { key: string; version: number },
    block: { sizeBytes: number; nextKey: string | undefined },
  ): void {
    const { nextKey } = block;
    const isExact = nextKey === undefined || nextKey === last.key;
    const key = isExact ? last.key : separatorBetween(last.key, nextKey);
    invariant(isExact || (last.key <= key && key < nextKey), "A separator separates");
    this.#keys.push(key);
    this.#versions.push(isExact ? last.version : 0);
    this.#sizesBytes.push(block.sizeBytes);
    this.#sizeBytesEstimate += key.length + 14;
  }

  /** Appends the index. */
  finish(out: ByteWriter): void {
    out.varint(this.#keys.length);
    let previous = "";
    for (const [index, key] of this.#keys.entries()) {
      const shared = sharedLength(previous, key);
      out.varint(shared);
      out.varint(key.length - shared);
      out.latin1(key.slice(shared));
      out.u64(this.#versions[index]);
      out.varint(this.#sizesBytes[index]);
      previous = key;
    }
  }
}

/** Returns a short key at or behind `left` and before `right`. */
function separatorBetween(left: string, right: string): string {
  const shared = sharedLength(left, right);
  return shared < left.length && shared + 1 < right.length ? right.slice(0, shared + 1) : left;
}

function sharedLength(left: string, right: string): number {
  const limit = Math.min(left.length, right.length);
  let shared = 0;
  while (shared < limit && left.charCodeAt(shared) === right.charCodeAt(shared)) shared++;
  return shared;
}

/** The index in memory. */
export class TableIndex {
  readonly #keys: string[] = [];
  readonly #versions: number[] = [];
  readonly #offsets: number[] = [0];

  /**
   * Reads an index to its end.
   *
   * @throws {MalformedBytesError} where the bytes are not one.
   */
  constructor(reader: ByteReader) {
    const count = reader.varint();
    const scratch = new Uint8Array(treeKeySizeBytesMax);
    let keySize = 0;
    let offset = 0;
    for (let index = 0; index < count; index++) {
      const shared = reader.varint();
      const suffix = reader.bytes(reader.varint());
      if (shared > keySize || shared + suffix.length > treeKeySizeBytesMax) {
        throw new MalformedBytesError(`Separator ${index} shares ${shared} of ${keySize} bytes`);
      }
      scratch.set(suffix, shared);
      keySize = shared + suffix.length;
      this.#append(latin1Decode(scratch, 0, keySize), reader.u64());
      const sizeBytes = reader.varint();
      if (sizeBytes <= blockTrailerSizeBytes) {
        throw new MalformedBytesError(`Block ${index} has ${sizeBytes} bytes`);
      }
      offset += sizeBytes;
      this.#offsets.push(offset);
    }
    if (count === 0) throw new MalformedBytesError("A table has no block");
    reader.expectEnd();
  }

  /** How many data blocks there are. */
  get blockCount(): number {
    return this.#keys.length;
  }

  /** Where the data blocks end. */
  get dataEnd(): number {
    return this.#offsets[this.#keys.length];
  }

  /** About what it takes in memory, in bytes. */
  get chargeBytes(): number {
    return this.#keys.length * 64;
  }

  /** Returns the first byte of a block; for the block count, where the last one ends. */
  offsetOf(block: number): number {
    return this.#offsets[block];
  }

  /** Returns the size of a block with its trailer. */
  sizeBytesOf(block: number): number {
    return this.#offsets[block + 1] - this.#offsets[block];
  }

  /** Tells whether (key, version) is at or before the separator of a block. */
  isWithin(block: number, key: string, version: number): boolean {
    const separator = this.#keys[block];
    return key < separator || (key === separator && version >= this.#versions[block]);
  }

  /**
   * Returns the one block that can hold (key, version) or, if it does not, ends before the first
   * entry behind it; the block count where all entries are before it.
   */
  find(key: string, version: number): number {
    const keys = this.#keys;
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const separator = keys[middle];
      if (separator < key || (separator === key && this.#versions[middle] > version)) {
        low = middle + 1;
      } else high = middle;
    }
    return low;
  }

  #append(key: string, version: number): void {
    const last = this.#keys.length - 1;
    const isRising = last < 0 || this.#keys[last] < key ||
      (this.#keys[last] === key && this.#versions[last] > version);
    if (!isRising) throw new MalformedBytesError(`Separator ${last + 1} does not rise`);
    this.#keys.push(key);
    this.#versions.push(version);
  }
}
