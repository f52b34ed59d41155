/**
 * Reads from a set of tables: one key, or cursors over a range.
 *
 * @module
 */
import type { Cursor } from "../cursor.ts";
import type { FoundEntry } from "./found_entry.ts";
import { LevelCursor } from "./level_cursor.ts";
import { firstTableFor } from "./version_set.ts";
import type { LiveTable, TableSet } from "./version_set.ts";

/**
 * Returns the newest entry of a key at or below a version.
 *
 * Level 0 is asked newest first, and deeper levels after it: every version of a key in an upper table
 * is above those in the tables below, so the first that is found is the newest.
 *
 * @throws {StorageError} `corruption`, `io`.
 */
export function findInTables(
  set: TableSet,
  { key, version }: { key: string; version: number },
): FoundEntry | undefined {
  const { levels } = set;
  for (const table of levels[0]) {
    const found = table.reader.get(key, version);
    if (found !== undefined) return found;
  }
  for (let level = 1; level < levels.length; level++) {
    const tables = levels[level];
    if (tables.length === 0) continue;
    const slot = firstTableFor(tables, key);
    const found = slot < tables.length ? tables[slot].reader.get(key, version) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Returns cursors over all entries of [start, end), newest source first; they may show more. */
export function tableCursors(
  set: TableSet,
  range: { readonly start: string; readonly end: string | undefined },
): Cursor[] {
  const sources: Cursor[] = [];
  for (const [level, tables] of set.levels.entries()) {
    const inside = tables.filter((table) => isInside(table, range));
    if (level === 0) sources.push(...inside.map((table) => table.reader.cursor()));
    else if (inside.length === 1) sources.push(inside[0].reader.cursor());
    else if (inside.length > 1) sources.push(new LevelCursor(inside));
  }
  return sources;
}

function isInside(
  { meta }: LiveTable,
  { start, end }: { readonly start: string; readonly end: string | undefined },
): boolean {
  return meta.largestKey >= start && (end === undefined || meta.smallestKey < end);
}
