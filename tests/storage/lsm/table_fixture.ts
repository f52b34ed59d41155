/**
 * What the tests of sstables share: entries, tables made of them, and the sorted array that a table must
 * equal.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import type { Cursor } from "../../../storage/cursor.ts";
import { EntryKind } from "../../../storage/cursor.ts";
import type { Disk } from "../../../storage/env/mod.ts";
import { latin1Bytes, latin1Decode, MemoryDisk } from "../../../storage/env/mod.ts";
import { BlockCache } from "../../../storage/lsm/block_cache.ts";
import { SstableReader } from "../../../storage/lsm/sstable_reader.ts";
import { SstableWriter } from "../../../storage/lsm/sstable_writer.ts";
import type { TableMeta } from "../../../storage/lsm/table_meta.ts";
import { tableFileName } from "../../../storage/lsm/table_meta.ts";
import type { TableOptions } from "../../../storage/options.ts";

/** One entry, its value as a latin1 string. */
export interface ModelEntry {
  readonly key: string;
  readonly version: number;
  readonly kind: EntryKind;
  readonly value: string;
}

/** Small blocks, so that few entries make many. */
export const smallTableOptions: TableOptions = {
  blockSizeBytes: 128,
  restartInterval: 3,
  compression: "none",
  filterBitsPerKey: 10,
};

/** The order of a tree: key ascending, version descending. */
export function compareEntries(
  left: { key: string; version: number },
  right: { key: string; version: number },
): number {
  if (left.key !== right.key) return left.key < right.key ? -1 : 1;
  return right.version - left.version;
}

/** Returns the entries in order, of two equal ones the first. */
export function sorted(entries: readonly ModelEntry[]): ModelEntry[] {
  return [...entries].sort(compareEntries)
    .filter((entry, index, all) => index === 0 || compareEntries(all[index - 1], entry) !== 0);
}

/** Binary keys: short ones that collide and share prefixes, and some of the greatest length. */
export const keyArbitrary: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.string({ unit: fc.constantFrom("\0", "a", "b", "\xff"), maxLength: 5 }),
  },
  {
    weight: 3,
    arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => String.fromCharCode(...bytes)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom("\0", "x", "\xff"), fc.integer({ min: 120, max: 2_049 }))
      .map(([unit, size]) => unit.repeat(size)),
  },
);

const versionArbitrary = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 9 }) },
  { weight: 1, arbitrary: fc.maxSafeNat() },
);

/** Entries in no order, many versions of few keys among them. */
export const entriesArbitrary: fc.Arbitrary<ModelEntry[]> = fc.array(
  fc.record({
    key: keyArbitrary,
    version: versionArbitrary,
    kind: fc.constantFrom(EntryKind.tombstone, EntryKind.value),
    value: fc.oneof(
      fc.string({ unit: fc.constantFrom("v", "\0", "\xff"), maxLength: 6 }),
      fc.integer({ min: 60, max: 20_000 }).map((size) => "w".repeat(size)),
    ),
  }),
  { minLength: 1, maxLength: 60 },
).map(sorted);

/** Adds an entry to a block builder or a table writer. */
export function addEntry(
  target: {
    add(
      key: string,
      version: number,
      kind: EntryKind,
      source: Uint8Array,
      start: number,
      end: number,
    ): void;
  },
  entry: ModelEntry,
): void {
  // Bytes around the value, so that a wrong border shows.
  const source = latin1Bytes(`<${entry.value}>`);
  target.add(entry.key, entry.version, entry.kind, source, 1, 1 + entry.value.length);
}

/** Returns what a cursor stands on; undefined beyond the ends. */
export function entryAt(cursor: Cursor): ModelEntry | undefined {
  if (!cursor.isValid) return undefined;
  const { key, version, kind, source, valueStart, valueEnd } = cursor;
  return { key, version, kind, value: latin1Decode(source, valueStart, valueEnd) };
}

/** Writes a table of entries that are in order. */
export async function writeTable(
  disk: Disk,
  entries: readonly ModelEntry[],
  place: { directory: string; number: number; options?: TableOptions },
): Promise<TableMeta> {
  const writer = new SstableWriter({
    disk,
    path: `${place.directory}/${tableFileName(place.number)}`,
    tableNumber: place.number,
    options: place.options ?? smallTableOptions,
  });
  for (const entry of entries) addEntry(writer, entry);
  return await writer.finish();
}

