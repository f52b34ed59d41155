/**
 * The files of one tree as they stand: the manifest, the live tables and their readers.
 *
 * Flushes and compactions change the tree through `install` only, which keeps the one order that
 * survives a crash at any point: tables synced → their names synced → edit synced → edit in force →
 * files that nothing reads any more removed. Opening and removing a large file takes milliseconds, so
 * others have their turn between two of them.
 *
 * Invariants:
 *
 *  1. No two installs overlap.
 *  2. A table number is handed out once; nothing of a failed job is used again.
 *  3. No file is removed that a manifest found after a crash may name.
 *
 * @module
 */
import type { AppliedState } from "./applied_state.ts";
import { syncNames } from "./durable.ts";
import type { Clock, Disk, Logger } from "./env/mod.ts";
import { DiskError, DurationHistogram, invariant } from "./env/mod.ts";
import { StorageError } from "./errors.ts";
import type { BlockCache } from "./lsm/block_cache.ts";
import type { Manifest } from "./lsm/manifest.ts";
import { SstableReader } from "./lsm/sstable_reader.ts";
import type { TableMeta } from "./lsm/table_meta.ts";
import { tableFileName } from "./lsm/table_meta.ts";
import type { EditFold, LeveledTable, VersionEdit } from "./lsm/version_edit.ts";
import type { LiveTable, TableSet } from "./lsm/version_set.ts";
import { VersionSet } from "./lsm/version_set.ts";

/** What {@linkcode TreeFiles} stand on. */
export interface TreeFilesConfig {
  /** Where the tree is. */
  readonly disk: Disk;
  /** Its folder. */
  readonly directory: string;
  /** Says how to give way. */
  readonly clock: Clock;
  /** Receives what could not be removed. */
  readonly logger: Logger;
  /** Where data blocks are kept. */
  readonly blockCache: BlockCache;
}

/** What a flush or a compaction changes. */
export interface TreeChange {
  /** How far the tables go with it; undefined where that does not change. */
  readonly applied?: AppliedState;
  /** Tables that leave. */
  readonly removed?: readonly { readonly level: number; readonly number: number }[];
  /** Tables that come, durable but for their names. */
  readonly added?: readonly LeveledTable[];
  /** Where the next compaction of a level goes on. */
  readonly pointers?: readonly { readonly level: number; readonly key: string }[];
}

/** The files of one tree. */
export class TreeFiles {
  readonly #config: TreeFilesConfig;
  /** How long installs waited for the one before. */
  readonly installWaits: DurationHistogram = new DurationHistogram();
  readonly #manifest: Manifest;
  readonly #set: VersionSet;
  readonly #pointers: string[];
  #applied: AppliedState;
  #nextTableNumber: number;
  #installing: Promise<void> = Promise.resolve();
  #isClosed = false;
  #isHalted = false;
  /** Tables of failed edits that a crash might still bring into force. */
  #leftBehind: number[] = [];
  /** Tables that nothing reads any more, and whose files are still there. */
  readonly #retired: number[] = [];
  #removing: Promise<void> | undefined;
  /** What no removal should fail with: the next install or the end throws it. */
  #removalFailure: unknown;

  private constructor(config: TreeFilesConfig, manifest: Manifest, fold: EditFold) {
    this.#config = config;
    this.#manifest = manifest;
    this.#applied = fold.applied;
    this.#nextTableNumber = fold.nextTableNumber;
    this.#pointers = [...fold.pointers];
    this.#set = new VersionSet((table) => this.#retire(table));
  }

