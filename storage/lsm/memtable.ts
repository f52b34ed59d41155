/**
 * The memtable: the newest writes, sorted, in memory.
 *
 * Every write is in the node log first and here second; a read looks here first. When it is full it
 * is frozen, a fresh one takes over, and `flush.ts` writes the frozen one out as a level-0 sstable.
 *
 * A B+tree of keys; each key names the newest of its entries, and entries are rows of typed columns
 * chained from newer to older:
 *
 * ```
 * leaf   keys   ["apple", "pear"]        leaves are linked both ways
 *        heads  [   7   ,   2   ]
 *                   │
 * row    7: version 90, older 3 ──▶ row 3: version 40, older none
 *        slab 1, offset 512, size 100     slabs hold the values' bytes, many to a slab
 * ```
 *
 * Keys that only rise are the commonest load, so a key behind the last one goes straight to the end
 * of the last leaf, and a full last leaf is not split but followed by an empty one.
 *
 * Invariants:
 *
 *  1. Versions of one key rise as they arrive, so a chain is ordered newest first.
 *  2. Bytes of a slab that an entry covers never change: views handed out stay valid.
 *  3. A frozen memtable never changes. The owner stops writing; nothing here needs to know.
 *
 * A cursor may be held while the table is written to: it sees every entry that was there when it
 * was made exactly once, and may or may not see newer ones.
 *
 * @module
 */
import type { Cursor, EntryKind } from "../cursor.ts";
import { invariant } from "../env/mod.ts";
import { EntryColumns, none } from "./entry_columns.ts";
import type { FoundEntry } from "./found_entry.ts";
import { KeyTree } from "./key_tree.ts";
import type { KeyLeaf } from "./key_tree.ts";

// What an entry takes beyond its key and value: a row of 33 bytes, doubled columns that are three
// quarters full on average, the string's header and the leaf's two slots.
const entryOverheadBytes = 96;

const noBytes = new Uint8Array(0);

/** Sorted writes in memory. */
export class Memtable {
  readonly #tree = new KeyTree();
  readonly #rows = new EntryColumns();
  #keyBytes = 0;
  #tombstoneCount = 0;

  /** How many entries it holds, tombstones included. */
  get entryCount(): number {
    return this.#rows.count;
  }

  /** How many of them say "deleted". */
  get tombstoneCount(): number {
    return this.#tombstoneCount;
  }

  /** What it costs in memory, within some tenths. */
  get sizeBytes(): number {
    return this.#rows.count * entryOverheadBytes + this.#keyBytes + this.#rows.valueBytes;
  }

  /**
   * Adds an entry. A second one of the same key and version takes the place of the first.
   *
   * @param source Copied from `start` to `end`.
   */
  put(
    key: string,
    version: number,
    kind: EntryKind,
    source: Uint8Array,
    start: number,
    end: number,
  ): void {
    const tree = this.#tree;
    const rows = this.#rows;
    this.#tombstoneCount += 1 - kind;
    if (!tree.find(key)) {
      tree.insertFound(key, rows.add(version, kind, source, start, end));
      this.#keyBytes += key.length;
      return;
    }
    const leaf = tree.foundLeaf;
    const slot = tree.foundSlot;
    const head = leaf.heads[slot];
    invariant(
      version >= rows.versions[head],
      () => `Versions of a key rise: ${rows.versions[head]}, then ${version}`,
    );
    if (version === rows.versions[head]) {
      this.#tombstoneCount -= 1 - rows.kinds[head];
      rows.replace(head, kind, source, start, end);
      return;
    }
    const row = rows.add(version, kind, source, start, end);
    rows.link(row, head);
    leaf.heads[slot] = row;
    this.#keyBytes += key.length;
  }

  /** Returns the newest entry of the key at or below `version`, a tombstone included. */
  get(key: string, version: number): FoundEntry | undefined {
    const tree = this.#tree;
    if (!tree.find(key)) return undefined;
    const rows = this.#rows;
    const row = rows.newestAtOrBelow(tree.foundLeaf.heads[tree.foundSlot], version);
    if (row === none) return undefined;
    const valueStart = rows.offsets[row];
    return {
      version: rows.versions[row],
      kind: rows.kinds[row] as EntryKind,
      source: rows.slabOf(row),
      valueStart,
      valueEnd: valueStart + rows.sizes[row],
    };
  }

