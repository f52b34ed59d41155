/**
 * Carries out one compaction: merges sstables, drops what VACUUM allows, writes the result.
 *
 * It knows nothing of the manifest: whoever gave the job installs the outcome or removes the files. It
 * runs in a Worker or in the calling thread, and only waits to sync a finished file and where the
 * caller's `pause` says so.
 *
 * Invariants:
 *
 *  1. All versions of one key are in one output, so that outputs of a level never share a key.
 *  2. Whoever reads at the horizons or above sees the same before and after (`collect.ts`).
 *  3. Every output is synced before the outcome is returned.
 *
 * @module
 */
import type { Disk } from "../env/mod.ts";
import { invariant } from "../env/mod.ts";
import type { CompactionJob, CompactionOutcome } from "../compaction_executor.ts";
import type { Cursor } from "../cursor.ts";
import { StorageError } from "../errors.ts";
import { Collector } from "../mvcc/collect.ts";
import { CompactionMerge } from "./compaction_merge.ts";
import { SstableWriter } from "./sstable_writer.ts";
import type { TableMeta } from "./table_meta.ts";
import { tableFileName } from "./table_meta.ts";

/** How many entries are merged between two pauses: two to five milliseconds. */
const stepEntryCount = 4_096;

/** Where a compaction runs. */
export interface CompactionSetting {
  /** Where the files are. */
  readonly disk: Disk;
  /** Asked between steps. A merge that was cancelled throws StorageError `closed`. */
  isCancelled?(): boolean;
  /** Called between steps; what it returns is waited for. */
  pause?(): Promise<void>;
}

/**
 * Merges.
 *
 * @throws {StorageError} `corruption`, `disk_full`, `io`, `sync_failed`, `closed`. Files of the job's
 * numbers may then be there; the caller removes them.
 */
export async function compact(
  job: CompactionJob,
  setting: CompactionSetting,
): Promise<CompactionOutcome> {
  const compaction = new Compaction(job, setting.disk);
  try {
    for (;;) {
      if (setting.isCancelled?.() === true) {
        throw new StorageError("closed", `Cannot merge in ${job.directory}: it was cancelled`);
      }
      const state = compaction.step();
      if (state !== "more") await compaction.finishTable();
      if (state === "done") return compaction.outcome();
      if (setting.pause !== undefined) await setting.pause();
    }
  } finally {
    compaction.close();
  }
}

class Compaction {
  readonly #job: CompactionJob;
  readonly #disk: Disk;
  readonly #merge: CompactionMerge;
  readonly #collector: Collector;
  readonly #outputs: TableMeta[] = [];
  #writer: SstableWriter | undefined = undefined;
  #lastKey: string | undefined = undefined;
  #lastVersion = 0;
  #droppedCount = 0;
  #droppedBytes = 0;

  constructor(job: CompactionJob, disk: Disk) {
    invariant(job.tableCountMax >= 1, () => `A merge may write a file: ${job.tableCountMax}`);
    this.#job = job;
    this.#disk = disk;
    this.#collector = new Collector(job);
    this.#merge = new CompactionMerge(job.inputs, { disk, directory: job.directory });
  }

  /** Merges some entries, until the open output is full at the latest. */
  step(): "more" | "table_full" | "done" {
    const merge = this.#merge;
    for (let count = 0; count < stepEntryCount; count++) {
      const entry = merge.cursor;
      if (entry === undefined) return "done";
      const { key, version } = entry;
      // Before the collector is asked: it must see each entry once.
      if (key !== this.#lastKey && this.#isFull()) return "table_full";
      // The same entry from two files: the merge shows that of the newer file first.
      const isRepeated = version === this.#lastVersion && key === this.#lastKey;
      if (isRepeated || this.#collector.drops(key, version, entry.kind)) {
        this.#droppedCount++;
        this.#droppedBytes += key.length + entry.valueEnd - entry.valueStart;
      } else this.#write(entry);
      this.#lastKey = key;
      this.#lastVersion = version;
      merge.next();
    }
    return "more";
  }

  /** Makes the open output durable, if there is one. */
  async finishTable(): Promise<void> {
    if (this.#writer === undefined) return;
    this.#outputs.push(await this.#writer.finish());
    this.#writer = undefined;
  }

  outcome(): CompactionOutcome {
    invariant(this.#writer === undefined, "A merge ends with no file open");
    return {
      outputs: this.#outputs,
      droppedCount: this.#droppedCount,
      droppedBytes: this.#droppedBytes,
    };
  }

  /** Closes everything; a result that was not finished is removed. */
  close(): void {
    this.#merge.close();
    this.#writer?.abandon();
  }

  #isFull(): boolean {
    return this.#writer !== undefined &&
      this.#writer.sizeBytesEstimate >= this.#job.tableSizeBytesTarget &&
      this.#outputs.length + 1 < this.#job.tableCountMax;
  }

  #write(entry: Cursor): void {
    const { key, version, kind, source, valueStart, valueEnd } = entry;
    this.#writer ??= this.#begin();
    this.#writer.add(key, version, kind, source, valueStart, valueEnd);
  }

  #begin(): SstableWriter {
    const job = this.#job;
    const tableNumber = job.firstTableNumber + this.#outputs.length;
    invariant(this.#outputs.length < job.tableCountMax, "A merge keeps to its numbers");
    return new SstableWriter({
      disk: this.#disk,
      path: `${job.directory}/${tableFileName(tableNumber)}`,
      tableNumber,
      options: job.tableOptions,
    });
  }
}
