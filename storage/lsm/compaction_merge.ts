/**
 * The forward merge that a compaction reads: several runs of sstables as one sorted sequence.
 *
 * A run is a row of tables that do not overlap; only the one being read is open. The runs stand in a
 * binary heap, the smallest entry on top. As neighbours often come from one run, the step that
 * costs two comparisons and moves nothing is the usual one.
 *
 * Invariants:
 *
 *  1. `cursor` stands on the smallest entry that is left: key ascending, version descending; of two
 *     equal entries, that of the newer run first.
 *  2. At most one table of a run is open, none after `close`.
 *
 * @module
 */
import type { Disk } from "../env/mod.ts";
import { invariant } from "../env/mod.ts";
import type { Cursor } from "../cursor.ts";
import { BlockCache } from "./block_cache.ts";
import { SstableReader } from "./sstable_reader.ts";
import type { TableMeta } from "./table_meta.ts";
import { tableFileName } from "./table_meta.ts";

// A merge reads each block once.
const noCache = new BlockCache(0);

/** What is left of one run. */
class Run {
  /** Smaller is newer. */
  readonly rank: number;
  cursor: Cursor;
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #tables: readonly TableMeta[];
  #nextTable = 0;
  /** Undefined once it is closed: a table that fails to open leaves none to close again. */
  #reader: SstableReader | undefined;

  constructor(
    tables: readonly TableMeta[],
    options: { rank: number; disk: Disk; directory: string },
  ) {
    invariant(tables.length > 0, "A run has a table");
    this.rank = options.rank;
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#tables = tables;
    this.cursor = this.#openNext();
  }

  /** Goes one entry on; returns false where the run has ended. */
  next(): boolean {
    this.cursor.next();
    if (this.cursor.isValid) return true;
    if (this.#nextTable === this.#tables.length) return false;
    this.close();
    this.cursor = this.#openNext();
    return true;
  }

  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }

  /** Opens the next table and returns a cursor on its first entry. */
  #openNext(): Cursor {
    const meta = this.#tables[this.#nextTable++];
    const path = `${this.#directory}/${tableFileName(meta.number)}`;
    const reader = SstableReader.open({ disk: this.#disk, path, meta, cache: noCache });
    this.#reader = reader;
    const cursor = reader.cursor({ fillCache: false });
    try {
      cursor.seekToFirst();
    } catch (error) {
      this.close();
      throw error;
    }
    invariant(cursor.isValid, () => `Table ${meta.number} has an entry`);
    return cursor;
  }
}

/** Reads runs as one sequence. Holds files open until it is closed. */
export class CompactionMerge {
  readonly #heap: Run[] = [];
  /** The cursor on the smallest entry; undefined at the end. Not to be moved by the caller. */
  cursor: Cursor | undefined;

  /**
   * Opens the first table of each run.
   *
   * @param inputs Newest first.
   * @throws {StorageError} `corruption`, `io`.
   */
  constructor(
    inputs: readonly (readonly TableMeta[])[],
    options: { disk: Disk; directory: string },
  ) {
    try {
      for (const [rank, tables] of inputs.entries()) {
        this.#heap.push(new Run(tables, { rank, ...options }));
      }
    } catch (error) {
      this.close();
      throw error;
    }
    for (let slot = (this.#heap.length >>> 1) - 1; slot >= 0; slot--) this.#siftDown(slot);
    this.cursor = this.#heap.at(0)?.cursor;
  }

  /** Goes one entry on. Only where `cursor` is defined. @throws {StorageError} `corruption`, `io`. */
  next(): void {
    const heap = this.#heap;
    const top = heap[0];
    if (!top.next()) {
      const last = heap.pop();
      top.close();
      if (last !== undefined && last !== top) heap[0] = last;
    }
    if (heap.length > 1) this.#siftDown(0);
    this.cursor = heap.length === 0 ? undefined : heap[0].cursor;
  }

  /** Closes what is open. */
  close(): void {
    for (const run of this.#heap) run.close();
    this.#heap.length = 0;
    this.cursor = undefined;
  }

  #siftDown(from: number): void {
    const heap = this.#heap;
    const run = heap[from];
    let slot = from;
    for (;;) {
      let child = 2 * slot + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], run)) break;
      heap[slot] = heap[child];
      slot = child;
    }
    heap[slot] = run;
  }
}

function isBefore(left: Run, right: Run): boolean {
  const a = left.cursor;
  const b = right.cursor;
  if (a.key !== b.key) return a.key < b.key;
  return a.version !== b.version ? a.version > b.version : left.rank < right.rank;
}