  /** Returns a cursor that stands nowhere yet. */
  cursor(): Cursor {
    return new MemtableCursor(this.#tree, this.#rows);
  }
}

class MemtableCursor implements Cursor {
  isValid = false;
  key = "";
  version = 0;
  kind: EntryKind = 0;
  source: Uint8Array = noBytes;
  valueStart = 0;
  valueEnd = 0;
  readonly #tree: KeyTree;
  readonly #rows: EntryColumns;
  #leaf: KeyLeaf;
  #slot = 0;
  #row: number = none;
  /** The tree's count of changes when leaf and slot were looked up. */
  #changeCount = 0;

  constructor(tree: KeyTree, rows: EntryColumns) {
    this.#tree = tree;
    this.#rows = rows;
    this.#leaf = tree.firstLeaf;
  }

  seek(key: string, version: number): void {
    const isThere = this.#locate(key);
    if (isThere) {
      const row = this.#rows.newestAtOrBelow(this.#leaf.heads[this.#slot], version);
      if (row !== none) return this.#show(row);
      this.#slot++;
    }
    this.#showNewestHere();
  }

  seekBefore(key: string, version: number): void {
    const isThere = this.#locate(key);
    if (isThere) {
      const row = this.#rows.oldestAbove(this.#leaf.heads[this.#slot], version);
      if (row !== none) return this.#show(row);
    }
    this.#slot--;
    this.#showOldestHere();
  }

  seekToFirst(): void {
    this.#changeCount = this.#tree.changeCount;
    this.#leaf = this.#tree.firstLeaf;
    this.#slot = 0;
    this.#showNewestHere();
  }

  seekToLast(): void {
    this.#changeCount = this.#tree.changeCount;
    this.#leaf = this.#tree.lastLeaf;
    this.#slot = this.#leaf.keys.length - 1;
    this.#showOldestHere();
  }

  next(): void {
    const older = this.#rows.older[this.#row];
    if (older !== none) return this.#showVersion(older);
    if (this.#changeCount !== this.#tree.changeCount) this.#locate(this.key);
    this.#slot++;
    this.#showNewestHere();
  }

  previous(): void {
    const newer = this.#rows.newer[this.#row];
    if (newer !== none) return this.#showVersion(newer);
    if (this.#changeCount !== this.#tree.changeCount) this.#locate(this.key);
    this.#slot--;
    this.#showOldestHere();
  }

  #locate(key: string): boolean {
    const isThere = this.#tree.find(key);
    this.#leaf = this.#tree.foundLeaf;
    this.#slot = this.#tree.foundSlot;
    this.#changeCount = this.#tree.changeCount;
    return isThere;
  }

  #showNewestHere(): void {
    if (this.#slot >= this.#leaf.keys.length) {
      const next = this.#leaf.next;
      this.isValid = next !== undefined;
      if (next === undefined) return;
      this.#leaf = next;
      this.#slot = 0;
    }
    this.#show(this.#leaf.heads[this.#slot]);
  }

  #showOldestHere(): void {
    if (this.#slot < 0) {
      const previous = this.#leaf.previous;
      this.isValid = previous !== undefined;
      if (previous === undefined) return;
      this.#leaf = previous;
      this.#slot = previous.keys.length - 1;
    }
    this.#show(this.#rows.oldest(this.#leaf.heads[this.#slot]));
  }

  #show(row: number): void {
    this.key = this.#leaf.keys[this.#slot];
    this.isValid = true;
    this.#showVersion(row);
  }

  #showVersion(row: number): void {
    const rows = this.#rows;
    this.#row = row;
    this.version = rows.versions[row];
    this.kind = rows.kinds[row] as EntryKind;
    this.source = rows.slabOf(row);
    this.valueStart = rows.offsets[row];
    this.valueEnd = this.valueStart + rows.sizes[row];
  }
}
