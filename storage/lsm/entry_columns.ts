/**
 * The memtable's entries as rows of typed columns, and their values in slabs.
 *
 * An object and a `Uint8Array` for every entry would cost several hundred bytes each and give the
 * garbage collector as much to trace; a row costs 33 bytes and nothing to trace.
 *
 * Invariants:
 *
 *  1. `older` and `newer` are each other's inverse; a chain runs from its newest row by `older`.
 *  2. A slab's bytes below its fill mark never change.
 *
 * @module
 */
import type { EntryKind } from "../cursor.ts";

/** No row. */
export const none = -1;

const rowCountStart = 64;
const slabSizeBytesStart = 4_096;
const slabSizeBytesMax = 1_048_576;

/** Rows in the order in which they arrived. */
export class EntryColumns {
  /** Each row's version. */
  versions: Float64Array = new Float64Array(rowCountStart);
  /** Each row's next older version of the same key. */
  older: Int32Array = new Int32Array(rowCountStart);
  /** Each row's next newer version of the same key. */
  newer: Int32Array = new Int32Array(rowCountStart);
  /** Each row's kind. */
  kinds: Uint8Array = new Uint8Array(rowCountStart);
  /** Where each row's value starts in its slab. */
  offsets: Uint32Array = new Uint32Array(rowCountStart);
  /** How long each row's value is. */
  sizes: Uint32Array = new Uint32Array(rowCountStart);
  /** How many rows there are. */
  count = 0;
  /** Bytes of all values. */
  valueBytes = 0;

  #slabNumbers = new Uint32Array(rowCountStart);
  readonly #slabs: Uint8Array[] = [new Uint8Array(slabSizeBytesStart)];
  #openSlab = 0;
  #openSlabFill = 0;

  /** Adds a row that is linked to no other and returns it. */
  add(version: number, kind: EntryKind, source: Uint8Array, start: number, end: number): number {
    const row = this.count;
    if (row === this.versions.length) this.#grow();
    this.count = row + 1;
    this.versions[row] = version;
    this.older[row] = none;
    this.newer[row] = none;
    this.#fill(row, kind, source, start, end);
    return row;
  }

  /** Gives a row another kind and value. The old value's bytes stay where they are. */
  replace(row: number, kind: EntryKind, source: Uint8Array, start: number, end: number): void {
    this.valueBytes -= this.sizes[row];
    this.#fill(row, kind, source, start, end);
  }

  /** Makes a row the next newer one of `head`. */
  link(row: number, head: number): void {
    this.older[row] = head;
    this.newer[head] = row;
  }

  /** Returns the slab that holds a row's value. */
  slabOf(row: number): Uint8Array {
    return this.#slabs[this.#slabNumbers[row]];
  }

  /** Returns the newest row of a chain at or below `version`, or `none`. */
  newestAtOrBelow(head: number, version: number): number {
    let row = head;
    while (row !== none && this.versions[row] > version) row = this.older[row];
    return row;
  }

  /** Returns the oldest row of a chain above `version`, or `none`. */
  oldestAbove(head: number, version: number): number {
    let row = head;
    let found = none;
    while (row !== none && this.versions[row] > version) {
      found = row;
      row = this.older[row];
    }
    return found;
  }

  /** Returns the oldest row of a chain. */
  oldest(head: number): number {
    let row = head;
    while (this.older[row] !== none) row = this.older[row];
    return row;
  }

  #fill(row: number, kind: EntryKind, source: Uint8Array, start: number, end: number): void {
    const sizeBytes = end - start;
    this.kinds[row] = kind;
    this.sizes[row] = sizeBytes;
    this.valueBytes += sizeBytes;
    if (sizeBytes > this.#slabs[this.#openSlab].length - this.#openSlabFill) {
      if (sizeBytes > slabSizeBytesMax / 4) return this.#fillOwnSlab(row, source, start, end);
      this.#openNextSlab(sizeBytes);
    }
    const slab = this.#slabs[this.#openSlab];
    const offset = this.#openSlabFill;
    this.#slabNumbers[row] = this.#openSlab;
    this.offsets[row] = offset;
    this.#openSlabFill = offset + sizeBytes;
    // Below some tens of bytes the loop is quicker than making a view for set().
    if (sizeBytes > 48) slab.set(source.subarray(start, end), offset);
    else {for (let index = 0; index < sizeBytes; index++) {
        slab[offset + index] = source[start + index];
      }}
  }

  /** A large value would leave too much of the open slab unused. */
  #fillOwnSlab(row: number, source: Uint8Array, start: number, end: number): void {
    this.#slabNumbers[row] = this.#slabs.length;
    this.offsets[row] = 0;
    this.#slabs.push(source.slice(start, end));
  }

  /** Slabs grow with the table, so that one of a few entries stays small. */
  #openNextSlab(sizeBytes: number): void {
    const doubled = Math.min(this.#slabs[this.#openSlab].length * 2, slabSizeBytesMax);
    this.#openSlab = this.#slabs.length;
    this.#openSlabFill = 0;
    this.#slabs.push(new Uint8Array(Math.max(doubled, sizeBytes)));
  }

  #grow(): void {
    const capacity = this.versions.length * 2;
    this.versions = grown(this.versions, new Float64Array(capacity));
    this.older = grown(this.older, new Int32Array(capacity));
    this.newer = grown(this.newer, new Int32Array(capacity));
    this.kinds = grown(this.kinds, new Uint8Array(capacity));
    this.offsets = grown(this.offsets, new Uint32Array(capacity));
    this.sizes = grown(this.sizes, new Uint32Array(capacity));
    this.#slabNumbers = grown(this.#slabNumbers, new Uint32Array(capacity));
  }
}

function grown<Column extends { set(source: ArrayLike<number>): void } & ArrayLike<number>>(
  source: Column,
  target: Column,
): Column {
  target.set(source);
  return target;
}
