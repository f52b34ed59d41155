/**
 * Carries out what the picker decides: has the executor merge, and installs the result.
 *
 * What VACUUM may drop follows the horizons of the last *flush*, not of the last commit. After a
 * crash the entries behind that flush are applied again, and must find what they found the first
 * time: a remembered request, for one, that a later entry's horizon has passed.
 *
 * @module
 */
import type { CompactionExecutor, CompactionOutcome } from "./compaction_executor.ts";
import type { Logger } from "./env/mod.ts";
import { invariant } from "./env/mod.ts";
import { pickCompaction } from "./lsm/compaction_picker.ts";
import type { CompactionPlan } from "./lsm/compaction_picker.ts";
import type { TableMeta } from "./lsm/table_meta.ts";
import type { TableSet } from "./lsm/version_set.ts";
import type { TreeOptions } from "./options.ts";
import type { TreeFiles } from "./tree_files.ts";

/** What a compaction works on. */
export interface CompactionSetting {
  /** The tree. */
  readonly files: TreeFiles;
  /** Its folder. */
  readonly directory: string;
  /** Its tunables. */
  readonly options: TreeOptions;
  /** Who merges. */
  readonly executor: CompactionExecutor;
  /** Receives a line per compaction. */
  readonly logger: Logger;
}

/** What compactions have come to since the start. */
export interface CompactionCounters {
  /** Merges. */
  compactionCount: number;
  /** Tables that went a level down as they were. */
  movedCount: number;
  /** What merges read, in bytes. */
  compactionReadBytes: number;
  /** What merges wrote, in bytes. */
  compactionWrittenBytes: number;
  /** Entries that VACUUM dropped. */
  droppedCount: number;
  /** Bytes of keys and values of those. */
  droppedBytes: number;
}

/**
 * Carries out one compaction, if one is due.
 *
 * @param counters Added to.
 * @returns Whether there was one.
 * @throws {StorageError} As the executor and `TreeFiles.install`; the tree is as it was.
 */
export async function compactOnce(
  setting: CompactionSetting,
  counters: CompactionCounters,
): Promise<boolean> {
  const { files, options } = setting;
  const set = files.current;
  const plan = pickCompaction({
    levels: set.levels.map((_, level) => set.metas(level)),
    options,
    horizons: files.applied.horizons,
    pointers: files.pointers,
  });
  if (plan === undefined) return false;
  const removed = removedBy(plan, set);
  const pointers = plan.nextPointer === "" ? [] : [{ level: plan.level, key: plan.nextPointer }];
  if (plan.isTrivialMove) {
    const added = plan.inputs.flat().map((meta) => ({ level: plan.outputLevel, meta }));
    await files.install({ removed, added, pointers });
    counters.movedCount += added.length;
    return true;
  }
  set.hold();
  try {
    const { outcome, inputBytes } = await merge(setting, plan);
    const added = outcome.outputs.map((meta) => ({ level: plan.outputLevel, meta }));
    await files.install({ removed, added, pointers });
    count(counters, outcome, inputBytes);
    setting.logger.log("info", "compaction_finished", {
      reason: plan.reason,
      level: plan.level,
      inputCount: removed.length,
      outputCount: added.length,
      droppedCount: outcome.droppedCount,
    });
  } finally {
    set.release();
  }
  return true;
}

async function merge(
  setting: CompactionSetting,
  plan: CompactionPlan,
): Promise<{ outcome: CompactionOutcome; inputBytes: number }> {
  const { files, options } = setting;
  const inputBytes = totalBytes(plan.inputs.flat());
  // Compressed inputs may become many more uncompressed outputs. Numbers cost nothing.
  const tableCountMax = 64 + 16 * Math.ceil(inputBytes / options.tableSizeBytesTarget);
  const firstTableNumber = files.reserveTableNumbers(tableCountMax);
  try {
    const outcome = await setting.executor.run({
      directory: setting.directory,
      inputs: plan.inputs,
      outputLevel: plan.outputLevel,
      deeperRanges: plan.deeperRanges,
      horizons: files.applied.horizons,
      firstTableNumber,
      tableCountMax,
      tableOptions: options.table,
      tableSizeBytesTarget: options.tableSizeBytesTarget,
    });
    for (const { number } of outcome.outputs) {
      invariant(
        number >= firstTableNumber && number < firstTableNumber + tableCountMax,
        () => `A merge keeps to its numbers: ${number}`,
      );
    }
    return { outcome, inputBytes };
  } catch (error) {
    files.removeTables(firstTableNumber, tableCountMax);
    throw error;
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

function count(counters: CompactionCounters, outcome: CompactionOutcome, inputBytes: number): void {
  counters.compactionCount++;
  counters.compactionReadBytes += inputBytes;
  counters.compactionWrittenBytes += totalBytes(outcome.outputs);
  counters.droppedCount += outcome.droppedCount;
  counters.droppedBytes += outcome.droppedBytes;
}
