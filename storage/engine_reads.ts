/**
 * The read side of an engine: its memtables and tables seen as one, at a version.
 *
 * A point read looks at the active memtable, the frozen ones and the tables of level 0 from newest
 * to oldest, then at one table of each deeper level; the first entry at or below its version decides.
 *
 * Whether a version may be read is asked of the horizons of the last commit (`mvcc/retention.ts`).
 * Mostly it lies at or above all of them, and one comparison is all that the question costs.
 *
 * @module
 */
import type { Cursor } from "./cursor.ts";
import { EntryKind, versionMax } from "./cursor.ts";
import type { FoundEntry } from "./lsm/found_entry.ts";
import { mergeCursor } from "./lsm/merge_cursor.ts";
import { findInTables, tableCursors } from "./lsm/table_reads.ts";
import type { Memtables } from "./memtables.ts";
import { EntryVersions } from "./mvcc/entry_versions.ts";
import type { ExpiryRule } from "./mvcc/expiry.ts";
import { isExpired } from "./mvcc/expiry.ts";
import type { TreeRange } from "./mvcc/retention.ts";
import { horizonOver, ruleOf } from "./mvcc/retention.ts";
import type { VisibleRange } from "./mvcc/visible_cursor.ts";
import { VisibleCursor } from "./mvcc/visible_cursor.ts";
import { checkReadable } from "./mvcc/watermark.ts";
import type { TreeFiles } from "./tree_files.ts";

/** A value that was found. */
export interface FoundValue {
  /** The version that wrote it. */
  readonly version: number;
  /** A view that stays valid. Not to be modified; copy a small one that is kept for long. */
  readonly bytes: Uint8Array;
}

/** Reads of one tree. The methods are those of `Engine`. */
export class EngineReads {
  readonly #files: TreeFiles;
  readonly #memtables: Memtables;
  readonly #expiryOf: ExpiryRule | undefined;

  constructor(
    parts: { files: TreeFiles; memtables: Memtables; expiryOf: ExpiryRule | undefined },
  ) {
    this.#files = parts.files;
    this.#memtables = parts.memtables;
    this.#expiryOf = parts.expiryOf;
  }

  get(key: string, version: number): FoundValue | undefined {
    const found = this.entry(key, version);
    if (version < this.#memtables.largestHorizon) this.#checkEntry(key, version, found);
    if (found === undefined || found.kind === EntryKind.tombstone) return undefined;
    if (isExpired(this.#expiryOf, key, found, version)) return undefined;
    const bytes = found.source.subarray(found.valueStart, found.valueEnd);
    return { version: found.version, bytes };
  }

  entry(key: string, version: number): FoundEntry | undefined {
    let found = this.#memtables.active.get(key, version);
    for (const { memtable } of this.#memtables.frozen) {
      if (found !== undefined) return found;
      found = memtable.get(key, version);
    }
    return found ?? findInTables(this.#files.current, { key, version });
  }

  versions(key: string, from: number): EntryVersions {
    // The key behind this one differs by a zero byte at its end.
    return this.#open(
      { start: key, end: `${key}\0` },
      (inner, release) => new EntryVersions(inner, { key, from, release }),
    );
  }

  cursor(range: VisibleRange): VisibleCursor {
    this.checkRange(range.version, range);
    return this.#open(range, (inner, release) =>
      new VisibleCursor(inner, {
        ...range,
        // What comes later must not show.
        version: Math.min(range.version, this.#memtables.newestVersion),
        expiryOf: this.#expiryOf,
        expiryVersion: range.version,
        release,
      }));
  }

  /** Checks that all keys of a range can be read. @throws {StorageError} `version_vacuumed`. */
  checkRange(version: number, { start, end }: TreeRange): void {
    if (version >= this.#memtables.largestHorizon) return;
    checkReadable(version, horizonOver(this.#memtables.applied.horizons, start, end));
  }

  /** Makes a cursor over all entries of a range as they are now; it may show more. */
  #open<Opened>(
    range: TreeRange,
    make: (inner: Cursor, release: () => void) => Opened,
  ): Opened {
    const set = this.#files.current.hold();
    try {
      const tables = [this.#memtables.active, ...this.#memtables.frozen.map((one) => one.memtable)];
      // One that is empty now gets only what is too new for this cursor.
      const sources: Cursor[] = tables
        .filter((memtable) => memtable.entryCount > 0)
        .map((memtable) => memtable.cursor());
      sources.push(...tableCursors(set, range));
      return make(mergeCursor(sources), () => set.release());
    } catch (error) {
      set.release();
      throw error;
    }
  }

  /** Checks what was found below some horizon. @throws {StorageError} `version_vacuumed`. */
  #checkEntry(key: string, version: number, found: FoundEntry | undefined): void {
    const { horizons } = this.#memtables.applied;
    const rule = ruleOf(horizons, key);
    const horizon = rule?.version ?? horizons.userVersion;
    if (version >= horizon) return;
    const isCounted = rule?.countedFrom !== undefined && version >= rule.countedFrom &&
      found !== undefined && this.#isAmongNewest(key, found.version, rule.versionCount);
    if (!isCounted) checkReadable(version, horizon);
  }

  /** Tells whether a key has fewer than `count` entries above a version. */
  #isAmongNewest(key: string, version: number, count: number): boolean {
    const versions = this.versions(key, versionMax);
    try {
      let newerCount = 0;
      for (; versions.isValid && versions.version > version; versions.next()) {
        if (++newerCount === count) return false;
      }
      return true;
    } finally {
      versions.close();
    }
  }
}