/** Opens a table with a cache of its own. */
export function openTable(
  disk: Disk,
  meta: TableMeta,
  place: { directory: string; cacheBytes?: number },
): SstableReader {
  return SstableReader.open({
    disk,
    path: `${place.directory}/${tableFileName(meta.number)}`,
    meta,
    cache: new BlockCache(place.cacheBytes ?? 0),
  });
}

/** Returns all entries of a table. */
export function readTable(disk: Disk, meta: TableMeta, directory: string): ModelEntry[] {
  const reader = openTable(disk, meta, { directory });
  try {
    const entries: ModelEntry[] = [];
    const cursor = reader.cursor();
    for (cursor.seekToFirst(); cursor.isValid; cursor.next()) {
      const entry = entryAt(cursor);
      if (entry !== undefined) entries.push(entry);
    }
    return entries;
  } finally {
    reader.close();
  }
}

/** Returns a disk with one folder. */
export function diskWith(directory: string): MemoryDisk {
  const disk = new MemoryDisk();
  disk.createDirectory(directory);
  return disk;
}

/** A place to search for: that of an entry, or beside one. */
export function targetsOf(entries: readonly ModelEntry[]): { key: string; version: number }[] {
  const targets = [
    { key: "", version: 0 },
    { key: "\xff".repeat(2_050), version: 0 },
  ];
  for (const { key, version } of entries) {
    targets.push({ key, version }, { key, version: Number.MAX_SAFE_INTEGER }, { key, version: 0 });
    targets.push({ key, version: version + 1 }, { key: `${key}\0`, version });
    if (key.length > 0) targets.push({ key: key.slice(0, -1), version });
  }
  return targets;
}

/** Compares a cursor with the sorted array: all of it both ways, and every search with a step. */
export function expectCursorEquals(cursor: Cursor, entries: readonly ModelEntry[]): void {
  const forward: (ModelEntry | undefined)[] = [];
  for (cursor.seekToFirst(); cursor.isValid; cursor.next()) forward.push(entryAt(cursor));
  deepEqual(forward, entries);
  const backward: (ModelEntry | undefined)[] = [];
  for (cursor.seekToLast(); cursor.isValid; cursor.previous()) backward.push(entryAt(cursor));
  deepEqual(backward.reverse(), entries);
  for (const { key, version } of targetsOf(entries)) {
    const found = entries.findIndex((entry) => compareEntries(entry, { key, version }) >= 0);
    const at = found < 0 ? entries.length : found;
    cursor.seek(key, version);
    deepEqual(entryAt(cursor), entries[at]);
    if (cursor.isValid) {
      cursor.next();
      deepEqual(entryAt(cursor), entries[at + 1]);
      if (cursor.isValid) {
        cursor.previous();
        deepEqual(entryAt(cursor), entries[at]);
      }
    }
    cursor.seekBefore(key, version);
    deepEqual(entryAt(cursor), entries[at - 1]);
    if (cursor.isValid) {
      cursor.previous();
      deepEqual(entryAt(cursor), entries[at - 2]);
      if (cursor.isValid) {
        cursor.next();
        deepEqual(entryAt(cursor), entries[at - 1]);
      }
    }
  }
}

/** Takes a random walk over a cursor and the sorted array; they must agree at each step. */
export function expectWalkEquals(
  cursor: Cursor,
  entries: readonly ModelEntry[],
  steps: readonly ("next" | "previous" | number)[],
): void {
  cursor.seekToFirst();
  let at = 0;
  for (const step of steps) {
    if (typeof step === "number" || !cursor.isValid) {
      at = typeof step === "number" ? step % entries.length : entries.length - 1;
      cursor.seek(entries[at].key, entries[at].version);
    } else if (step === "next") {
      cursor.next();
      at++;
    } else {
      cursor.previous();
      at--;
    }
    deepEqual(entryAt(cursor), entries[at]);
    equal(cursor.isValid, at >= 0 && at < entries.length);
  }
}

/** Steps for {@linkcode expectWalkEquals}. */
export const stepsArbitrary: fc.Arbitrary<("next" | "previous" | number)[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant("next" as const) },
    { weight: 4, arbitrary: fc.constant("previous" as const) },
    { weight: 1, arbitrary: fc.nat(1_000) },
  ),
  { maxLength: 80 },
);
