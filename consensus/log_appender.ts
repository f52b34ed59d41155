/**
 * The hot loop of the node log: gather, write one frame, sync once, tell all who waited.
 *
 * 1. Records gather in a batch while the frame before is being written and synced.
 * 2. The frame is sealed with the mark of the last sync, and written: a small one on this thread
 *    into the page cache, a large one off it.
 * 3. One `fdatasync` makes it durable. The next frame is on its way before those who waited hear.
 * 4. Once the log has been idle for a while, an empty frame states the last sync, so that rot in
 *    the last frames can be told from a torn write.
 *
 * Invariants:
 *
 *  1. At most one frame is written and not yet synced, marks apart.
 *  2. A sync that failed is the end: nothing is acknowledged or written after it.
 *  3. A frame whose write failed is erased, and that synced, before anybody hears `disk_full`: it
 *     can never come back.
 *
 * @module
 */
import type { Clock, Logger, Timer } from "../storage/env/mod.ts";
import { ByteWriter, DiskError, invariant } from "../storage/env/mod.ts";
import type { FrameWriter, LogMark } from "../storage/log/mod.ts";
import { frameHeaderSizeBytes, frameSizeBytes, startFrame } from "../storage/log/mod.ts";
import { AppendBatch, recordsSizeBytesMax } from "./append_batch.ts";
import { ConsensusError } from "./errors.ts";
import type { NodeLogOptions } from "./log_options.ts";
import type { LogRecord } from "./log_record.ts";
import type { SegmentList } from "./segment_list.ts";
import { syncOrFail } from "./segment.ts";

/** How long after a failure to make a segment no other is tried. */
const roomRetryMs = 200;

/** Buffers above this are let go after use. */
const frameKeptSizeBytesMax = 4 * 1_048_576;

/** What an appender needs, and whom it tells. */
export interface AppenderConfig {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options: NodeLogOptions;
  readonly segments: SegmentList;
  /** Called in log order with what has become durable, before those who gave it hear. */
  onDurable(batch: AppendBatch, place: { segment: number; position: number }): void;
  /** Called when the log has gone on to a new segment. */
  onAdvance(): void;
  /** Called once, when the log can not be trusted any more. */
  onFatal(error: unknown): void;
}

/** Counters of the hot loop. They only rise. */
export interface AppenderCounters {
  frameCount: number;
  recordCount: number;
  writtenBytes: number;
  syncCount: number;
  failedWriteCount: number;
}

/** Appends records to the segments. */
export class LogAppender {
  readonly #config: AppenderConfig;
  readonly #batches: AppendBatch[] = [];
  readonly #framesFree: ByteWriter[] = [];
  readonly #markFrame = new ByteWriter(64);
  /** What it has done so far. */
  readonly counters: AppenderCounters = {
    frameCount: 0,
    recordCount: 0,
    writtenBytes: 0,
    syncCount: 0,
    failedWriteCount: 0,
  };
  #mark: LogMark;
  #storing: Promise<void> | undefined;
  #isStopped = false;
  #hasFailed = false;
  #markTimer: Timer | undefined;
  #markTimerFrameCount = 0;
  #roomFailure: { readonly error: DiskError; readonly retryAtMs: number } | undefined;

  /** @param mark Up to where the log is durable now. */
  constructor(config: AppenderConfig, mark: LogMark) {
    this.#config = config;
    this.#mark = mark;
  }

  /** Whether the log has failed for good. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /**
   * Appends records, all or none of them, and resolves once they are durable.
   *
   * @param records Copied before it returns.
   * @throws {ConsensusError} `disk_full` and `stopped`: none of it is or will be in the log;
   * `outcome_unknown`.
   */
  append(records: readonly LogRecord[]): Promise<void> {
    if (this.#isStopped) {
      return Promise.reject(new ConsensusError("stopped", "Cannot append: the log is closed"));
    }
    const batch = this.#batchFor(recordsSizeBytesMax(records));
    batch.add(records);
    this.counters.recordCount += records.length;
    this.#startNext();
    return batch.promise;
  }

