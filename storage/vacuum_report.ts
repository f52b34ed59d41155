/**
 * What VACUUM would find, to the entry: walks all memtables and tables of a range in merged order and
 * asks the rule that merges ask.
 *
 * | an entry is | where |
 * | --- | --- |
 * | dead | VACUUM may drop it, at the horizons as of now and with all versions of its key in one merge |
 * | held | it is superseded, or a tombstone, and a horizon still keeps it |
 * | live | it is none of these |
 *
 * It reads every byte of the range, past the block cache, in slices that let requests in between.
 *
 * Invariant: the three come to all entries of the range, each counted once, where it is stored.
 *
 * @module
 */
import type { AppliedState } from "./applied_state.ts";
import type { Cursor } from "./cursor.ts";
import { EntryKind, versionMax } from "./cursor.ts";
import type { Clock, Disk } from "./env/mod.ts";
import { DiskError } from "./env/mod.ts";
import { asStorageError, StorageError } from "./errors.ts";
import type { Horizons } from "./key_space.ts";
import { userSpace } from "./key_space.ts";
import { LevelCursor } from "./lsm/level_cursor.ts";
import type { RankedCursor } from "./lsm/merge_cursor.ts";
import { rankedMergeCursor } from "./lsm/merge_cursor.ts";
import { tableFileName } from "./lsm/table_meta.ts";
import type { LiveTable, TableSet } from "./lsm/version_set.ts";
import type { Memtables } from "./memtables.ts";
import { Collector } from "./mvcc/collect.ts";

/** How long a slice may hold up requests, in milliseconds, and entries between two looks at the clock. */
const sliceMsMax = 2;
const entriesPerLook = 256;
/** How many prefixes are told apart. */
const prefixCountMax = 100;
/** Where keys under further prefixes are counted. */
const otherPrefix = "…other";

/** Entries by what VACUUM makes of them; bytes are of keys and values. */
export interface VacuumFigures {
  readonly liveCount: number;
  readonly liveBytes: number;
  readonly deadCount: number;
  readonly deadBytes: number;
  readonly heldCount: number;
  readonly heldBytes: number;
}

/** One level of a {@linkcode VacuumReport}. */
export interface VacuumLevelReport extends VacuumFigures {
  /** From 0. */
  readonly level: number;
  /** Its tables that reach into the range. */
  readonly tableCount: number;
}

/** One prefix of a {@linkcode VacuumReport}. */
export interface VacuumPrefixReport extends VacuumFigures {
  /** User keys up to and with their first "/"; "" for those without; `…other` for the rest. */
  readonly prefix: string;
}

/** What VACUUM would find. */
export interface VacuumReport {
  /** The last version that is counted in. */
  readonly version: number;
  /** What VACUUM may drop, as of now. */
  readonly horizons: Horizons;
  /** Entries that are not in a table yet. */
  readonly memory: VacuumFigures;
  readonly levels: readonly VacuumLevelReport[];
  /** User keys by prefix, at most a hundred and the rest, in order. */
  readonly prefixes: readonly VacuumPrefixReport[];
  /** Memory and levels together. */
  readonly totals: VacuumFigures;
  /** About what the range takes in tables, in bytes of files. */
  readonly sizeBytes: number;
  /** That over the bytes of what is live in them; 0 where nothing is. */
  readonly bloat: number;
  /** Everything in the tree's folder, files that only readers hold included. */
  readonly folderBytes: number;
}

/** What a report is about. */
export interface VacuumReportRequest {
  /** The first tree key; all if not given. */
  readonly start?: string;
  /** The first tree key behind; no end if not given. */
  readonly end?: string;
  /** Called between slices. Must not throw. */
  onProgress?(progress: { readonly doneBytes: number; readonly totalBytes: number }): void;
  /** Asked between slices: whether to give up. */
  isCancelled?(): boolean;
}

/** Where a report looks. */
export interface VacuumReportSource {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly directory: string;
  readonly memtables: Memtables;
  /** Held by the caller until the report is there. */
  readonly set: TableSet;
  /** Throws where the engine takes no more work. */
  checkUsable(): void;
}

/**
 * Walks a range.
 *
 * @throws {StorageError} `corruption`, `io`, `closed`, also where it was cancelled.
 */
