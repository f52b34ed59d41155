/**
 * The engine: one replica's data on one disk, as versioned keys in a log-structured merge tree.
 *
 * Above stands a state machine that applies log entries: it writes, commits each entry, and reads at
 * versions. Below stand the memtables, the tree's files, and two lanes of work that turn the one into
 * the other. The engine has no log: what is applied above `durableIndex` is applied again after a
 * crash.
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
import { Compactor } from "./compaction_job.ts";
import type { EntryKind } from "./cursor.ts";
import type { FoundValue } from "./engine_reads.ts";
import { EngineReads } from "./engine_reads.ts";
import type { EngineConfig } from "./engine_config.ts";
import type { EngineCounters, EngineStatistics } from "./engine_statistics.ts";
import { engineStatistics, newCounters } from "./engine_statistics.ts";
import { StorageError } from "./errors.ts";
import { flushOnce } from "./flush_job.ts";
import type { Horizons } from "./key_space.ts";
import type { FoundEntry } from "./lsm/found_entry.ts";
import { Memtables } from "./memtables.ts";
import type { EntryVersions } from "./mvcc/entry_versions.ts";
import { coveringRule, horizonOf, horizonOver } from "./mvcc/retention.ts";
import type { HoldRequest, Snapshot, SnapshotHolder } from "./mvcc/snapshot.ts";
import { SnapshotRegistry } from "./mvcc/snapshot.ts";
import type { VisibleCursor, VisibleRange } from "./mvcc/visible_cursor.ts";
import { checkReadable } from "./mvcc/watermark.ts";
import { recoverTree } from "./recovery.ts";
import type { TreeFiles } from "./tree_files.ts";
import type { VacuumOutcome, VacuumRequest } from "./vacuum.ts";
import type { VacuumReport, VacuumReportRequest } from "./vacuum_report.ts";
import { vacuumReport } from "./vacuum_report.ts";
import { writeStallMs } from "./write_stall.ts";

/** One replica's data. */
export class Engine {
  readonly #config: EngineConfig;
  readonly #files: TreeFiles;
  readonly #memtables: Memtables;
  readonly #reads: EngineReads;
  readonly #snapshots = new SnapshotRegistry();
  readonly #counters: EngineCounters = newCounters();
  readonly #flushLane: WorkLane;
  readonly #compactionLane: WorkLane;
  readonly #compactor: Compactor;
  readonly #admission: Admission;
  #progress = Promise.withResolvers<void>();
  /** For whoever waits for a lane. */
  readonly #gate = {
    progress: () => this.#progress.promise,
    checkUsable: () => this.#checkUsable(),
  };
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
    const flushing = {
      ...config,
      files,
      counters: this.#counters,
      isStopping: () => this.#refusal !== undefined,
      onFlushed: () => this.#flushed(),
    };
    this.#flushLane = lane("flush", () => flushOnce(flushing, this.#memtables));
    this.#compactionLane = lane("compaction", () => this.#compactor.step());
    this.#compactor = new Compactor({ ...config, files, counters: this.#counters });
    this.#memtables = new Memtables({
      applied: files.applied,
      sizeBytesMax: config.options.memtableSizeBytesMax,
      budget: config.memory,
      onFreeze: () => this.#flushLane.wake(),
    });
    const { expiryOf } = config;
    this.#reads = new EngineReads({ files, memtables: this.#memtables, expiryOf });
    this.#admission = new Admission({
      clock: config.clock,
      lanes: [this.#flushLane, this.#compactionLane],
      counters: this.#counters,
      stallMs: () => this.#stallMs(),
      ...this.#gate,
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

  /** What all tables take together. */
  get tableSizeBytes(): number {
    const { current } = this.#files;
    const sizes = current.levels.flatMap((_, level) => current.metas(level));
    return sizes.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  }

  /** Why flushes or compactions do not get on; undefined where they do. */
  get failure(): StorageError | undefined {
    return this.#refusal ?? this.#flushLane.failure ?? this.#compactionLane.failure;
  }

  /** What is applied and not in a table yet. */
  get memtableSizeBytes(): number {
    return this.#memtables.active.sizeBytes + this.#memtables.frozenBytes;
  }

  /** The horizons that VACUUM goes by: those of the last flush. */
  get durableHorizons(): Horizons {
    return this.#files.applied.horizons;
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
   * Returns the newest value of a key at or below a version; undefined where there is none, a
   * tombstone, or a value that has expired at that version.
   *
   * Below the key's horizon only what a rule that counts has surely kept is found.
   *
   * @throws {StorageError} `version_vacuumed`, `corruption`, `io`, `closed`.
   */
  get(key: string, version: number): FoundValue | undefined {
    this.#checkUsable();
    return this.#reads.get(key, version);
  }

  /**
   * Returns the newest entry of a key at or below a version, whatever it says: a tombstone, a value
   * that has expired. What the key's horizon has passed may be gone or not.
   *
   * @throws {StorageError} `corruption`, `io`, `closed`.
   */
  entry(key: string, version: number): FoundEntry | undefined {
    this.#checkUsable();
    return this.#reads.entry(key, version);
  }

  /**
   * Returns a walk over all entries of a key, newest first, from a version down; it must be closed.
   * What the key's horizon has passed may be gone or not.
   *
   * @throws {StorageError} `corruption`, `io`, `closed`; so do its steps.
   */
  versions(key: string, from: number): EntryVersions {
    this.#checkUsable();
    return this.#reads.versions(key, from);
  }

  /**
   * Returns a cursor over the live values of a range as they are now, at or below a version, without
   * those that have expired at it. It goes on showing exactly that, whatever is written, flushed,
   * compacted or vacuumed meanwhile, and must be closed.
   *
   * @throws {StorageError} `version_vacuumed`, `corruption`, `io`, `closed`; so do its steps.
   */
  cursor(range: VisibleRange): VisibleCursor {
    this.#checkUsable();
    return this.#reads.cursor(range);
  }

  /** Returns the oldest version at which a key can be read. */
  horizonOf(key: string): number {
    return horizonOf(this.applied.horizons, key);
  }

  /** Returns the oldest version at which all keys of [start, end) can be read. */
  horizonOver(start: string, end: string | undefined): number {
    return horizonOver(this.applied.horizons, start, end);
  }

  /**
   * Holds a version readable until it is released or ended: of a range of tree keys, where one is
   * given, or else of all keys. Of keys under a rule whose horizon is above the version it holds what
   * is left.
   *
   * @throws {StorageError} `version_vacuumed`, `closed`.
   */
  hold(request: HoldRequest): Snapshot {
    this.#checkUsable();
    const { horizons } = this.applied;
    const { range, version } = request;
    if (range === undefined) checkReadable(version, horizons.userVersion);
    else this.#reads.checkRange(version, range);
    const isNarrow = range !== undefined && request.readsChanges !== true &&
      coveringRule(horizons, range) !== undefined;
    const heldSinceMs = this.#config.clock.monotonicMs();
    return this.#snapshots.hold(request, { heldSinceMs, isNarrow });
  }

  /**
   * Looks at the holds anew once rules have changed: one under a rule that is gone keeps the watermark
   * back, or ends where it comes too late for that.
   *
   * @param horizons What may not be held below any more, drawn and perhaps not applied yet.
   */
  reviewHolds(horizons: Horizons): void {
    this.#snapshots.review({
      horizonOver: ({ start, end }) => horizonOver(horizons, start, end),
      isCovered: (range) => coveringRule(horizons, range) !== undefined,
    });
  }

  /** Ends a hold in its holder's place, and tells it. @returns Whether there was one. */
  endHold(id: number): boolean {
    return this.#snapshots.end(id);
  }

  /** Returns who holds which version, oldest version first. */
  holders(): SnapshotHolder[] {
    return this.#snapshots.holders();
  }

  /** Returns the oldest version that keeps the watermark back; undefined where none does. */
  oldestHeldVersion(): number | undefined {
    return this.#snapshots.oldestVersion();
  }

  /** Returns the oldest version that is held of keys with a prefix; undefined where none is. */
  oldestHeldVersionIn(prefix: string): number | undefined {
    return this.#snapshots.oldestVersionIn(prefix);
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

  /**
   * Gives back the space of all that VACUUM may drop of a range of tree keys, as of the last flush:
   * see `vacuum.ts`. Others run first; what is merged meanwhile stays merged however it ends.
   *
   * @throws {StorageError} `disk_full`, `io`, `corruption`, `closed`.
   */
  async vacuum(request: VacuumRequest = {}): Promise<VacuumOutcome> {
    this.#checkUsable();
    return await this.#compactor.vacuum.run(request, {
      lane: this.#compactionLane,
      ...this.#gate,
    });
  }

  /** Walks a range and reports what VACUUM would find. @throws {StorageError} As a cursor. */
  async vacuumReport(request: VacuumReportRequest = {}): Promise<VacuumReport> {
    this.#checkUsable();
    const set = this.#files.current.hold();
    const parts = { ...this.#config, ...this.#gate, memtables: this.#memtables, set };
    try {
      return await vacuumReport(parts, request);
    } finally {
      set.release();
    }
  }

  /** Returns about how many bytes VACUUM would give back at horizons that are not in force yet. */
  reclaimableBytes(horizons: Horizons): number {
    return this.#compactor.reclaimableBytes(horizons);
  }

  /** Returns figures for metrics and status. */
  statistics(): EngineStatistics {
    return engineStatistics({
      ...this.#config,
      counters: this.#counters,
      files: this.#files,
      memtables: this.#memtables,
      compactor: this.#compactor,
      holders: this.#snapshots.holders(),
      failure: this.failure,
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
    this.#compactor.makeHaste();
    await this.#flushLane.stop();
    await this.#compactionLane.stop();
    await this.#files.finish();
    this.#memtables.close();
  }

  #flushed(): void {
    this.#compactor.tablesChanged();
    this.#compactionLane.wake();
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
