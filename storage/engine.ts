/**
 * The engine: one replica's data on one disk, as versioned keys in a log-structured merge tree.
 *
 * Above stands a state machine that applies log entries: it writes, commits each entry, and reads at
 * versions. Below stand the memtables, the tree's files, and two lanes of work that turn the one into
 * the other. The engine has no log: what is applied above `durableIndex` is applied again after a
 * crash.
 *
 * A point read looks at the active memtable, the frozen ones and the tables of level 0 from newest
 * to oldest, then at one table of each deeper level; the first entry at or below its version decides.
 *
 * Invariants:
 *
 *  1. What is visible at a committed version never changes while that version can be read.
 *  2. After a fatal failure nothing is read or written any more.
 *  3. `durableIndex` counts only what a power cut cannot take back.
 *
 * @module
 */
import { Admission, repeated } from "./admission.ts";
import type { AppliedState } from "./applied_state.ts";
import { WorkLane } from "./background.ts";
import type { CheckProgress, CheckReport } from "./check.ts";
import { checkTables } from "./check.ts";
import type { CompactionExecutor } from "./compaction_executor.ts";
import { compactOnce } from "./compaction_job.ts";
import type { Cursor } from "./cursor.ts";
import { EntryKind } from "./cursor.ts";
import type { EngineCounters, EngineStatistics } from "./engine_statistics.ts";
import { engineStatistics, newCounters } from "./engine_statistics.ts";
import type { Clock, Disk, Logger } from "./env/mod.ts";
import { StorageError } from "./errors.ts";
import type { BlockCache } from "./lsm/block_cache.ts";
import { flushMemtable } from "./lsm/flush.ts";
import type { FoundEntry } from "./lsm/found_entry.ts";
import { mergeCursor } from "./lsm/merge_cursor.ts";
import { findInTables, tableCursors } from "./lsm/table_reads.ts";
import type { MemoryBudget } from "./memory_budget.ts";
import type { FrozenMemtable } from "./memtables.ts";
import { Memtables } from "./memtables.ts";
import type { Snapshot } from "./mvcc/snapshot.ts";
import { SnapshotRegistry } from "./mvcc/snapshot.ts";
import type { VisibleRange } from "./mvcc/visible_cursor.ts";
import { VisibleCursor } from "./mvcc/visible_cursor.ts";
import { checkReadable } from "./mvcc/watermark.ts";
import type { TreeOptions } from "./options.ts";
import { recoverTree } from "./recovery.ts";
import type { TreeFiles } from "./tree_files.ts";
import { writeStallMs } from "./write_stall.ts";

/** What an engine stands on. */
export interface EngineConfig {
  /** Where the tree is. */
  readonly disk: Disk;
  /** Measures slices and pauses. */
  readonly clock: Clock;
  /** Receives a line per failure and per compaction. */
  readonly logger: Logger;
  /** The replica's folder. The names above its parent are the caller's to make durable. */
  readonly directory: string;
  /** The tree's tunables. */
  readonly options: TreeOptions;
  /** Shared by all trees of the node. */
  readonly memory: MemoryBudget;
  /** Shared by all trees of the node. */
  readonly blockCache: BlockCache;
  /** Shared by all trees of the node; not closed here. Closing it first cuts a running merge short. */
  readonly executor: CompactionExecutor;
  /** Called once, with what the process must end for. */
  onFatal(error: unknown): void;
}

/** A value that was found. */
export interface FoundValue {
  /** The version that wrote it. */
  readonly version: number;
  /** A view that stays valid. Not to be modified; copy a small one that is kept for long. */
  readonly bytes: Uint8Array;
}

/** One replica's data. */
export class Engine {
  readonly #config: EngineConfig;
  readonly #files: TreeFiles;
  readonly #memtables: Memtables;
  readonly #snapshots = new SnapshotRegistry();
  readonly #counters: EngineCounters = newCounters();
  readonly #flushLane: WorkLane;
  readonly #compactionLane: WorkLane;
  readonly #admission: Admission;
  #progress = Promise.withResolvers<void>();
  #refusal: StorageError | undefined;
  #closing: Promise<void> | undefined;

