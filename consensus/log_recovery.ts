/**
 * Opens the node log: reads every segment, tells a torn end from rot, and leaves a log that ends
 * cleanly and is durable to its end.
 *
 * 1. Half-made segments are removed; the rest must be numbered without gaps.
 * 2. Every frame is read and checked in order; places of entries and hard states are noted.
 * 3. Each segment must reach to the highest mark for it, in it or behind it.
 * 4. What lies behind the last frame is cut off: overwritten with zeros where it is not zero.
 * 5. What lies above the last mark is written anew. It could be read, yet may have come from the
 *    page cache after a sync that failed; only a sync after a new write makes sure.
 * 6. One sync per segment touched, and one of the folder, whose newest names may not be durable
 *    either. Nothing is answered before.
 *
 * @module
 */
import type { Clock, Disk, DiskFile } from "../storage/env/mod.ts";
import { MalformedBytesError } from "../storage/env/mod.ts";
import type { LogFrame } from "../storage/log/mod.ts";
import { checkLogReaches, scanLog, StorageError } from "../storage/log/mod.ts";
import { ConsensusError } from "./errors.ts";
import type { GroupLogs } from "./group_log.ts";
import { groupLogOf } from "./group_log.ts";
import { readRecords } from "./log_record.ts";
import type { Segment } from "./segment.ts";
import {
  createSegment,
  openSegment,
  segmentHeaderSizeBytes,
  segmentName,
  segmentNumberOf,
  segmentTemporarySuffix,
  syncOrFail,
} from "./segment.ts";

/** What a log was found to be. */
export interface RecoveredLog {
  /** Oldest first, at least one. */
  readonly segments: Segment[];
  readonly groups: GroupLogs;
  /** The segment to be written next, and where. */
  readonly current: number;
  readonly end: number;
  /** Bytes of torn writes that were cut off. */
  readonly tornBytes: number;
  /** Bytes written anew. */
  readonly rewrittenBytes: number;
}

interface SegmentEnd {
  readonly segment: Segment;
  readonly end: number;
  readonly dirtyEnd: number;
}

/**
 * Recovers the log of a folder; makes its first segment where there is none.
 *
 * @throws {ConsensusError} `corruption`, `unsupported_format`.
 * @throws {DiskError} where the disk fails. @throws {StorageError} `sync_failed`.
 */
export async function recoverLog(
  config: { disk: Disk; clock: Clock; directory: string; segmentSizeBytes: number },
): Promise<RecoveredLog> {
  const segments: Segment[] = [];
  try {
    for (const number of segmentNumbers(config.disk, config.directory)) {
      segments.push(openSegment(config.disk, config.directory, number));
    }
    const { directory, segmentSizeBytes: sizeBytes } = config;
    if (segments.length === 0) {
      segments.push(await createSegment(config.disk, { directory, number: 1, sizeBytes }));
    }
    // A process killed behind a rename leaves a name that only the page cache knows.
    await syncOrFail(directory, () => config.disk.syncDirectory(directory));
    return await recoverSegments(segments, config.clock);
  } catch (error) {
    for (const { file } of segments) file.close();
    const isCorruption = error instanceof StorageError && error.code === "corruption";
    if (!isCorruption) throw error;
    throw new ConsensusError("corruption", error.message, { cause: error });
  }
}

async function recoverSegments(segments: Segment[], clock: Clock): Promise<RecoveredLog> {
  const groups: GroupLogs = new Map();
  const marks = new Map<number, number>();
  const ends: SegmentEnd[] = [];
  for (const segment of segments) {
    const scan = scanLog(segment.file, {
      fileNumber: segment.number,
      start: segmentHeaderSizeBytes,
      onFrame: (frame) => readFrame(frame, segment, groups),
    });
    for (const [number, position] of scan.marks) {
      marks.set(number, Math.max(position, marks.get(number) ?? 0));
    }
    ends.push({ segment, end: scan.end, dirtyEnd: scan.dirtyEnd });
    await clock.yield();
  }
  for (const { segment, end } of ends) {
    checkLogReaches(marks.get(segment.number) ?? 0, { path: segment.file.path, end });
  }
  let tornBytes = 0;
  let rewrittenBytes = 0;
  for (const { segment, end, dirtyEnd } of ends) {
    const start = Math.max(marks.get(segment.number) ?? 0, segmentHeaderSizeBytes);
    if (dirtyEnd === end && start === end) continue;
    erase(segment.file, { start: end, end: dirtyEnd });
    rewrite(segment.file, { start, end });
    await syncOrFail(segment.file.path, () => segment.file.sync());
    tornBytes += dirtyEnd - end;
    rewrittenBytes += end - start;
  }
  const last = ends.findLast(({ end }) => end > segmentHeaderSizeBytes) ?? ends[0];
  const current = last.segment.number;
  return { segments, groups, current, end: last.end, tornBytes, rewrittenBytes };
}

/** Removes what was half made and returns the numbers of the segments, checked for gaps. */
function segmentNumbers(disk: Disk, directory: string): number[] {
  const numbers: number[] = [];
  for (const { name } of disk.list(directory)) {
    if (name.endsWith(segmentTemporarySuffix)) disk.remove(`${directory}/${name}`);
    const number = segmentNumberOf(name);
    if (number !== undefined) numbers.push(number);
  }
  numbers.sort((left, right) => left - right);
  for (let at = 1; at < numbers.length; at++) {
    if (numbers[at] === numbers[at - 1] + 1) continue;
    throw new ConsensusError(
      "corruption",
      `Cannot read ${directory}: ${segmentName(numbers[at - 1] + 1)} is missing before ` +
        segmentName(numbers[at]),
    );
  }
  return numbers;
}

function readFrame(frame: LogFrame, segment: Segment, groups: GroupLogs): void {
  const fail = (reason: string) =>
    new ConsensusError(
      "corruption",
      `Cannot read the frame at ${frame.position} of ${segment.file.path}: ${reason}`,
    );
  try {
    readRecords(frame.body, {
      entry: ({ groupId, index, term, start, end }) => {
        const group = groupLogOf(groups, groupId);
        if (!group.index.accepts(index, term)) {
          throw fail(`entry ${index} of group ${groupId} follows entry ${group.index.last}`);
        }
        const framePosition = frame.position;
        group.index.add(index, { segment: segment.number, framePosition, start, end, term });
        noteHighest(segment, groupId, index);
      },
      hardState: (groupId, hardState) => {
        const group = groupLogOf(groups, groupId);
        group.hardState = hardState;
        group.hardStateSegment = segment.number;
      },
    });
  } catch (error) {
    throw error instanceof MalformedBytesError ? fail(error.message) : error;
  }
}

/** Notes that a segment holds an entry of a group. */
export function noteHighest(segment: Segment, groupId: number, index: number): void {
  const highest = segment.highestIndexes.get(groupId) ?? 0;
  if (index > highest) segment.highestIndexes.set(groupId, index);
}

const pieceSizeBytes = 1_048_576;

function erase(file: DiskFile, range: { start: number; end: number }): void {
  const zeros = new Uint8Array(Math.min(pieceSizeBytes, range.end - range.start));
  for (let at = range.start; at < range.end; at += zeros.length) {
    file.writeSync(zeros.subarray(0, Math.min(zeros.length, range.end - at)), at);
  }
}

function rewrite(file: DiskFile, range: { start: number; end: number }): void {
  const piece = new Uint8Array(Math.max(0, Math.min(pieceSizeBytes, range.end - range.start)));
  for (let at = range.start; at < range.end; at += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, range.end - at));
    file.readSync(part, at);
    file.writeSync(part, at);
  }
}
