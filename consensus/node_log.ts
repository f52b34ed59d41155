/**
 * The node's one log: entries and hard state of every Raft group on it. It is the write-ahead log.
 *
 * Groups append here and hear once their records are durable; recovery and Raft read entries back.
 * The parts: `log_recovery.ts` opens, `log_appender.ts` writes, `log_retention.ts` lets go,
 * `segment_list.ts` keeps the files, `group_log.ts` what is known of each group.
 *
 * Invariants:
 *
 *  1. What an append resolved for is in the log until its group truncates it.
 *  2. What an append rejected for with `disk_full` or `stopped` is not in the log and never will be.
 *  3. After a failed sync nothing is acknowledged any more.
 *
 * @module
 */
import type { Clock, Disk, Logger } from "../storage/env/mod.ts";
import { DiskError, invariant } from "../storage/env/mod.ts";
import { FrameReader } from "../storage/log/mod.ts";
import type { AppendBatch } from "./append_batch.ts";
import { recordsSizeBytesMax } from "./append_batch.ts";
import { ConsensusError } from "./errors.ts";
import type { GroupLogs } from "./group_log.ts";
import { groupLogOf } from "./group_log.ts";
import type { AppenderCounters } from "./log_appender.ts";
import { LogAppender } from "./log_appender.ts";
import type { NodeLogOptions } from "./log_options.ts";
import { nodeLogOptions } from "./log_options.ts";
import type { HardState, LogRecord } from "./log_record.ts";
import { recordOverheadSizeBytesMax } from "./log_record.ts";
import type { RecoveredLog } from "./log_recovery.ts";
import { noteHighest, recoverLog } from "./log_recovery.ts";
import { LogRetention } from "./log_retention.ts";
import { frameOverheadSizeBytesMax, segmentHeaderSizeBytes, syncOrFail } from "./segment.ts";
import { SegmentList } from "./segment_list.ts";

const spareRetryMs = 1_000;

/** What a node log is opened with. */
export interface NodeLogConfig {
  readonly disk: Disk;
  /** The folder of the segments alone; made where it is missing. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options?: Partial<NodeLogOptions>;
  /** Called once, when a sync has failed: the process must end. */
  onFatal(error: unknown): void;
}

/** An entry as it is read back. */
export interface LogEntry {
  readonly index: number;
  readonly term: number;
  /** Valid until the iterator goes on; not to be modified. */
  readonly payload: Uint8Array;
}

/** Plain numbers for metrics and status. */
export interface NodeLogStatistics extends Readonly<AppenderCounters> {
  readonly segmentCount: number;
  readonly sizeBytes: number;
  readonly groupCount: number;
  /** Cut off as torn when the log was opened. */
  readonly tornBytes: number;
  /** Written anew when the log was opened. */
  readonly rewrittenBytes: number;
}

/** The log shared by all groups of a node. */
export class NodeLog {
  readonly #config: NodeLogConfig;
  readonly #options: NodeLogOptions;
  readonly #groups: GroupLogs;
  readonly #segments: SegmentList;
  readonly #appender: LogAppender;
  readonly #retention: LogRetention;
  readonly #recovered: RecoveredLog;
  #spareRetryAtMs = -Infinity;
  #isClosed = false;