  /**
   * Opens every live table and puts a fresh manifest in force: see `manifest.ts` for why.
   *
   * @param fold What the manifest said; its next table number lies above every file there is.
   * @throws {StorageError} `corruption`, `unsupported_format`, `disk_full`, `io`, `sync_failed`.
   */
  static async open(
    config: TreeFilesConfig,
    state: { manifest: Manifest; fold: EditFold },
  ): Promise<TreeFiles> {
    const files = new TreeFiles(config, state.manifest, state.fold);
    try {
      const added = state.fold.tables();
      files.#set.apply({ removed: [], added }, files.#openReaders(added));
      await state.manifest.rewrite(files.#full({}));
      return files;
    } catch (error) {
      files.close();
      throw error;
    }
  }

  /** The tables in force. */
  get current(): TableSet {
    return this.#set.current;
  }

  /** How far the tables go: what is applied beyond it has to be applied again after a crash. */
  get applied(): AppliedState {
    return this.#applied;
  }

  /** Where the next compaction of each level goes on. */
  get pointers(): readonly string[] {
    return this.#pointers;
  }

  /** Sets `count` table numbers aside for one job and returns the first. */
  reserveTableNumbers(count: number): number {
    invariant(count >= 1, () => `A job has at least one table: ${count}`);
    const first = this.#nextTableNumber;
    this.#nextTableNumber += count;
    return first;
  }

  /** Returns the path of a table. */
  pathOf(number: number): string {
    return `${this.#config.directory}/${tableFileName(number)}`;
  }

  /**
   * Makes a change durable and puts it in force.
   *
   * @throws {StorageError} `disk_full`, `io`, `corruption`: nothing has changed, and the added files
   * are gone or will be; `sync_failed`: nothing is known.
   */
  async install(change: TreeChange): Promise<void> {
    const before = this.#installing;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#installing = promise;
    const { clock } = this.#config;
    const startMs = clock.monotonicMs();
    await before;
    this.installWaits.observe(clock.monotonicMs() - startMs);
    try {
      if (this.#isHalted) throw new StorageError("closed", "Cannot install: the tree has failed");
      await this.#installAlone(change);
    } finally {
      resolve();
    }
  }

  /**
   * Refuses every further install: a sync has failed, and another one would succeed without having
   * made anything durable.
   */
  halt(): void {
    this.#isHalted = true;
  }

  /** Removes what a job that failed before its edit has left: files of its numbers. */
  removeTables(first: number, count: number): void {
    for (let number = first; number < first + count; number++) this.#remove(number);
  }

  /**
   * Waits for a running install and for removals, then gives everything back. The set must not be
   * used any more.
   */
  async finish(): Promise<void> {
    await this.#installing;
    await this.#removing;
    this.close();
    this.#checkRemovals();
  }

  /** Gives everything back. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#set.close();
    this.#manifest.close();
  }

  async #installAlone(change: TreeChange): Promise<void> {
    this.#checkRemovals();
    const { added = [], removed = [], pointers = [] } = change;
    const isFresh = ({ meta }: LeveledTable) => !removed.some((old) => old.number === meta.number);
    const fresh = added.filter(isFresh);
    const opened = new Map<number, SstableReader>();
    try {
      if (fresh.length > 0) await syncNames(this.#config.disk, this.#config.directory);
      for (const { meta } of fresh) {
        if (opened.size > 0) await this.#config.clock.yield();
        opened.set(meta.number, this.#openReader(meta));
      }
      const edit: VersionEdit = {
        isFull: false,
        nextTableNumber: this.#nextTableNumber,
        applied: change.applied,
        pointers,
        removed,
        added,
      };
      await this.#manifest.append(edit, () => this.#full(change));
    } catch (error) {
      for (const reader of opened.values()) reader.close();
      this.#isHalted ||= isSyncFailure(error);
      this.#leftBehind.push(...fresh.map(({ meta }) => meta.number));
      this.#removeLeftBehind();
      throw error;
    }
    for (const { level, key } of pointers) this.#pointers[level] = key;
    this.#applied = change.applied ?? this.#applied;
    this.#set.apply({ removed, added }, opened);
    this.#removeLeftBehind();
  }

  /** Returns what the tree comes to with a change. */
  #full(change: TreeChange): VersionEdit {
    const { added = [], removed = [], pointers = [] } = change;
    const tables: LeveledTable[] = this.current.levels.flatMap((_, level) =>
      this.current.metas(level).map((meta) => ({ level, meta }))
    );
    const gone = new Set(removed.map(({ number }) => number));
    const keys = [...this.#pointers];
    for (const { level, key } of pointers) keys[level] = key;
    return {
      isFull: true,
      nextTableNumber: this.#nextTableNumber,
      applied: change.applied ?? this.#applied,
      pointers: keys.map((key, level) => ({ level, key })).filter(({ key }) => key !== ""),
      removed: [],
      added: [...tables.filter(({ meta }) => !gone.has(meta.number)), ...added],
    };
  }

  #openReaders(tables: readonly LeveledTable[]): Map<number, SstableReader> {
    const opened = new Map<number, SstableReader>();
    try {
      for (const { meta } of tables) opened.set(meta.number, this.#openReader(meta));
    } catch (error) {
      for (const reader of opened.values()) reader.close();
      throw error;
    }
    return opened;
  }

  #openReader(meta: TableMeta): SstableReader {
    const { disk, blockCache } = this.#config;
    return SstableReader.open({ disk, path: this.pathOf(meta.number), meta, cache: blockCache });
  }

  /** Called when no set lists a table any more: at close, or behind the edit that removed it. */
  #retire(table: LiveTable): void {
    table.reader.close();
    if (this.#isClosed) return;
    this.#retired.push(table.meta.number);
    this.#removing ??= this.#removeRetired();
  }

  /** Removes the first at once, each other one in a turn of its own. Never rejects. */
  async #removeRetired(): Promise<void> {
    try {
      for (;;) {
        const number = this.#retired.shift();
        if (number === undefined) break;
        this.#remove(number);
        await this.#config.clock.yield();
      }
      this.#removing = undefined;
    } catch (error) {
      this.#removalFailure = error;
    }
  }

  #checkRemovals(): void {
    if (this.#removalFailure !== undefined) throw this.#removalFailure;
  }

  #removeLeftBehind(): void {
    if (this.#manifest.isUncertain || this.#isHalted) return;
    for (const number of this.#leftBehind) this.#remove(number);
    this.#leftBehind = [];
  }

  /** What cannot be removed now is swept at the next open. */
  #remove(number: number): void {
    const path = this.pathOf(number);
    try {
      this.#config.disk.remove(path);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      if (error.code === "not_found") return;
      this.#config.logger.log("warn", "table_not_removed", { path, message: error.message });
    }
  }
}

function isSyncFailure(error: unknown): boolean {
  return error instanceof StorageError && error.code === "sync_failed";
}
