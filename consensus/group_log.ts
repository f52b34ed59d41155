/**
 * What the node log knows of one group: its entries' places, its hard state, and what it may forget.
 *
 * @module
 */
import type { HardState } from "./log_record.ts";
import { LogIndex } from "./log_index.ts";

/** One group's part of the node log, in memory. */
export class GroupLog {
  readonly groupId: number;
  /** The entries above the truncation. */
  readonly index = new LogIndex();
  /** The last hard state that is durable. */
  hardState: HardState | undefined = undefined;
  /** The segment that holds it. */
  hardStateSegment = 0;
  /** Entries up to it are durable elsewhere. */
  truncatedIndex = 0;
  /** Asks the group to make what it applied durable elsewhere; never rejects. */
  relieve: (() => Promise<void>) | undefined = undefined;
  /** Whether that was asked and has not ended. */
  isRelieving = false;

  constructor(groupId: number) {
    this.groupId = groupId;
  }
}

/** All groups of a log by their id. */
export type GroupLogs = Map<number, GroupLog>;

/** Returns the group, made where it is new. */
export function groupLogOf(groups: GroupLogs, groupId: number): GroupLog {
  let group = groups.get(groupId);
  if (group === undefined) {
    group = new GroupLog(groupId);
    groups.set(groupId, group);
  }
  return group;
}
