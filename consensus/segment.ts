/**
 * One file of the node log: made of zeros beforehand, filled with frames, deleted as a whole.
 *
 * Synced appends into blocks that exist already cost a third less than growing a file, and a full
 * disk is met while a segment is made, not in the middle of a frame.
 *
 * Invariants:
 *
 *  1. A segment has its name only once all of its zeros and its header are durable. So one of
 *     another size than its header says, or with a damaged header, is corrupt, never torn.
 *  2. A segment's size never changes.
 *
 * @module
 */
import type { Disk, DiskFile } from "../storage/env/mod.ts";
import { ByteWriter, DiskError, MalformedBytesError } from "../storage/env/mod.ts";
import {
  frameAlignmentBytes,
  frameHeaderSizeBytes,
  FrameReader,
  frameSizeBytes,
  FrameWriter,
  logMarkNone,
  StorageError,
} from "../storage/log/mod.ts";
import { ConsensusError } from "./errors.ts";
import { logFormatVersion, readSegmentHeader, writeSegmentHeader } from "./log_record.ts";

/** An open segment. */
export interface Segment {
  readonly number: number;
  readonly file: DiskFile;
  readonly sizeBytes: number;
  /** For each group with entries in it, the highest index among them. */
  readonly highestIndexes: Map<number, number>;
}

// kind 1 + format version 4 + number 8 + size 8
/** Where the first frame behind the header starts, in every segment. */
export const segmentHeaderSizeBytes: number = frameSizeBytes(21);

/** What a frame adds to its records at most, in bytes. */
export const frameOverheadSizeBytesMax: number = frameHeaderSizeBytes + frameAlignmentBytes;

/** What a half-made segment's name ends in. */
export const segmentTemporarySuffix = ".tmp";

/** Returns the name of a segment: sixteen hex digits. */
export function segmentName(number: number): string {
  return `${number.toString(16).padStart(16, "0")}.log`;
}

/** Returns the number in a segment's name, or undefined where the name is none. */
export function segmentNumberOf(name: string): number | undefined {
  if (!/^[0-9a-f]{16}\.log$/.test(name)) return undefined;
  const number = Number.parseInt(name.slice(0, 16), 16);
  return Number.isSafeInteger(number) ? number : undefined;
}

const zeros = new Uint8Array(1_048_576);

/**
 * Makes a segment, durable with its name before it is returned.
 *
 * @param options.isCancelled Asked between two pieces; true leaves nothing behind.
 * @throws {DiskError} where it cannot be written: there is no segment then.
 * @throws {StorageError} `sync_failed`: the process must end.
 */
export async function createSegment(
  disk: Disk,
  options: { directory: string; number: number; sizeBytes: number; isCancelled?: () => boolean },
): Promise<Segment> {
  const { directory, number, sizeBytes } = options;
  const path = `${directory}/${segmentName(number)}`;
  const temporary = path + segmentTemporarySuffix;
  const freeBytes = disk.freeSpaceBytes(directory);
  if (freeBytes !== undefined && freeBytes < sizeBytes) {
    throw new DiskError("disk_full", `Cannot make ${path}: ${freeBytes} bytes are free`);
  }
  const file = disk.open(temporary, "create");
  try {
    const header = new ByteWriter();
    writeSegmentHeader(header, { formatVersion: logFormatVersion, number, sizeBytes });
    new FrameWriter(file, { fileNumber: number, position: 0 }).append(header.view(), logMarkNone);
    for (let at = segmentHeaderSizeBytes; at < sizeBytes; at += zeros.length) {
      if (options.isCancelled?.()) throw new DiskError("io", `Cannot make ${path}: cancelled`);
      await file.write(zeros.subarray(0, Math.min(zeros.length, sizeBytes - at)), at);
      // Piece by piece: the log's own sync waits behind whatever the disk has to write just then.
      await syncOrFail(file.path, () => file.sync());
    }
  } catch (error) {
    file.close();
    removeQuietly(disk, temporary);
    throw error;
  }
  file.close();
  disk.rename(temporary, path);
  await syncOrFail(directory, () => disk.syncDirectory(directory));
  return { number, file: disk.open(path, "modify"), sizeBytes, highestIndexes: new Map() };
}

/**
 * Opens a segment and checks its header against its name and size.
 *
 * @throws {ConsensusError} `corruption`, `unsupported_format`.
 */
export function openSegment(disk: Disk, directory: string, number: number): Segment {
  const path = `${directory}/${segmentName(number)}`;
  const file = disk.open(path, "modify");
  try {
    checkHeader(file, number);
  } catch (error) {
    file.close();
    throw error;
  }
  return { number, file, sizeBytes: file.sizeBytes(), highestIndexes: new Map() };
}

/** Runs a sync. @throws {StorageError} `sync_failed` where it fails. */
export async function syncOrFail(what: string, sync: () => Promise<void>): Promise<void> {
  try {
    await sync();
  } catch (error) {
    throw new StorageError("sync_failed", `Cannot sync ${what}: ${String(error)}`, {
      cause: error,
    });
  }
}

function checkHeader(file: DiskFile, number: number): void {
  const frame = new FrameReader(file, { fileNumber: number, chunkSizeBytes: 64 }).frameAt(0);
  if (frame === undefined) {
    throw new ConsensusError("corruption", `Cannot read ${file.path}: its header is damaged`);
  }
  const header = decodeHeader(file, frame.body);
  if (header.formatVersion !== logFormatVersion) {
    throw new ConsensusError(
      "unsupported_format",
      `Cannot read ${file.path}: its format is ${header.formatVersion}, not ${logFormatVersion}`,
    );
  }
  const sizeBytes = file.sizeBytes();
  if (header.number !== number || header.sizeBytes !== sizeBytes) {
    throw new ConsensusError(
      "corruption",
      `Cannot read ${file.path}: it has ${sizeBytes} bytes, and its header says segment ` +
        `${header.number} of ${header.sizeBytes} bytes`,
    );
  }
}

function decodeHeader(file: DiskFile, body: Uint8Array): ReturnType<typeof readSegmentHeader> {
  try {
    return readSegmentHeader(body);
  } catch (error) {
    if (!(error instanceof MalformedBytesError)) throw error;
    throw new ConsensusError("corruption", `Cannot read ${file.path}: ${error.message}`);
  }
}

function removeQuietly(disk: Disk, path: string): void {
  try {
    disk.remove(path);
  } catch (error) {
    // It stays until the next open, which removes what was half made.
    if (!(error instanceof DiskError)) throw error;
  }
}
