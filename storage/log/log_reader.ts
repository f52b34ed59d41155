/**
 * Reads frames back, and tells a torn end from rot.
 *
 * A log ends where no valid frame follows. What stands there decides how:
 *
 *  1. Zeros up to the end of the file: a clean end.
 *  2. Anything else, above every known mark: the write that a crash interrupted. The log ends before
 *     it, and the caller cuts it off.
 *  3. Anything, zeros too, below a known mark: those bytes were durable once and are not what was
 *     written. That is corruption, and never cut off.
 *
 * Marks are known from the frames before the end, from valid headers found behind it (the rest of
 * the file is searched at every place where a frame may start), and from later files.
 *
 * Invariants:
 *
 *  1. Memory stays within one chunk, or one frame where that is longer; a length is believed only
 *     after its header's checksum has passed and only within the file.
 *  2. No byte of a body is handed out before its checksum has passed.
 *
 * Source: Alagappan et al., "Protocol-Aware Recovery for Consensus-Based Storage" (2018), for
 * telling the two ends apart. We differ in the evidence: a mark in the following frames.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { DiskFile } from "../env/mod.ts";
import { invariant } from "../env/mod.ts";
import { StorageError } from "../errors.ts";
import type { FrameHeader, LogMark } from "./log_format.ts";
import {
  alignFrame,
  frameAlignmentBytes,
  frameHeaderSizeBytes,
  isFrameBody,
  parseFrameHeader,
} from "./log_format.ts";

const chunkSizeBytesDefault = 1_048_576;

/** A frame whose checksums have passed. */
export interface LogFrame {
  /** Where it starts. */
  readonly position: number;
  /** Where the next may start. */
  readonly end: number;
  /** What it holds: valid until the reader is asked again, so copy what is kept. */
  readonly body: Uint8Array;
  /** How far the log was known to be durable before this frame was written. */
  readonly mark: LogMark;
}

/** How a log ends. */
export interface LogScan {
  /** Where the last valid frame ends: the next one goes there. */
  readonly end: number;
  /** Whether a crash interrupted a write: then [end, dirtyEnd) is to be cut off. */
  readonly tail: "clean" | "torn";
  /** Where the last byte ends that is not zero; `end` where the tail is clean. */
  readonly dirtyEnd: number;
  /** Up to where each file is known to have been durable, by its number, as this file's marks say. */
  readonly marks: ReadonlyMap<number, number>;
}

/** Reads and checks single frames of a file, a chunk at a time. */
export class FrameReader {
  readonly #file: DiskFile;
  readonly #fileNumber: number;
  readonly #fileSizeBytes: number;
  readonly #chunkSizeBytes: number;
  #chunk: Uint8Array = new Uint8Array(0);
  #chunkStart = 0;

