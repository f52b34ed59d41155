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
import type { CompactionJob, CompactionResult } from "../compaction_executor.ts";
import type { Cursor } from "../cursor.ts";
import { StorageError } from "../errors.ts";
import { Collector } from "../mvcc/collect.ts";
import { CompactionMerge } from "./compaction_merge.ts";
import { SstableWriter } from "./sstable_writer.ts";
import type { TableMeta } from "./table_meta.ts";
import { tableFileName } from "./table_meta.ts";

/** How many entries are merged between two pauses: two to five milliseconds. */
const stepEntryCount = 4_096;
/** How many bytes of keys and values, where entries are large. */
const stepBytesMax = 1_048_576;

/** Where a compaction runs. */
export interface CompactionSetting {
  /** Where the files are. */
  readonly disk: Disk;
  /** Asked between steps. A merge that was cancelled throws StorageError `closed`. */
  isCancelled?(): boolean;
  /** Called after each step with the bytes it moved; what it returns is waited for. */
  pause?(ioBytes: number): Promise<void>;
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
): Promise<CompactionResult> {
  const compaction = new Compaction(job, setting.disk);
  try {
    for (;;) {
      if (setting.isCancelled?.() === true) {
        throw new StorageError("closed", `Cannot merge in ${job.directory}: it was cancelled`);
      }
      const state = compaction.step();
      if (state !== "more") await compaction.finishTable();
      // The last step is paid for too: many small merges are as much work as a large one.
      if (setting.pause !== undefined) await setting.pause(compaction.takeIoBytes());
      if (state === "done") return compaction.result();
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
  #splitSlot = 0;
  /** Of a byte of payload, what it takes in the input files. */
  readonly #storedShare: number;
  /** Bytes of payload read and written since they were last taken. */
  #movedBytes = 0;

  constructor(job: CompactionJob, disk: Disk) {
    invariant(job.tableCountMax >= 1, () => `A merge may write a file: ${job.tableCountMax}`);
    this.#job = job;
    this.#disk = disk;
    this.#collector = new Collector(job);
    const tables = job.inputs.flat();
    const total = (field: "sizeBytes" | "payloadBytes") =>
      tables.reduce((sum, table) => sum + table[field], 0);
    this.#storedShare = total("sizeBytes") / Math.max(1, total("payloadBytes"));
    this.#merge = new CompactionMerge(job.inputs, { disk, directory: job.directory });
  }

  /** Merges some entries, until the open output is full at the latest. */
  step(): "more" | "table_full" | "done" {
    const merge = this.#merge;
    const movedBytesMax = this.#movedBytes + stepBytesMax;
    for (let count = 0; count < stepEntryCount && this.#movedBytes < movedBytesMax; count++) {
      const entry = merge.cursor;
      if (entry === undefined) return "done";
      const { key, version } = entry;
      // Before the collector is asked: it must see each entry once.
      if (key !== this.#lastKey && this.#endsTable(key)) return "table_full";
      // The same entry from two files: the merge shows that of the newer file first.
      const isRepeated = version === this.#lastVersion && key === this.#lastKey;
      const sizeBytes = key.length + entry.valueEnd - entry.valueStart;
      this.#movedBytes += sizeBytes;
      if (isRepeated || this.#collector.drops(key, version, entry.kind)) {
        this.#droppedCount++;
        this.#droppedBytes += sizeBytes;
      } else {
        this.#movedBytes += sizeBytes;
        this.#write(entry);
      }
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

  /** Returns about how many bytes of files were read and written since the last call. */
  takeIoBytes(): number {
    const ioBytes = this.#movedBytes * this.#storedShare;
    this.#movedBytes = 0;
    return ioBytes;
  }

  result(): CompactionResult {
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

  /** Tells whether the open output ends before a key. Called with each key once. */
  #endsTable(key: string): boolean {
    const { splitKeys, tableSizeBytesTarget, tableCountMax } = this.#job;
    const slot = this.#splitSlot;
    while (this.#splitSlot < splitKeys.length && splitKeys[this.#splitSlot] <= key) {
      this.#splitSlot++;
    }
    if (this.#writer === undefined || this.#outputs.length + 1 >= tableCountMax) return false;
    return this.#splitSlot > slot || this.#writer.sizeBytesEstimate >= tableSizeBytesTarget;
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
