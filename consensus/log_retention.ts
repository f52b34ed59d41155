/**
 * Removes the oldest segments of the node log once nothing in them is needed.
 *
 * Only the oldest is looked at, for segments go in their order:
 *
 * 1. A group with entries in it above its truncation pins it. Where the log has grown past its
 *    bound, that group is asked to make what it applied durable elsewhere, and truncates then.
 * 2. A group whose hard state stands in it gets that written anew, into the current segment.
 * 3. The segment is removed, durably, and the next oldest looked at.
 *
 * Invariants:
 *
 *  1. A segment goes only when for every group its entries are at or below the truncation, and the
 *     hard state stands in a newer segment, durably.
 *
 * @module
 */
import type { Logger } from "../storage/env/mod.ts";
import { DiskError, invariant } from "../storage/env/mod.ts";
import { ConsensusError } from "./errors.ts";
import type { GroupLog, GroupLogs } from "./group_log.ts";
import { groupLogOf } from "./group_log.ts";
import type { LogRecord } from "./log_record.ts";
import type { SegmentList } from "./segment_list.ts";

/** What retention works on. */
export interface RetentionConfig {
  readonly segments: SegmentList;
  readonly groups: GroupLogs;
  readonly logSizeBytesMax: number;
  readonly logger: Logger;
  append(records: readonly LogRecord[]): Promise<void>;
  fail(error: unknown): void;
}

/** Lets go of segments. */
export class LogRetention {
  readonly #config: RetentionConfig;
  #collecting: Promise<void> | undefined;
  #isWantedAgain = false;
  #isClosed = false;

  constructor(config: RetentionConfig) {
    this.#config = config;
  }

  /** Removes what can be removed, in the background. */
  collect(): void {
    if (this.#isClosed) return;
    if (this.#collecting !== undefined) {
      this.#isWantedAgain = true;
      return;
    }
    this.#collecting = this.#collectAll().then(() => {
      this.#collecting = undefined;
      if (!this.#isWantedAgain) return;
      this.#isWantedAgain = false;
      this.collect();
    });
  }

  /** Starts nothing more and waits for what runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#collecting !== undefined) await this.#collecting;
  }

  async #collectAll(): Promise<void> {
    const { segments } = this.#config;
    try {
      while (!this.#isClosed && segments.oldest !== segments.current) {
        const pinning = this.#pinningGroups();
        if (pinning.length > 0) return this.#relieve(pinning);
        await this.#moveHardStates();
        await segments.removeOldest();
      }
    } catch (error) {
      // A full disk is met again by the next append, and a closed log is opened anew.
      const isHarmless = error instanceof ConsensusError || error instanceof DiskError;
      if (!isHarmless) return this.#config.fail(error);
      this.#config.logger.log("warn", "log_truncation_delayed", { reason: error.message });
    }
  }

  #pinningGroups(): GroupLog[] {
    const { segments, groups } = this.#config;
    const pinning: GroupLog[] = [];
    for (const [groupId, highestIndex] of segments.oldest.highestIndexes) {
      const group = groupLogOf(groups, groupId);
      if (highestIndex > group.truncatedIndex) pinning.push(group);
    }
    return pinning;
  }

  #relieve(pinning: readonly GroupLog[]): void {
    const { segments, logger, logSizeBytesMax } = this.#config;
    if (segments.sizeBytes <= logSizeBytesMax) return;
    for (const group of pinning) {
      if (group.relieve === undefined || group.isRelieving) continue;
      group.isRelieving = true;
      logger.log("info", "log_relief_asked", {
        group: group.groupId,
        logBytes: segments.sizeBytes,
      });
      group.relieve().then(() => {
        group.isRelieving = false;
      }, (error) => {
        group.isRelieving = false;
        logger.log("warn", "log_relief_failed", { group: group.groupId, reason: String(error) });
      });
    }
  }

  async #moveHardStates(): Promise<void> {
    const { segments, groups, append } = this.#config;
    const oldest = segments.oldest.number;
    const records: LogRecord[] = [];
    for (const { groupId, hardState, hardStateSegment, truncatedIndex } of groups.values()) {
      if (hardState === undefined || hardStateSegment > oldest) continue;
      // Only committed entries are made durable elsewhere.
      const commit = Math.max(hardState.commit, truncatedIndex);
      records.push({ kind: "hardState", groupId, hardState: { ...hardState, commit } });
    }
    if (records.length > 0) await append(records);
    for (const { groupId, hardState, hardStateSegment } of groups.values()) {
      const isElsewhere = hardState === undefined || hardStateSegment > oldest;
      invariant(isElsewhere, () => `The hard state of group ${groupId} is in a newer segment`);
    }
  }
}
