/**
 * What one frame of the node log gathers before it is written: records of any number of groups, and
 * the one promise that all who gave them wait for.
 *
 * @module
 */
import { ByteWriter } from "../storage/env/mod.ts";
import { frameHeaderSizeBytes, startFrame } from "../storage/log/mod.ts";
import type { HardStateRecord, LogRecord, PlacedEntry } from "./log_record.ts";
import { recordOverheadSizeBytesMax, writeEntry, writeHardState } from "./log_record.ts";

/** Returns no less than what records will take in a frame. */
export function recordsSizeBytesMax(records: readonly LogRecord[]): number {
  let sizeBytes = 0;
  for (const record of records) {
    sizeBytes += recordOverheadSizeBytesMax;
    if (record.kind === "entry") sizeBytes += record.payload.length;
  }
  return sizeBytes;
}

/** Records on their way into one frame. */
export class AppendBatch {
  /** The frame: room for its header, then the records. */
  readonly frame: ByteWriter;
  /** The entries in it, in order. */
  readonly entries: PlacedEntry[] = [];
  /** The hard states in it, in order. */
  readonly hardStates: HardStateRecord[] = [];
  /** Resolves once all of it is durable; rejects with a `ConsensusError`. */
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;

  /** @param frame Emptied; the batch's own until it is settled. */
  constructor(frame: ByteWriter) {
    startFrame(frame);
    this.frame = frame;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.promise = promise;
    this.resolve = resolve;
    this.reject = reject;
  }

  /** Copies records in. */
  add(records: readonly LogRecord[]): void {
    for (const record of records) {
      if (record.kind === "entry") {
        const start = writeEntry(this.frame, record) - frameHeaderSizeBytes;
        const { groupId, term, index, payload } = record;
        this.entries.push({ groupId, term, index, start, end: start + payload.length });
      } else {
        writeHardState(this.frame, record.groupId, record.hardState);
        this.hardStates.push(record);
      }
    }
  }
}