  private constructor(config: NodeLogConfig, options: NodeLogOptions, recovered: RecoveredLog) {
    this.#config = config;
    this.#options = options;
    this.#recovered = recovered;
    this.#groups = recovered.groups;
    this.#segments = new SegmentList({ ...config, ...options }, recovered);
    this.#appender = new LogAppender({
      ...config,
      options,
      segments: this.#segments,
      onDurable: (batch, place) => this.#noteDurable(batch, place),
      onAdvance: () => this.#retention.collect(),
      onFatal: (error) => config.onFatal(error),
    }, { fileNumber: recovered.current, position: recovered.end });
    this.#retention = new LogRetention({
      segments: this.#segments,
      groups: this.#groups,
      logSizeBytesMax: options.logSizeBytesMax,
      logger: config.logger,
      append: (records) => this.#appender.append(records),
      fail: (error) => this.#appender.fail(error),
    });
  }

  /**
   * Opens the log of a folder, recovered and durable to its end.
   *
   * @throws {ConsensusError} `corruption`, `unsupported_format`.
   * @throws {DiskError} where the disk fails. @throws {StorageError} `sync_failed`.
   */
  static async open(config: NodeLogConfig): Promise<NodeLog> {
    const options = withinSegment(nodeLogOptions(config.options));
    const { disk, clock, directory, logger } = config;
    if (!disk.exists(directory)) {
      disk.createDirectory(directory);
      const slash = directory.lastIndexOf("/");
      const parent = directory.slice(0, slash);
      if (slash > 0) await syncOrFail(parent, () => disk.syncDirectory(parent));
    }
    const { segmentSizeBytes } = options;
    const recovered = await recoverLog({ disk, clock, directory, segmentSizeBytes });
    logger.log("info", "log_opened", {
      segments: recovered.segments.length,
      groups: recovered.groups.size,
      tornBytes: recovered.tornBytes,
      rewrittenBytes: recovered.rewrittenBytes,
    });
    return new NodeLog(config, options, recovered);
  }

  /** The longest payload that an entry can have, in bytes. */
  get payloadSizeBytesMax(): number {
    return entryRoomSizeBytes(this.#options) - recordOverheadSizeBytesMax;
  }

  /**
   * Appends records, all or none of them, and resolves once they are durable. Those of all groups
   * that come while a sync runs share the next one.
   *
   * @param records Copied before it returns.
   * @throws {ConsensusError} `disk_full`, `stopped`, `proposal_too_large`: none of it is or will be
   * in the log; `outcome_unknown`.
   */
  append(records: readonly LogRecord[]): Promise<void> {
    const sizeBytes = recordsSizeBytesMax(records);
    const roomBytes = entryRoomSizeBytes(this.#options);
    if (sizeBytes > roomBytes) {
      const message = `Cannot append ${sizeBytes} bytes at once: a segment holds ${roomBytes}`;
      return Promise.reject(new ConsensusError("proposal_too_large", message));
    }
    return this.#appender.append(records);
  }

  /** Returns a group's durable hard state, or undefined where it never had one. */
  hardStateOf(groupId: number): HardState | undefined {
    return this.#groups.get(groupId)?.hardState;
  }

  /** Returns the lowest index held of a group above its truncation; 0 where none is. */
  firstIndexOf(groupId: number): number {
    const index = this.#groups.get(groupId)?.index;
    return index === undefined || index.count === 0 ? 0 : index.first;
  }

  /** Returns the highest durable index held of a group; 0 where none is. */
  lastIndexOf(groupId: number): number {
    return this.#groups.get(groupId)?.index.last ?? 0;
  }

  /** Returns the term of an entry; undefined where it is not held. */
  termOf(groupId: number, index: number): number | undefined {
    return this.#groups.get(groupId)?.index.locate(index)?.term;
  }

  /**
   * Reads a group's entries from an index on, up to what was durable when the reading began. Those
   * read must not be truncated meanwhile.
   *
   * @throws {ConsensusError} `corruption` where bytes are not what was written.
   * @throws {DiskError} where they cannot be read.
   */
  *entriesOf(groupId: number, from: number): Generator<LogEntry, void, undefined> {
    const group = groupLogOf(this.#groups, groupId);
    const last = group.index.last;
    let reader: FrameReader | undefined;
    let segment = 0;
    let framePosition = -1;
    let body: Uint8Array = new Uint8Array(0);
    for (let index = from; index <= last; index++) {
      const location = group.index.locate(index);
      invariant(location !== undefined, () => `Entry ${index} of group ${groupId} is held`);
      if (reader === undefined || location.segment !== segment) {
        segment = location.segment;
        framePosition = -1;
        reader = new FrameReader(this.#segments.get(segment).file, { fileNumber: segment });
      }
      if (location.framePosition !== framePosition) {
        framePosition = location.framePosition;
        body = this.#frameBody(reader, { segment, framePosition });
      }
      const payload = body.subarray(location.start, location.end);
      yield { index, term: location.term, payload };
    }
  }

  /**
   * Says that a group's entries up to `index`, itself included, are durable elsewhere and need not
   * be read again. Segments go once no group needs them.
   */
  truncate(groupId: number, index: number): void {
    const group = groupLogOf(this.#groups, groupId);
    if (index <= group.truncatedIndex) return;
    group.truncatedIndex = index;
    group.index.dropThrough(index);
    this.#retention.collect();
  }

  /**
   * Names who is asked when a group's entries pin the oldest segment and the log has grown past its
   * bound. It makes what was applied durable elsewhere and truncates.
   */
  onPinned(groupId: number, relieve: (() => Promise<void>) | undefined): void {
    groupLogOf(this.#groups, groupId).relieve = relieve;
  }

  /** Returns plain numbers for metrics and status. */
  statistics(): NodeLogStatistics {
    return {
      ...this.#appender.counters,
      segmentCount: this.#segments.count,
      sizeBytes: this.#segments.sizeBytes,
      groupCount: this.#groups.size,
      tornBytes: this.#recovered.tornBytes,
      rewrittenBytes: this.#recovered.rewrittenBytes,
    };
  }

  /** Waits for what was taken, states how far the log is durable, and closes the files. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#retention.close();
    await this.#appender.close();
    await this.#segments.close();
  }

  #frameBody(reader: FrameReader, place: { segment: number; framePosition: number }): Uint8Array {
    const frame = reader.frameAt(place.framePosition);
    if (frame !== undefined) return frame.body;
    const { path } = this.#segments.get(place.segment).file;
    throw new ConsensusError(
      "corruption",
      `Cannot read the frame at ${place.framePosition} of ${path}: it is damaged`,
    );
  }

  #noteDurable(batch: AppendBatch, place: { segment: number; position: number }): void {
    const segment = this.#segments.get(place.segment);
    for (const { groupId, index, term, start, end } of batch.entries) {
      const location = { segment: place.segment, framePosition: place.position, start, end, term };
      groupLogOf(this.#groups, groupId).index.add(index, location);
      noteHighest(segment, groupId, index);
    }
    for (const { groupId, hardState } of batch.hardStates) {
      const group = groupLogOf(this.#groups, groupId);
      group.hardState = hardState;
      group.hardStateSegment = place.segment;
    }
    if (this.#segments.wantsSpare()) this.#prepareSpare();
  }

  /** Makes the next segment ahead of time; an append that needs it asks again where this fails. */
  #prepareSpare(): void {
    const { clock, logger } = this.#config;
    if (this.#isClosed || clock.monotonicMs() < this.#spareRetryAtMs) return;
    this.#segments.prepare().catch((error) => {
      if (!(error instanceof DiskError)) return this.#appender.fail(error);
      this.#spareRetryAtMs = clock.monotonicMs() + spareRetryMs;
      logger.log("warn", "log_segment_failed", { code: error.code, reason: error.message });
    });
  }
}

function entryRoomSizeBytes(options: NodeLogOptions): number {
  return options.segmentSizeBytes - segmentHeaderSizeBytes - frameOverheadSizeBytesMax;
}

function withinSegment(options: NodeLogOptions): NodeLogOptions {
  const roomBytes = options.segmentSizeBytes - segmentHeaderSizeBytes;
  return { ...options, frameSizeBytesMax: Math.min(options.frameSizeBytesMax, roomBytes) };
}