  private constructor(config: EngineConfig, files: TreeFiles) {
    this.#config = config;
    this.#files = files;
    const lane = (name: string, step: () => Promise<boolean>) =>
      new WorkLane({
        name,
        clock: config.clock,
        logger: config.logger,
        step,
        onProgress: () => this.#notify(),
        onFatal: (error) => this.#fail(error),
      });
    this.#flushLane = lane("flush", () => this.#flushOnce());
    this.#compactionLane = lane("compaction", () => this.#compactOnce());
    this.#memtables = new Memtables({
      applied: files.applied,
      sizeBytesMax: config.options.memtableSizeBytesMax,
      budget: config.memory,
      onFreeze: () => this.#flushLane.wake(),
    });
    this.#admission = new Admission({
      clock: config.clock,
      lanes: [this.#flushLane, this.#compactionLane],
      counters: this.#counters,
      stallMs: () => this.#stallMs(),
      progress: () => this.#progress.promise,
      checkUsable: () => this.#checkUsable(),
    });
  }

  /**
   * Opens a tree; makes an empty one where there is none.
   *
   * @throws {StorageError} `corruption`, `unsupported_format`, `disk_full`, `io`, `sync_failed`.
   */
  static async open(config: EngineConfig): Promise<Engine> {
    const engine = new Engine(config, await recoverTree(config));
    engine.#compactionLane.wake();
    return engine;
  }

  /** The state as of the last commit; after opening, as of the last flush before. */
  get applied(): AppliedState {
    return this.#memtables.applied;
  }

  /** The index of the last entry that a power cut cannot take back. */
  get durableIndex(): number {
    return this.#files.applied.index;
  }

  /**
   * Adds a write of the entry that is being applied. Reads see it at once; it must be followed by a
   * `commit` in the same turn.
   *
   * @param key A tree key: see `key_space.ts`.
   * @param version Above that of every entry committed before; per key not falling. A second write of
   * the same key and version replaces the first.
   * @param source Copied from `start` to `end`.
   * @throws {StorageError} `closed`.
   */
  write(
    key: string,
    version: number,
    kind: EntryKind,
    source: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.#checkUsable();
    this.#memtables.write(key, version, kind, source, start, end);
  }

  /** Ends an applied entry. @param state Kept: not to be changed. @throws {StorageError} `closed`. */
  commit(state: AppliedState): void {
    this.#checkUsable();
    this.#memtables.commit(state);
  }

  /**
   * Returns the newest value of a key at or below a version; undefined where there is none, or a
   * tombstone.
   *
   * @throws {StorageError} `version_vacuumed`, `corruption`, `io`, `closed`.
   */
  get(key: string, version: number): FoundValue | undefined {
    this.#checkUsable();
    checkReadable(version, this.applied.horizons.userVersion);
    const found = this.#find(key, version);
    if (found === undefined || found.kind === EntryKind.tombstone) return undefined;
    const bytes = found.source.subarray(found.valueStart, found.valueEnd);
    return { version: found.version, bytes };
  }

  /**
   * Returns a cursor over the live values of a range as they are now, at or below a version. It goes
   * on showing exactly those, whatever is written, flushed, compacted or vacuumed meanwhile, and must
   * be closed.
   *
   * @throws {StorageError} `version_vacuumed`, `corruption`, `io`, `closed`; so do its steps.
   */
  cursor(range: VisibleRange): VisibleCursor {
    this.#checkUsable();
    checkReadable(range.version, this.applied.horizons.userVersion);
    const set = this.#files.current.hold();
    try {
      const tables = [this.#memtables.active, ...this.#memtables.frozen.map((one) => one.memtable)];
      // One that is empty now gets only what is too new for this cursor.
      const sources: Cursor[] = tables
        .filter((memtable) => memtable.entryCount > 0)
        .map((memtable) => memtable.cursor());
      sources.push(...tableCursors(set, range));
      return new VisibleCursor(mergeCursor(sources), {
        ...range,
        version: Math.min(range.version, this.#memtables.newestVersion),
        release: () => set.release(),
      });
    } catch (error) {
      set.release();
      throw error;
    }
  }

  /**
   * Holds a version readable: `oldestHeldVersion` counts it until it is released.
   *
   * @throws {StorageError} `version_vacuumed`, `closed`.
   */
  hold(request: { version: number; kind: string; owner: string }): Snapshot {
    this.#checkUsable();
    checkReadable(request.version, this.applied.horizons.userVersion);
    return this.#snapshots.hold({ ...request, heldSinceMs: this.#config.clock.monotonicMs() });
  }

  /** Returns the oldest version that is held; undefined where none is. */
  oldestHeldVersion(): number | undefined {
    return this.#snapshots.oldestVersion();
  }

  /**
   * Says whether more may be applied: `undefined` when it may, else a promise that resolves when the
   * writer has waited long enough.
   *
   * @throws {StorageError} `disk_full` while flushes or compactions cannot get room; any failure of
   * theirs once writes would have to stop for it; `closed`. Thrown or rejected.
   */
  admission(): Promise<void> | undefined {
    return this.#admission.enter();
  }

  /**
   * Makes everything applied durable in the manifest.
   *
   * @throws {StorageError} What kept it from it; the flush is tried again all the same.
   */
  async flush(): Promise<void> {
    this.#checkUsable();
    const { index } = this.applied;
    if (this.durableIndex >= index) return;
    if (this.#memtables.frozen.at(0)?.applied.index !== index) this.#memtables.freeze();
    this.#flushLane.retry();
    while (this.durableIndex < index) {
      const { failure, isBusy } = this.#flushLane;
      if (failure !== undefined && !isBusy) throw repeated(failure);
      await this.#progress.promise;
      this.#checkUsable();
    }
  }

  /** Reads every byte of every live file and reports what is wrong. */
  async check(onProgress?: (progress: CheckProgress) => void): Promise<CheckReport> {
    this.#checkUsable();
    const { disk, clock, directory } = this.#config;
    const set = this.#files.current.hold();
    try {
      const tables = set.levels.flatMap((_, level) =>
        set.metas(level).map((meta) => ({ level, meta }))
      );
      return await checkTables(tables, { disk, clock, directory, onProgress });
    } finally {
      set.release();
    }
  }

  /** Returns figures for metrics and status. */
  statistics(): EngineStatistics {
    return engineStatistics({
      ...this.#config,
      counters: this.#counters,
      files: this.#files,
      memtables: this.#memtables,
      holders: this.#snapshots.holders(),
      failure: this.#refusal ?? this.#flushLane.failure ?? this.#compactionLane.failure,
    });
  }

  /**
   * Ends: waits for a running flush or compaction and gives all files back. What was not flushed is in
   * the node log. Cursors are to be closed first: each keeps its files open until it is.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#refusal ??= new StorageError("closed", "Cannot use the engine: it was closed");
    this.#notify();
    await this.#flushLane.stop();
    await this.#compactionLane.stop();
    await this.#files.finish();
    this.#memtables.close();
  }

  #find(key: string, version: number): FoundEntry | undefined {
    let found = this.#memtables.active.get(key, version);
    for (const { memtable } of this.#memtables.frozen) {
      if (found !== undefined) return found;
      found = memtable.get(key, version);
    }
    return found ?? findInTables(this.#files.current, { key, version });
  }

  async #flushOnce(): Promise<boolean> {
    const frozen = this.#memtables.frozen.at(-1);
    if (frozen === undefined) return false;
    const { applied } = frozen;
    if (frozen.memtable.entryCount === 0) {
      await this.#files.install({ applied });
    } else {
      const meta = await this.#writeTable(frozen);
      await this.#files.install({ applied, added: [{ level: 0, meta }] });
      this.#counters.flushCount++;
      this.#counters.flushedBytes += meta.sizeBytes;
    }
    this.#memtables.dropOldest();
    this.#compactionLane.wake();
    return true;
  }

  async #writeTable({ memtable }: FrozenMemtable) {
    const { disk, clock, options } = this.#config;
    const tableNumber = this.#files.reserveTableNumbers(1);
    try {
      return await flushMemtable(memtable, {
        disk,
        clock,
        path: this.#files.pathOf(tableNumber),
        tableNumber,
        options: options.table,
        isStopping: () => this.#refusal !== undefined,
      });
    } catch (error) {
      this.#files.removeTables(tableNumber, 1);
      throw error;
    }
  }

  #compactOnce(): Promise<boolean> {
    return compactOnce({ ...this.#config, files: this.#files }, this.#counters);
  }

  #stallMs(): number {
    const { memory, options } = this.#config;
    return writeStallMs({
      level0FileCount: this.#files.current.levels[0].length,
      frozenMemtableCount: this.#memtables.frozen.length,
      memtableFillFraction: this.#memtables.fillFraction,
      budgetFraction: memory.usedBytes / memory.capacityBytes,
      isBudgetFlushing: memory.frozenBytes > 0,
    }, options);
  }

  #checkUsable(): void {
    if (this.#refusal !== undefined) throw repeated(this.#refusal);
  }

  #fail(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#refusal = new StorageError("closed", `Cannot use the engine: it has failed: ${reason}`, {
      cause: error,
    });
    this.#flushLane.halt();
    this.#compactionLane.halt();
    this.#files.halt();
    this.#notify();
    this.#config.onFatal(error);
  }

  /** Lets those look again who wait for a lane. */
  #notify(): void {
    const { resolve } = this.#progress;
    this.#progress = Promise.withResolvers<void>();
    resolve();
  }
}