export async function vacuumReport(
  source: VacuumReportSource,
  request: VacuumReportRequest,
): Promise<VacuumReport> {
  const walk = new ReportWalk(source, request);
  const { clock } = source;
  let sliceStartMs = clock.monotonicMs();
  while (walk.step(entriesPerLook)) {
    if (clock.monotonicMs() - sliceStartMs < sliceMsMax) continue;
    request.onProgress?.(walk.progress);
    await clock.yield();
    source.checkUsable();
    if (request.isCancelled?.() === true) {
      throw new StorageError("closed", "Cannot report what VACUUM would find: it was cancelled");
    }
    sliceStartMs = clock.monotonicMs();
  }
  request.onProgress?.(walk.progress);
  return walk.report();
}

type Mutable<Type> = { -readonly [Field in keyof Type]: Type[Field] };

class ReportWalk {
  readonly #source: VacuumReportSource;
  readonly #end: string | undefined;
  readonly #applied: AppliedState;
  readonly #collector: Collector;
  readonly #cursor: RankedCursor;
  /** Per source of the cursor the level it is of; -1 for a memtable. */
  readonly #levelOf: number[] = [];
  readonly #tables: readonly (readonly LiveTable[])[];
  /** By level; the last slot is the memtables'. */
  readonly #levels: Mutable<VacuumFigures>[];
  readonly #prefixes = new Map<string, Mutable<VacuumFigures>>();
  #key: string | undefined;
  #prefixEnd = -1;
  #prefixFigures = noEntries();
  #doneBytes = 0;
  readonly #totalBytes: number;