  /** Ends the log after a failure found elsewhere. */
  fail(error: unknown): void {
    this.#isStopped = true;
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#markTimer?.cancel();
    for (const batch of this.#batches.splice(0)) batch.reject(outcomeUnknown(error));
    this.#config.onFatal(error);
  }

  /** Takes nothing more, waits for what was taken, and states durably how far the log goes. */
  async close(): Promise<void> {
    this.#isStopped = true;
    this.#markTimer?.cancel();
    while (this.#storing !== undefined) await this.#storing;
    if (this.#hasFailed || !this.#writeMark()) return;
    try {
      const { file } = this.#config.segments.current;
      await syncOrFail(file.path, () => file.sync());
    } catch (error) {
      this.fail(error);
    }
  }

  #batchFor(sizeBytes: number): AppendBatch {
    const { frameSizeBytesMax } = this.#config.options;
    let batch = this.#batches[this.#batches.length - 1];
    const isFull = batch !== undefined && batch.frame.length > frameHeaderSizeBytes &&
      batch.frame.length + sizeBytes > frameSizeBytesMax;
    if (batch === undefined || isFull) {
      batch = new AppendBatch(this.#framesFree.pop() ?? new ByteWriter(65_536));
      this.#batches.push(batch);
    }
    return batch;
  }

  #startNext(): void {
    if (this.#storing !== undefined) return;
    const batch = this.#batches.shift();
    if (batch === undefined) return this.#armMark();
    this.#storing = this.#store(batch).then((error) => {
      this.#storing = undefined;
      if (!this.#hasFailed) this.#startNext();
      if (error === undefined) batch.resolve();
      else batch.reject(error);
      this.#recycle(batch.frame);
    }, (error) => {
      // Only an invariant that does not hold comes here.
      this.#storing = undefined;
      this.fail(error);
      batch.reject(outcomeUnknown(error));
    });
  }

  /** Stores a batch and returns what went wrong. */
  async #store(batch: AppendBatch): Promise<ConsensusError | undefined> {
    const { segments } = this.#config;
    const sizeBytes = frameSizeBytes(batch.frame.length - frameHeaderSizeBytes);
    try {
      if (!segments.hasRoom(sizeBytes)) await this.#makeRoom(sizeBytes);
    } catch (error) {
      return this.#refused(error);
    }
    const { writer, current } = segments;
    const position = writer.position;
    try {
      const sealed = writer.seal(batch.frame, this.#mark);
      if (sizeBytes <= this.#config.options.directWriteSizeBytesMax) writer.write(sealed);
      else await writer.writeLater(sealed);
    } catch (error) {
      return this.#erased(writer, error);
    }
    try {
      await syncOrFail(current.file.path, () => current.file.sync());
    } catch (error) {
      this.fail(error);
      return outcomeUnknown(error);
    }
    // Another sync may have failed meanwhile, that of a new segment.
    if (this.#hasFailed) return outcomeUnknown("the log has failed");
    this.#mark = { fileNumber: current.number, position: writer.position };
    this.counters.frameCount++;
    this.counters.syncCount++;
    this.counters.writtenBytes += sizeBytes;
    this.#config.onDurable(batch, { segment: current.number, position });
    return undefined;
  }

  /**
   * Goes on to a segment with room. Making one takes all the room that a full disk has left, and a
   * flush that would free some needs it too: after a failure the next attempt waits a while.
   */
  async #makeRoom(sizeBytes: number): Promise<void> {
    const { clock, segments } = this.#config;
    while (!segments.hasRoom(sizeBytes)) {
      invariant(!segments.isFresh, () => `A new segment holds ${sizeBytes} bytes`);
      const failed = this.#roomFailure;
      if (failed !== undefined && clock.monotonicMs() < failed.retryAtMs) throw failed.error;
      try {
        await segments.advance();
      } catch (error) {
        if (error instanceof DiskError) {
          this.#roomFailure = { error, retryAtMs: clock.monotonicMs() + roomRetryMs };
        }
        throw error;
      }
      this.#roomFailure = undefined;
      this.#config.onAdvance();
    }
  }

  /** Makes sure that a frame whose write failed never comes back. */
  async #erased(writer: FrameWriter, cause: unknown): Promise<ConsensusError> {
    if (!(cause instanceof DiskError)) return this.#refused(cause);
    const { file } = this.#config.segments.current;
    try {
      writer.erase();
      await syncOrFail(file.path, () => file.sync());
    } catch (error) {
      this.fail(error);
      return outcomeUnknown(error);
    }
    return this.#refused(cause);
  }

  /** Turns the failure of a write into the answer for those who wait; anything else is fatal. */
  #refused(error: unknown): ConsensusError {
    if (!(error instanceof DiskError)) {
      this.fail(error);
      return outcomeUnknown(error);
    }
    this.counters.failedWriteCount++;
    this.#config.logger.log("warn", "log_write_failed", {
      code: error.code,
      reason: error.message,
    });
    return new ConsensusError("disk_full", `Cannot append to the log: ${error.message}`, {
      cause: error,
    });
  }

  #recycle(frame: ByteWriter): void {
    const isKept = this.#framesFree.length < 2 && frame.buffer.length <= frameKeptSizeBytesMax;
    if (isKept) this.#framesFree.push(frame);
  }

  #armMark(): void {
    if (this.#markTimer !== undefined || this.#isStopped) return;
    this.#markTimerFrameCount = this.counters.frameCount;
    this.#markTimer = this.#config.clock.setTimer(this.#config.options.markDelayMs, () => {
      this.#markTimer = undefined;
      if (this.#storing !== undefined || this.#isStopped) return;
      if (this.counters.frameCount !== this.#markTimerFrameCount) return this.#armMark();
      this.#writeMark();
    });
  }

  /** Writes an empty frame with the mark of the last sync, not synced itself. */
  #writeMark(): boolean {
    const { writer } = this.#config.segments;
    if (!this.#config.segments.hasRoom(frameHeaderSizeBytes)) return false;
    startFrame(this.#markFrame);
    try {
      writer.write(writer.seal(this.#markFrame, this.#mark));
      return true;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      // What it states is true whether or not its bytes are there; the next frame overwrites them.
      this.#config.logger.log("warn", "log_mark_failed", { reason: error.message });
      return false;
    }
  }
}

function outcomeUnknown(cause: unknown): ConsensusError {
  return new ConsensusError("outcome_unknown", `Cannot tell what became of it: ${String(cause)}`, {
    cause,
  });
}
