/**
 * The compaction lane's work: what is urgent first, then a VACUUM that was asked for, then what
 * autovacuum finds. Has the executor merge, and installs the result.
 *
 * What VACUUM may drop follows the horizons of the last *flush*, not of the last commit. After a
 * crash the entries behind that flush are applied again, and must find what they found the first
 * time: a remembered request, for one, that a later entry's horizon has passed.
 *
 * Merges for VACUUM keep to a limit of bytes a second, urgent ones do not. The limit of a merge is
 * lifted when one that is urgent waits for it to end: after a flush that fills level 0, at close.
 *
 * @module
 */
import { pickReclaim } from "./autovacuum.ts";
import type {
  CompactionExecutor,
  CompactionJob,
  CompactionOutcome,
} from "./compaction_executor.ts";
import { isWhollyDead } from "./dead_estimate.ts";
import type { Clock, Disk, Logger } from "./env/mod.ts";
import { invariant } from "./env/mod.ts";
import { StorageError } from "./errors.ts";
import type { Horizons } from "./key_space.ts";
import type { CompactionPlan, CompactionState } from "./lsm/compaction_picker.ts";
import { pickCompaction } from "./lsm/compaction_picker.ts";
import { shadowShare } from "./lsm/shadow_sample.ts";
import type { TableMeta } from "./lsm/table_meta.ts";
import type { TableSet } from "./lsm/version_set.ts";
import type { TreeOptions } from "./options.ts";
import { ReclaimMemory } from "./reclaim_memory.ts";
import type { TreeFiles } from "./tree_files.ts";
import type { MergeFigures } from "./vacuum.ts";
import { noFigures, Vacuum } from "./vacuum.ts";

/** What compactions work on. */
export interface CompactionSetting {
  /** The tree. */
  readonly files: TreeFiles;
  /** Where its folder is. */
  readonly disk: Disk;
  /** For looking whether a VACUUM was cancelled. */
  readonly clock: Clock;
  /** Its folder. */
  readonly directory: string;
  /** Its tunables. */
  readonly options: TreeOptions;
  /** Who merges. */
  readonly executor: CompactionExecutor;
  /** Receives a line per compaction. */
  readonly logger: Logger;
  /** Added to. */
  readonly counters: CompactionCounters;
}

/** What compactions have come to since the start. */
export interface CompactionCounters {
  /** Merges. */
  compactionCount: number;
  /** Tables that went a level down as they were. */
  movedCount: number;
  /** Tables that went as they were, because all their entries were dead. */
  droppedTableCount: number;
  /** What merges read, in bytes. */
  compactionReadBytes: number;
  /** What merges wrote, in bytes. */
  compactionWrittenBytes: number;
  /** Entries that VACUUM dropped. */
  droppedCount: number;
  /** Bytes of keys and values of those. */
  droppedBytes: number;
  /** Of the merges those for VACUUM's sake, by itself or by request. */
  vacuumCount: number;
  /** What those read, in bytes. */
  vacuumReadBytes: number;
  /** What those wrote, in bytes. */
  vacuumWrittenBytes: number;
  /** How long those waited to keep to their limit, in milliseconds. */
  throttledMs: number;
}

/** Compacts one tree. */
export class Compactor {
  /** What tables were last merged at. */
  readonly memory = new ReclaimMemory();
  /** VACUUM by request. */
  readonly vacuum: Vacuum;
  readonly #setting: CompactionSetting;
  /** The merge that runs. */
  #job: CompactionJob | undefined;
  /** What was sampled, by level and number of the table; of those that were live at the last merge. */
  readonly #shadowShares = new Map<string, number>();
  #isReclaiming = false;
  /** Whether reclaiming has failed and waits for a flush. */
  #isReclaimHeld = false;

  constructor(setting: CompactionSetting) {
    this.#setting = setting;
    this.vacuum = new Vacuum({
      clock: setting.clock,
      memory: this.memory,
      ioBytesPerSecond: setting.options.vacuumIoBytesPerSecond,
      state: () => this.#state(),
      horizons: () => setting.files.applied.horizons,
      dropDead: () => this.#dropDead(),
      carryOut: (plan, ioBytesPerSecond) => this.#carryOut(plan, ioBytesPerSecond),
      makeHaste: () => this.makeHaste(),
    });
  }

