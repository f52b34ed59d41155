/**
 * Which part of a table's entries stands before older ones in tables below it: told from a few of its
 * blocks and the filters of those tables, which are in memory.
 *
 * No sketch of one table can tell it. What is found holds for as long as the table stays where it is: in
 * its key range, older entries only leave the levels below.
 *
 * @module
 */
import { userSpace } from "../key_space.ts";
import { BlockCursor } from "./block_reader.ts";
import type { SstableReader } from "./sstable_reader.ts";
import type { LiveTable, TableSet } from "./version_set.ts";
import { firstTableFor } from "./version_set.ts";

/** Blocks that are read, evenly over the table: one read of the disk each. */
const blockCountMax = 8;
/** Keys that are looked at in each. */
const keysPerBlock = 32;

/**
 * Returns the part, from 0 to 1: user keys that a table below may hold, of all entries looked at.
 *
 * @param place The table, which the set lists in that level; the set is held or current.
 * @throws {StorageError} `corruption`, `io`.
 */
export function shadowShare(set: TableSet, place: { level: number; number: number }): number {
  const table = set.levels[place.level].find(({ meta }) => meta.number === place.number);
  if (table === undefined) return 0;
  let entryCount = 0;
  let shadowingCount = 0;
  for (const { key, isNewest } of sampledEntries(table.reader)) {
    entryCount++;
    const isShadowing = isNewest && key[0] === userSpace &&
      readersBelow(set, place.level, { table, key }).some((reader) => reader.mayContain(key));
    if (isShadowing) shadowingCount++;
  }
  return entryCount === 0 ? 0 : shadowingCount / entryCount;
}

function sampledEntries(reader: SstableReader): { key: string; isNewest: boolean }[] {
  const { blockCount } = reader.index;
  const count = Math.min(blockCountMax, blockCount);
  const entries: { key: string; isNewest: boolean }[] = [];
  const cursor = new BlockCursor();
  for (let index = 0; index < count; index++) {
    cursor.setBlock(reader.loadBlock(Math.floor(index * blockCount / count), false));
    let lastKey: string | undefined;
    cursor.seekToFirst();
    for (let taken = 0; taken < keysPerBlock && cursor.isValid; taken++, cursor.next()) {
      entries.push({ key: cursor.key, isNewest: cursor.key !== lastKey });
      lastKey = cursor.key;
    }
  }
  return entries;
}

/** Returns the readers of older tables whose range holds a key: of level 0 those with lower numbers. */
function readersBelow(
  set: TableSet,
  level: number,
  { table, key }: { table: LiveTable; key: string },
): SstableReader[] {
  const readers: SstableReader[] = [];
  const add = ({ meta, reader }: LiveTable) => {
    if (meta.smallestKey <= key && meta.largestKey >= key) readers.push(reader);
  };
  if (level === 0) {
    for (const other of set.levels[0]) if (other.meta.number < table.meta.number) add(other);
  }
  for (const tables of set.levels.slice(level + 1)) {
    const slot = firstTableFor(tables, key);
    if (slot < tables.length) add(tables[slot]);
  }
  return readers;
}
