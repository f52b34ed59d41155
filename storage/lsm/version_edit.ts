/**
 * One change to the set of live files, and its bytes in the manifest.
 *
 * ```
 * kind u8              1 full: stands alone; 2 change: on top of those before
 * next table number    varint
 * applied              u8 0, or u8 1 and an applied state
 * compaction pointers  varint count, each: level u8, key (length varint, bytes)
 * removed tables       varint count, each: level u8, number varint
 * added tables         varint count, each: level u8, table
 * table                number, size, entries, tombstones, shadowed entries, shadowed bytes,
 *                      payload bytes, oldest version, newest version: varints;
 *                      smallest key, largest key: length varint, bytes; sketches of deaths
 * ```
 *
 * @module
 */
import { appliedNothing, decodeAppliedState, encodeAppliedState } from "../applied_state.ts";
import type { AppliedState } from "../applied_state.ts";
import { ByteReader, ByteWriter, MalformedBytesError } from "../env/mod.ts";
import { levelCount } from "../options.ts";
import { decodeSketches, encodeSketches } from "./death_sketch.ts";
import type { TableMeta } from "./table_meta.ts";

/** A table and the level it is in. */
export interface LeveledTable {
  readonly level: number;
  readonly meta: TableMeta;
}

/** One change to the set of live files. */
export interface VersionEdit {
  /** Whether it describes the whole tree, and what came before it no longer counts. */
  readonly isFull: boolean;
  /** No table has this number or a higher one. */
  readonly nextTableNumber: number;
  /** How far the tables go; undefined where that does not change. */
  readonly applied: AppliedState | undefined;
  /** Where the next compaction of a level goes on. */
  readonly pointers: readonly { readonly level: number; readonly key: string }[];
  /** Tables that leave. Taken out before any is added: a table may change its level. */
  readonly removed: readonly { readonly level: number; readonly number: number }[];
  /** Tables that come. */
  readonly added: readonly LeveledTable[];
}

// On disk since format 1: never renumber.
const kindFull = 1;
const kindChange = 2;

/** Returns an edit's bytes, owned by the caller. */
export function encodeEdit(edit: VersionEdit): Uint8Array {
  const out = new ByteWriter();
  out.u8(edit.isFull ? kindFull : kindChange);
  out.varint(edit.nextTableNumber);
  out.u8(edit.applied === undefined ? 0 : 1);
  if (edit.applied !== undefined) encodeAppliedState(edit.applied, out);
  out.varint(edit.pointers.length);
  for (const { level, key } of edit.pointers) {
    out.u8(level);
    out.latin1Prefixed(key);
  }
  out.varint(edit.removed.length);
  for (const { level, number } of edit.removed) {
    out.u8(level);
    out.varint(number);
  }
  out.varint(edit.added.length);
  for (const { level, meta } of edit.added) {
    out.u8(level);
    encodeTable(meta, out);
  }
  return out.copy();
}

/** Reads an edit. It shares no memory with `source`. @throws {MalformedBytesError} */
export function decodeEdit(source: Uint8Array): VersionEdit {
  const reader = new ByteReader(source);
  const kind = reader.u8();
  if (kind !== kindFull && kind !== kindChange) {
    throw new MalformedBytesError(`No version edit is of kind ${kind}`);
  }
  const nextTableNumber = reader.varint();
  const hasApplied = reader.u8();
  if (hasApplied > 1) throw new MalformedBytesError(`Neither 0 nor 1: ${hasApplied}`);
  const edit: VersionEdit = {
    isFull: kind === kindFull,
    nextTableNumber,
    applied: hasApplied === 1 ? decodeAppliedState(reader) : undefined,
    pointers: list(reader, () => ({ level: readLevel(reader), key: reader.latin1Prefixed() })),
    removed: list(reader, () => ({ level: readLevel(reader), number: reader.varint() })),
    added: list(reader, () => ({ level: readLevel(reader), meta: decodeTable(reader) })),
  };
  reader.expectEnd();
  return edit;
}

function encodeTable(meta: TableMeta, out: ByteWriter): void {
  out.varint(meta.number);
  out.varint(meta.sizeBytes);
  out.varint(meta.entryCount);
  out.varint(meta.tombstoneCount);
  out.varint(meta.shadowedCount);
  out.varint(meta.shadowedBytes);
  out.varint(meta.payloadBytes);
  out.varint(meta.oldestVersion);
  out.varint(meta.newestVersion);
  out.latin1Prefixed(meta.smallestKey);
  out.latin1Prefixed(meta.largestKey);
  encodeSketches(meta.deaths, out);
}

function decodeTable(reader: ByteReader): TableMeta {
  const meta = {
    number: reader.varint(),
    sizeBytes: reader.varint(),
    entryCount: reader.varint(),
    tombstoneCount: reader.varint(),
    shadowedCount: reader.varint(),
    shadowedBytes: reader.varint(),
    payloadBytes: reader.varint(),
    oldestVersion: reader.varint(),
    newestVersion: reader.varint(),
    smallestKey: reader.latin1Prefixed(),
    largestKey: reader.latin1Prefixed(),
    deaths: decodeSketches(reader),
  };
  if (meta.smallestKey > meta.largestKey || meta.oldestVersion > meta.newestVersion) {
    throw new MalformedBytesError(`Table ${meta.number} ends before it begins`);
  }
  return meta;
}

function readLevel(reader: ByteReader): number {
  const level = reader.u8();
  if (level >= levelCount) throw new MalformedBytesError(`There is no level ${level}`);
  return level;
}

/** Reads a count and so many items. An item takes at least a byte, which bounds a wrong count. */
function list<Item>(reader: ByteReader, read: () => Item): Item[] {
  const count = reader.varint();
  if (count > reader.remaining) throw new MalformedBytesError(`${count} items do not fit`);
  return Array.from({ length: count }, read);
}

/** What a manifest's edits come to. */
export class EditFold {
  /** No table has this number or a higher one. */
  nextTableNumber = 1;
  /** How far the tables go. */
  applied: AppliedState = appliedNothing;
  /** Where the next compaction of each level goes on. */
  readonly pointers: string[] = new Array<string>(levelCount).fill("");
  readonly #tables = new Map<number, LeveledTable>();
  #isStarted = false;

  /** Whether a full edit has been seen. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Lays an edit on top. @throws {MalformedBytesError} where it does not fit what came before. */
  add(edit: VersionEdit): void {
    if (edit.isFull) {
      this.#tables.clear();
      this.pointers.fill("");
      this.#isStarted = true;
    }
    if (!this.#isStarted) throw new MalformedBytesError("The first edit is not a full one");
    if (edit.nextTableNumber < this.nextTableNumber) {
      throw new MalformedBytesError(
        `Table numbers fall from ${this.nextTableNumber} to ${edit.nextTableNumber}`,
      );
    }
    this.nextTableNumber = edit.nextTableNumber;
    if (edit.applied !== undefined) this.applied = edit.applied;
    for (const { level, key } of edit.pointers) this.pointers[level] = key;
    for (const { level, number } of edit.removed) {
      if (this.#tables.get(number)?.level !== level) {
        throw new MalformedBytesError(`There is no table ${number} in level ${level} to remove`);
      }
      this.#tables.delete(number);
    }
    for (const table of edit.added) {
      const { number } = table.meta;
      if (this.#tables.has(number) || number >= this.nextTableNumber) {
        throw new MalformedBytesError(`Table ${number} cannot be added: its number is taken`);
      }
      this.#tables.set(number, table);
    }
  }

  /** Returns all live tables. */
  tables(): LeveledTable[] {
    return [...this.#tables.values()];
  }
}