  /** Whether VACUUM is at work, by itself or by request. */
  get isVacuuming(): boolean {
    return this.#isReclaiming || this.vacuum.isRunning;
  }

  /** Returns about how many bytes VACUUM would give back at some horizons. */
  reclaimableBytes(horizons: Horizons): number {
    const bytes = this.#state().levels.flat()
      .reduce((total, table) => total + this.memory.debtOf(table, horizons).sizeBytes, 0);
    return Math.round(bytes);
  }

  /**
   * Carries out one compaction, if one is due.
   *
   * @returns Whether there was one.
   * @throws {StorageError} As the executor and `TreeFiles.install`; the tree is as it was.
   */
  async step(): Promise<boolean> {
    const urgent = pickCompaction(this.#state());
    if (urgent !== undefined) {
      await this.#carryOut(urgent, 0);
      return true;
    }
    return await this.vacuum.step() || await this.#reclaim();
  }

  /** Takes out tables of which nothing is left to keep. @returns Undefined where there is none. */
  async #dropDead(): Promise<MergeFigures | undefined> {
    const { files, counters, logger } = this.#setting;
    const { horizons } = files.applied;
    const dead = this.#state().levels.flatMap((tables, level) =>
      tables.filter((table) => isWhollyDead(table, horizons)).map((table) => ({ level, table }))
    );
    if (dead.length === 0) return undefined;
    const removed = dead.map(({ level, table }) => ({ level, number: table.number }));
    await files.install({ removed });
    const total = (field: "entryCount" | "payloadBytes") =>
      dead.reduce((sum, { table }) => sum + table[field], 0);
    const figures = {
      ...noFigures,
      droppedCount: total("entryCount"),
      droppedBytes: total("payloadBytes"),
      tableCount: dead.length,
    };
    counters.droppedTableCount += dead.length;
    counters.droppedCount += figures.droppedCount;
    counters.droppedBytes += figures.droppedBytes;
    logger.log("info", "tables_dropped", figures);
    return figures;
  }

  /** Tells that a flush has brought a table: where a level is too full by now, VACUUM makes haste. */
  tablesChanged(): void {
    this.#isReclaimHeld = false;
    if (this.#job !== undefined && pickCompaction(this.#state()) !== undefined) this.makeHaste();
  }

  /** Lifts the limit of the merge that runs. */
  makeHaste(): void {
    if (this.#job !== undefined) this.#setting.executor.lift(this.#job);
  }

  async #reclaim(): Promise<boolean> {
    const { files, disk, directory, options, logger } = this.#setting;
    if (this.#isReclaimHeld || !options.isAutovacuumOn) return false;
    try {
      if (await this.#dropDead() !== undefined) return true;
      const plan = pickReclaim({
        ...this.#state(),
        horizons: files.applied.horizons,
        memory: this.memory,
        shadowShareOf: (level, { number }) => this.#shadowShareOf(level, number),
        freeSpaceBytes: disk.freeSpaceBytes(directory),
      });
      if (plan === undefined) return false;
      this.#isReclaiming = true;
      await this.#carryOut(plan, options.vacuumIoBytesPerSecond);
    } catch (error) {
      // No write is refused because there was no room to reclaim room.
      if (!(error instanceof StorageError) || error.code !== "disk_full") throw error;
      this.#isReclaimHeld = true;
      logger.log("warn", "reclaim_failed", { code: error.code, message: error.message });
    } finally {
      this.#isReclaiming = false;
    }
    return true;
  }

  #shadowShareOf(level: number, number: number): number {
    const place = `${level} ${number}`;
    let share = this.#shadowShares.get(place);
    if (share === undefined) {
      share = shadowShare(this.#setting.files.current, { level, number });
      this.#shadowShares.set(place, share);
    }
    return share;
  }

  #state(): CompactionState {
    const { files, options } = this.#setting;
    const set = files.current;
    const levels = set.levels.map((_, level) => set.metas(level));
    return { levels, options, pointers: files.pointers };
  }

  async #carryOut(plan: CompactionPlan, ioBytesPerSecond: number): Promise<MergeFigures> {
    const { files, logger } = this.#setting;
    const set = files.current;
    const removed = removedBy(plan, set);
    const pointers = plan.nextPointer === "" ? [] : [{ level: plan.level, key: plan.nextPointer }];
    if (plan.isTrivialMove) {
      const added = plan.inputs.flat().map((meta) => ({ level: plan.outputLevel, meta }));
      await files.install({ removed, added, pointers });
      this.#setting.counters.movedCount += added.length;
      return { ...noFigures, tableCount: added.length };
    }
    set.hold();
    try {
      const { horizons } = files.applied;
      const outcome = await this.#merge(plan, ioBytesPerSecond);
      const added = outcome.outputs.map((meta) => ({ level: plan.outputLevel, meta }));
      await files.install({ removed, added, pointers });
      this.memory.note(outcome.outputs, { horizons, deeperRanges: plan.deeperRanges });
      this.#forgetTables();
      logger.log("info", "compaction_finished", {
        reason: plan.reason,
        level: plan.level,
        inputCount: removed.length,
        outputCount: added.length,
        droppedCount: outcome.droppedCount,
      });
      return this.#count(plan, outcome);
    } finally {
      set.release();
    }
  }

  /** Forgets what is known of tables that are gone, or have moved. */
  #forgetTables(): void {
    const { levels } = this.#state();
    this.memory.keepOnly(levels);
    const places = new Set(
      levels.flatMap((tables, level) => tables.map(({ number }) => `${level} ${number}`)),
    );
    for (const place of this.#shadowShares.keys()) {
      if (!places.has(place)) this.#shadowShares.delete(place);
    }
  }

  async #merge(plan: CompactionPlan, ioBytesPerSecond: number): Promise<CompactionOutcome> {
    const { files, options, executor, directory } = this.#setting;
    const { inputs, outputLevel, deeperRanges, splitKeys } = plan;
    // Compressed inputs may become many more uncompressed outputs. Numbers cost nothing.
    const tableCountMax = 64 + splitKeys.length +
      16 * Math.ceil(totalBytes(inputs.flat()) / options.tableSizeBytesTarget);
    const firstTableNumber = files.reserveTableNumbers(tableCountMax);
    const job: CompactionJob = {
      directory,
      inputs,
      outputLevel,
      deeperRanges,
      horizons: files.applied.horizons,
      firstTableNumber,
      tableCountMax,
      tableOptions: options.table,
      tableSizeBytesTarget: options.tableSizeBytesTarget,
      splitKeys,
      ioBytesPerSecond,
    };
    this.#job = job;
    try {
      const outcome = await executor.run(job);
      for (const { number } of outcome.outputs) {
        invariant(
          number >= firstTableNumber && number < firstTableNumber + tableCountMax,
          () => `A merge keeps to its numbers: ${number}`,
        );
      }
      return outcome;
    } catch (error) {
      files.removeTables(firstTableNumber, tableCountMax);
      throw error;
    } finally {
      this.#job = undefined;
    }
  }

  #count(plan: CompactionPlan, outcome: CompactionOutcome): MergeFigures {
    const { counters } = this.#setting;
    const tables = plan.inputs.flat();
    const readBytes = totalBytes(tables);
    const writtenBytes = totalBytes(outcome.outputs);
    const { droppedCount, droppedBytes } = outcome;
    counters.compactionCount++;
    counters.compactionReadBytes += readBytes;
    counters.compactionWrittenBytes += writtenBytes;
    counters.droppedCount += droppedCount;
    counters.droppedBytes += droppedBytes;
    counters.throttledMs += outcome.throttledMs;
    if (plan.reason === "reclaim" || plan.reason === "vacuum") {
      counters.vacuumCount++;
      counters.vacuumReadBytes += readBytes;
      counters.vacuumWrittenBytes += writtenBytes;
    }
    return { readBytes, writtenBytes, droppedCount, droppedBytes, tableCount: tables.length };
  }
}

/** Returns the inputs with their levels: a plan names its tables only. */
function removedBy(
  plan: CompactionPlan,
  set: TableSet,
): { readonly level: number; readonly number: number }[] {
  const levelOf = new Map<number, number>();
  for (const level of [plan.level, plan.outputLevel]) {
    for (const { number } of set.metas(level)) levelOf.set(number, level);
  }
  return plan.inputs.flat().map(({ number }) => {
    const level = levelOf.get(number);
    invariant(level !== undefined, () => `Table ${number} is where the plan found it`);
    return { level, number };
  });
}

function totalBytes(tables: readonly TableMeta[]): number {
  return tables.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}
