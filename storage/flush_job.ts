/**
 * The flush lane's work: writes the oldest frozen memtable out and installs it with the state as of its
 * freeze, which is what makes both durable.
 *
 * @module
 */
import type { EngineCounters } from "./engine_statistics.ts";
import type { Clock, Disk } from "./env/mod.ts";
import { flushMemtable } from "./lsm/flush.ts";
import type { TableMeta } from "./lsm/table_meta.ts";
import type { FrozenMemtable, Memtables } from "./memtables.ts";
import type { TreeOptions } from "./options.ts";
import type { TreeFiles } from "./tree_files.ts";

/** What flushes work on. */
export interface FlushSetting {
  /** Where the tree is. */
  readonly disk: Disk;
  /** Measures slices. */
  readonly clock: Clock;
  /** The tree's tunables. */
  readonly options: TreeOptions;
  /** The tree. */
  readonly files: TreeFiles;
  /** Added to. */
  readonly counters: EngineCounters;
  /** Asked between slices: whether to give up. */
  isStopping(): boolean;
  /** Called after each flush. */
  onFlushed(): void;
}

/**
 * Carries out one flush, if one is due.
 *
 * @returns Whether there was one.
 * @throws {StorageError} `disk_full`, `io`: the memtable stays; `sync_failed`, `closed`.
 */
export async function flushOnce(
  setting: FlushSetting,
  memtables: Memtables,
): Promise<boolean> {
  const { files, counters } = setting;
  const frozen = memtables.frozen.at(-1);
  if (frozen === undefined) return false;
  const { applied } = frozen;
  if (frozen.memtable.entryCount === 0) {
    await files.install({ applied });
  } else {
    const meta = await writeTable(setting, frozen);
    await files.install({ applied, added: [{ level: 0, meta }] });
    counters.flushCount++;
    counters.flushedBytes += meta.sizeBytes;
  }
  memtables.dropOldest();
  setting.onFlushed();
  return true;
}

async function writeTable(
  setting: FlushSetting,
  { memtable }: FrozenMemtable,
): Promise<TableMeta> {
  const { disk, clock, files, options } = setting;
  const tableNumber = files.reserveTableNumbers(1);
  try {
    return await flushMemtable(memtable, {
      disk,
      clock,
      path: files.pathOf(tableNumber),
      tableNumber,
      options: options.table,
      isStopping: () => setting.isStopping(),
    });
  } catch (error) {
    files.removeTables(tableNumber, 1);
    throw error;
  }
}
