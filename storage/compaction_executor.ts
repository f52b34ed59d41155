/**
 * The CompactionExecutor seam: who merges sstables. A Worker in production, so that requests do not
 * wait; the calling thread in a simulation, so that a seed decides the order.
 *
 * @module
 */
import type { Horizons } from "./key_space.ts";
import type { TableMeta } from "./lsm/table_meta.ts";
import type { TableOptions } from "./options.ts";

/** One merge: which files become which. Plain data: it crosses to a Worker. */
export interface CompactionJob {
  /** The replica's folder. */
  readonly directory: string;
  /** What is merged, newest first; files of one inner array do not overlap and are in key order. */
  readonly inputs: readonly (readonly TableMeta[])[];
  /** Where the result goes. */
  readonly outputLevel: number;
  /** Key ranges, both ends in, of deeper files than the output's: there a tombstone must stay. */
  readonly deeperRanges: readonly { readonly smallestKey: string; readonly largestKey: string }[];
  /** What VACUUM allows to be dropped. */
  readonly horizons: Horizons;
  /** The first number the result may use; it owns `tableCountMax` of them. */
  readonly firstTableNumber: number;
  /** How many files the result may have. */
  readonly tableCountMax: number;
  /** How files are built. */
  readonly tableOptions: TableOptions;
  /** Where a result file is closed and the next begun. */
  readonly tableSizeBytesTarget: number;
  /** Keys, rising: a result file never reaches from before one to it or behind it. */
  readonly splitKeys: readonly string[];
  /** How many bytes it may read and write a second, together; 0 for no limit: it is urgent then. */
  readonly ioBytesPerSecond: number;
}

/** What a merge made. */
export interface CompactionResult {
  /** The new files, in key order, synced. Their names are not: the caller syncs the folder. */
  readonly outputs: readonly TableMeta[];
  /** Entries that VACUUM dropped. */
  readonly droppedCount: number;
  /** Bytes of keys and values of those. */
  readonly droppedBytes: number;
}

/** What a merge came to. */
export interface CompactionOutcome extends CompactionResult {
  /** How long it waited to keep to its limit, in milliseconds. */
  readonly throttledMs: number;
}

/** Runs compactions, one at a time. */
export interface CompactionExecutor {
  /**
   * Merges. A failure leaves no promise about files of its numbers: the caller removes them.
   *
   * @throws {StorageError} `corruption`, `disk_full`, `io`, `sync_failed`, `closed`.
   */
  run(job: CompactionJob): Promise<CompactionOutcome>;
  /** Takes the limit of a job away that was given to `run`. Harmless once it is over. */
  lift(job: CompactionJob): void;
  /** Ends. A running merge rejects with `closed`. */
  close(): void;
}
