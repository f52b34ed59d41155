/**
 * The sets of files in use: the current one, and older ones that a cursor or a compaction still
 * reads.
 *
 * A {@linkcode TableSet} is immutable. Each edit makes a new one; the old one lives on for those that
 * hold it. A table in no set any more is obsolete: its reader is closed, and its file may go.
 *
 * Invariants:
 *
 *  1. Level 0 is in order of table numbers, newest first; deeper levels are in key order and their
 *     tables share no key.
 *  2. A table's use count is the number of sets that list it; a set's use count is the number of its
 *     holders, and one more for the current set.
 *  3. A file is reported obsolete after the edit that removed it is durable: sets are made by
 *     durable edits only.
 *
 * @module
 */
import { invariant } from "../env/mod.ts";
import { levelCount } from "../options.ts";
import type { SstableReader } from "./sstable_reader.ts";
import type { TableMeta } from "./table_meta.ts";
import type { VersionEdit } from "./version_edit.ts";

/** A table that at least one set lists. */
export class LiveTable {
  /** What the manifest says of it. */
  readonly meta: TableMeta;
  /** Open as long as a set lists the table. */
  readonly reader: SstableReader;
  /** How many sets list it. */
  useCount = 0;

  constructor(reader: SstableReader) {
    this.meta = reader.meta;
    this.reader = reader;
  }
}

/** One state of all levels. Held by whoever reads from it. */
export class TableSet {
  /** The tables by level. */
  readonly levels: readonly (readonly LiveTable[])[];
  readonly #onUnused: (set: TableSet) => void;
  #useCount = 1;

  /** @param onUnused Called once, when the last holder has let go. */
  constructor(
    levels: readonly (readonly LiveTable[])[],
    onUnused: (set: TableSet) => void,
  ) {
    this.levels = levels;
    this.#onUnused = onUnused;
    for (const table of this.tables()) table.useCount++;
  }

  /** Holds the set: its files stay until as many `release()` calls. */
  hold(): this {
    invariant(this.#useCount > 0, "A set that is held is in use");
    this.#useCount++;
    return this;
  }

  /** Lets go. */
  release(): void {
    invariant(this.#useCount > 0, "A set is released as often as it is held");
    if (--this.#useCount === 0) this.#onUnused(this);
  }

  /** Returns all tables, from level 0 down. */
  *tables(): Generator<LiveTable, void, undefined> {
    for (const level of this.levels) yield* level;
  }

  /** Returns what the tables of a level say of themselves. */
  metas(level: number): TableMeta[] {
    return this.levels[level].map((table) => table.meta);
  }
}

/** The current set and those before it that are still read. */
export class VersionSet {
  readonly #onObsolete: (table: LiveTable) => void;
  #current: TableSet;

  /**
   * Starts with no tables.
   *
   * @param onObsolete Called when nothing reads a table any more; its reader is still open.
   */
  constructor(onObsolete: (table: LiveTable) => void) {
    this.#onObsolete = onObsolete;
    const empty = Array.from({ length: levelCount }, () => []);
    this.#current = new TableSet(empty, (set) => this.#retire(set));
  }

  /** The newest set. Hold it before waiting for anything. */
  get current(): TableSet {
    return this.#current;
  }

  /**
   * Puts a durable edit into force.
   *
   * @param opened A reader for every added table that the current set does not list.
   */
  apply(
    edit: Pick<VersionEdit, "removed" | "added">,
    opened: ReadonlyMap<number, SstableReader>,
  ): void {
    const last = this.#current;
    const known = new Map([...last.tables()].map((table) => [table.meta.number, table]));
    const levels = last.levels.map((tables) => [...tables]);
    for (const { level, number } of edit.removed) {
      const slot = levels[level].findIndex((table) => table.meta.number === number);
      invariant(slot >= 0, () => `Table ${number} is in level ${level} when it is removed`);
      levels[level].splice(slot, 1);
    }
    for (const { level, meta } of edit.added) {
      const reader = opened.get(meta.number);
      const table = known.get(meta.number) ?? (reader && new LiveTable(reader));
      invariant(table !== undefined, () => `Table ${meta.number} is open when it is added`);
      levels[level].push(table);
    }
    levels.forEach(sortLevel);
    this.#current = new TableSet(levels, (set) => this.#retire(set));
    last.release();
  }

  /** Lets go of the current set. Its files stay on disk; readers close with their last holder. */
  close(): void {
    this.#current.release();
  }

  #retire(set: TableSet): void {
    for (const table of set.tables()) {
      table.useCount--;
      invariant(table.useCount >= 0, () => `Table ${table.meta.number} is let go too often`);
      if (table.useCount === 0) this.#onObsolete(table);
    }
  }
}

function sortLevel(tables: LiveTable[], level: number): void {
  if (level === 0) {
    tables.sort((left, right) => right.meta.number - left.meta.number);
    return;
  }
  tables.sort((left, right) => left.meta.smallestKey < right.meta.smallestKey ? -1 : 1);
  for (let slot = 1; slot < tables.length; slot++) {
    const before = tables[slot - 1].meta;
    const behind = tables[slot].meta;
    invariant(
      before.largestKey < behind.smallestKey,
      () => `Tables ${before.number} and ${behind.number} of level ${level} share no key`,
    );
  }
}

/**
 * Returns the slot of the first table whose largest key is at or behind `key`; the length where none
 * is. The tables are in key order and disjoint.
 */
export function firstTableFor(tables: readonly LiveTable[], key: string): number {
  let low = 0;
  let high = tables.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (tables[middle].meta.largestKey < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