  /**
   * @param file Not closed here.
   * @param options.chunkSizeBytes How much is read at once, at least 64.
   */
  constructor(file: DiskFile, options: { fileNumber: number; chunkSizeBytes?: number }) {
    this.#file = file;
    this.#fileNumber = options.fileNumber;
    this.#fileSizeBytes = file.sizeBytes();
    this.#chunkSizeBytes = Math.min(
      alignFrame(options.chunkSizeBytes ?? chunkSizeBytesDefault),
      Math.max(alignFrame(this.#fileSizeBytes), 64),
    );
    invariant(this.#chunkSizeBytes >= 64, `A chunk holds a header: ${this.#chunkSizeBytes}`);
  }

  /** Returns the frame at a position, or undefined where no valid one starts. */
  frameAt(position: number): LogFrame | undefined {
    const header = this.headerAt(position);
    if (header === undefined) return undefined;
    const bodyStart = position + frameHeaderSizeBytes;
    const at = this.#load(position, frameHeaderSizeBytes + header.bodySizeBytes);
    if (at < 0) return undefined;
    const start = at + frameHeaderSizeBytes;
    const body = this.#chunk.subarray(start, start + header.bodySizeBytes);
    if (!isFrameBody(body, header, { fileNumber: this.#fileNumber, position })) return undefined;
    return { position, end: alignFrame(bodyStart + header.bodySizeBytes), body, mark: header.mark };
  }

  /** Returns the header at a position, whatever its body is like. */
  headerAt(position: number): FrameHeader | undefined {
    const at = this.#load(position, frameHeaderSizeBytes);
    if (at < 0) return undefined;
    return parseFrameHeader(this.#chunk, at, {
      fileNumber: this.#fileNumber,
      position,
      fileSizeBytes: this.#fileSizeBytes,
    });
  }

  /**
   * Searches from a position to the end of the file for headers, whose marks it reports, and for the
   * end of what is not zero.
   *
   * A frame with a valid header is passed over whole: its body is a client's bytes.
   */
  searchBehind(position: number, onMark: (mark: LogMark) => void): { dirtyEnd: number } {
    let dirtyEnd = position;
    let next = position;
    let at = position;
    while (at < this.#fileSizeBytes) {
      const sizeBytes = Math.min(this.#chunkSizeBytes, this.#fileSizeBytes - at);
      const start = this.#load(at, sizeBytes);
      if (start < 0) break;
      const lastDirty = lastNonZero(this.#chunk, start, start + sizeBytes);
      const end = at + sizeBytes;
      if (lastDirty >= 0) {
        dirtyEnd = at + (lastDirty - start) + 1;
        for (next = Math.max(next, at); next < end; next += frameAlignmentBytes) {
          const header = this.headerAt(next);
          if (header === undefined) continue;
          onMark(header.mark);
          next += alignFrame(frameHeaderSizeBytes + header.bodySizeBytes) - frameAlignmentBytes;
        }
      }
      at = end;
    }
    return { dirtyEnd };
  }

  /** Has [position, position + sizeBytes) in the chunk; returns where, or -1 beyond the end. */
  #load(position: number, sizeBytes: number): number {
    const end = position + sizeBytes;
    if (end > this.#fileSizeBytes) return -1;
    if (position < this.#chunkStart || end > this.#chunkStart + this.#chunk.length) {
      const wanted = Math.max(sizeBytes, this.#chunkSizeBytes);
      const sizeToRead = Math.min(wanted, this.#fileSizeBytes - position);
      // Always fresh where the size differs: a frame longer than a chunk is rare.
      const target = this.#chunk.length === sizeToRead ? this.#chunk : new Uint8Array(sizeToRead);
      const count = this.#file.readSync(target, position);
      this.#chunk = target.subarray(0, count);
      this.#chunkStart = position;
      if (count < sizeBytes) return -1;
    }
    return position - this.#chunkStart;
  }
}

/**
 * Reads the frames of a file in order and finds where they end.
 *
 * @param options.start Where the first frame starts; 0 unless given.
 * @param options.laterMark What is known from elsewhere, such as later files.
 * @param options.onFrame Called with each frame; its body is valid during the call only.
 * @throws {StorageError} `corruption` where frames end below a mark.
 */
export function scanLog(
  file: DiskFile,
  options: {
    fileNumber: number;
    start?: number;
    laterMark?: LogMark;
    chunkSizeBytes?: number;
    onFrame(frame: LogFrame): void;
  },
): LogScan {
  const reader = new FrameReader(file, options);
  const marks = new Map<number, number>();
  const onMark = ({ fileNumber, position }: LogMark) => {
    if (position > (marks.get(fileNumber) ?? 0)) marks.set(fileNumber, position);
  };
  if (options.laterMark !== undefined) onMark(options.laterMark);
  let end = options.start ?? 0;
  for (;;) {
    const frame = reader.frameAt(end);
    if (frame === undefined) break;
    invariant(frame.end > end, () => `A frame takes room: ${frame.position} to ${frame.end}`);
    end = frame.end;
    onMark(frame.mark);
    options.onFrame(frame);
  }
  const { dirtyEnd } = reader.searchBehind(end, onMark);
  checkLogReaches(marks.get(options.fileNumber) ?? 0, { path: file.path, end });
  return { end, tail: dirtyEnd > end ? "torn" : "clean", dirtyEnd, marks };
}

/**
 * Checks that a file's frames go as far as it is known to have been durable.
 *
 * @throws {StorageError} `corruption` where they end earlier.
 */
export function checkLogReaches(
  position: number,
  log: { readonly path: string; readonly end: number },
): void {
  if (log.end >= position) return;
  throw new StorageError(
    "corruption",
    `Cannot read the frame at ${log.end} of ${log.path}: it is damaged, and the log was durable ` +
      `up to ${position}`,
  );
}

/** Returns where the last byte stands that is not zero, or -1. */
function lastNonZero(bytes: Uint8Array, start: number, end: number): number {
  // Comparing in native code is some fifty times as fast as a loop, and nearly all is zeros.
  if (isZero(bytes, start, end)) return -1;
  let last = end;
  while (last - start > zeros.length && isZero(bytes, last - zeros.length, last)) {
    last -= zeros.length;
  }
  for (last--; bytes[last] === 0; last--);
  return last;
}

const zeros = new Uint8Array(65_536);

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += zeros.length) {
    const stop = Math.min(at + zeros.length, end);
    const piece = bytes.subarray(at, stop);
    if (Buffer.compare(piece, zeros.subarray(0, stop - at)) !== 0) return false;
  }
  return true;
}