  constructor(source: VacuumReportSource, { start = "", end }: VacuumReportRequest) {
    const { set, memtables } = source;
    this.#source = source;
    this.#end = end;
    this.#applied = memtables.applied;
    this.#collector = new Collector({ horizons: this.#applied.horizons, deeperRanges: [] });
    this.#levels = Array.from({ length: set.levels.length + 1 }, noEntries);
    this.#tables = set.levels.map((tables) =>
      tables.filter(({ meta }) =>
        meta.largestKey >= start && (end === undefined || meta.smallestKey < end)
      )
    );
    this.#totalBytes = this.#tables.flat()
      .reduce((total, { meta }) => total + meta.payloadBytes, 0);
    this.#cursor = rankedMergeCursor(this.#sources());
    this.#cursor.seek(start, versionMax);
  }

  get progress(): { doneBytes: number; totalBytes: number } {
    const totalBytes = Math.max(this.#doneBytes, this.#totalBytes);
    return { doneBytes: this.#doneBytes, totalBytes };
  }

  /** Looks at some entries. @returns Whether there are more. */
  step(count: number): boolean {
    const cursor = this.#cursor;
    for (let index = 0; index < count; index++) {
      if (!cursor.isValid || (this.#end !== undefined && cursor.key >= this.#end)) return false;
      // Written since the report began, into the memtable that it walks.
      if (cursor.version <= this.#applied.lastVersion) this.#count(cursor);
      cursor.next();
    }
    return true;
  }

  report(): VacuumReport {
    const memory = this.#levels[this.#levels.length - 1];
    const levels = this.#tables.map((tables, level) => ({
      level,
      tableCount: tables.length,
      ...this.#levels[level],
    }));
    const sizeBytes = Math.round(
      levels.reduce((total, figures, level) => total + fileBytes(this.#tables[level], figures), 0),
    );
    const stored = levels.reduce((total, { liveBytes }) => total + liveBytes, 0);
    const totals = noEntries();
    for (const figures of this.#levels) addFigures(totals, figures);
    return {
      version: this.#applied.lastVersion,
      horizons: this.#applied.horizons,
      memory,
      levels,
      prefixes: this.#sortedPrefixes(),
      totals,
      sizeBytes,
      bloat: stored === 0 ? 0 : sizeBytes / stored,
      folderBytes: folderBytes(this.#source),
    };
  }

  #sources(): Cursor[] {
    const { memtables } = this.#source;
    const sources: Cursor[] = [];
    const add = (level: number, cursor: Cursor) => {
      sources.push(cursor);
      this.#levelOf.push(level);
    };
    for (const memtable of [memtables.active, ...memtables.frozen.map((one) => one.memtable)]) {
      if (memtable.entryCount > 0) add(-1, memtable.cursor());
    }
    for (const [level, tables] of this.#tables.entries()) {
      if (level > 0 && tables.length > 0) add(level, new LevelCursor(tables, { fillCache: false }));
      if (level > 0) continue;
      for (const { reader } of tables) add(level, reader.cursor({ fillCache: false }));
    }
    return sources;
  }

  #count({ key, version, kind, valueStart, valueEnd, rank }: RankedCursor): void {
    const isNewest = key !== this.#key;
    if (isNewest) this.#begin(key);
    const sizeBytes = key.length + valueEnd - valueStart;
    const figures = this.#levels.at(this.#levelOf[rank]);
    const isUser = key[0] === userSpace;
    const state = this.#collector.drops(key, version, kind)
      ? "dead"
      : isUser && (!isNewest || kind === EntryKind.tombstone)
      ? "held"
      : "live";
    if (figures !== undefined) add(figures, state, sizeBytes);
    if (isUser) add(this.#prefixFigures, state, sizeBytes);
    this.#doneBytes += sizeBytes;
  }

  #begin(key: string): void {
    const isSamePrefix = this.#prefixEnd > 0 && this.#key !== undefined &&
      key.startsWith(this.#key.slice(0, this.#prefixEnd));
    this.#key = key;
    if (isSamePrefix || key[0] !== userSpace) return;
    // The tag is no part of a user key.
    this.#prefixEnd = key.indexOf("/", 1) + 1;
    let prefix = key.slice(1, Math.max(1, this.#prefixEnd));
    const isKnown = this.#prefixes.has(prefix) || prefix === "";
    if (!isKnown && this.#prefixes.size >= prefixCountMax) prefix = otherPrefix;
    let figures = this.#prefixes.get(prefix);
    if (figures === undefined) this.#prefixes.set(prefix, figures = noEntries());
    this.#prefixFigures = figures;
  }

  #sortedPrefixes(): VacuumPrefixReport[] {
    return [...this.#prefixes].map(([prefix, figures]) => ({ prefix, ...figures }))
      .sort((left, right) => left.prefix < right.prefix ? -1 : 1);
  }
}

function noEntries(): Mutable<VacuumFigures> {
  return { liveCount: 0, liveBytes: 0, deadCount: 0, deadBytes: 0, heldCount: 0, heldBytes: 0 };
}

function add(
  figures: Mutable<VacuumFigures>,
  state: "live" | "dead" | "held",
  sizeBytes: number,
): void {
  figures[`${state}Count`]++;
  figures[`${state}Bytes`] += sizeBytes;
}

function addFigures(total: Mutable<VacuumFigures>, figures: VacuumFigures): void {
  for (const field of Object.keys(total) as (keyof VacuumFigures)[]) {
    total[field] += figures[field];
  }
}

/** Returns what entries take in the files they are in: of a table that reaches out of the range a part. */
function fileBytes(tables: readonly LiveTable[], figures: VacuumFigures): number {
  const payload = tables.reduce((total, { meta }) => total + meta.payloadBytes, 0);
  const files = tables.reduce((total, { meta }) => total + meta.sizeBytes, 0);
  const inRange = figures.liveBytes + figures.deadBytes + figures.heldBytes;
  return payload === 0 ? files : files * inRange / payload;
}

function folderBytes({ disk, directory, set }: VacuumReportSource): number {
  const live = new Map([...set.tables()].map(({ meta }) => [tableFileName(meta.number), meta]));
  let bytes = 0;
  try {
    for (const { name } of disk.list(directory)) {
      bytes += live.get(name)?.sizeBytes ?? fileSizeBytes(disk, `${directory}/${name}`);
    }
  } catch (error) {
    throw asStorageError(error);
  }
  return bytes;
}

/** Returns 0 for a file that is gone meanwhile, and for a folder. */
function fileSizeBytes(disk: Disk, path: string): number {
  try {
    const file = disk.open(path, "read");
    try {
      return file.sizeBytes();
    } finally {
      file.close();
    }
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return 0;
  }
}
