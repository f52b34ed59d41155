/**
 * The bytes of a log frame: what the node log and every manifest are made of.
 *
 * `log_writer.ts` writes frames, `log_reader.ts` reads them back and tells a torn end from rot.
 *
 * ```
 *  0  u32  header checksum: CRC-32 of bytes 4 to 31, seeded
 *  4  u32  "AKL1": the format and its version
 *  8  u32  body length
 * 12  u32  body checksum: CRC-32 of the body, seeded
 * 16  u64  mark: file number
 * 24  u64  mark: position
 * 32       body, then zeros up to the next multiple of 16
 * ```
 *
 * Both checksums are seeded with the CRC-32 of the file's number and the frame's position (two
 * u64), so that right bytes in the wrong place never pass.
 *
 * Invariants:
 *
 *  1. A frame starts at a multiple of 16 and is never all zeros: zeros mean "nothing here yet".
 *  2. A header stands by itself: its length may be believed although the body is damaged.
 *  3. A frame's mark lies at or before the frame.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { invariant } from "../env/mod.ts";

/** Where frames may start. On disk since format 1. */
export const frameAlignmentBytes = 16;

/** What stands before a body. On disk since format 1. */
export const frameHeaderSizeBytes = 32;

/** The longest body, in bytes: what half the range of the length field can say. */
export const frameBodySizeBytesMax = 0x7fffffff;

// "AKL1" read as a little-endian number. On disk: another layout takes another number.
const frameMagic = 0x314c4b41;

/**
 * Up to where a log was known to be durable: all of the files before `fileNumber`, and that file up
 * to `position` (excluded).
 */
export interface LogMark {
  readonly fileNumber: number;
  readonly position: number;
}

/** The mark that promises nothing. */
export const logMarkNone: LogMark = { fileNumber: 0, position: 0 };

/** Tells whether a mark promises that the byte at a place is durable. */
export function isBelowMark(place: LogMark, mark: LogMark): boolean {
  return place.fileNumber < mark.fileNumber ||
    (place.fileNumber === mark.fileNumber && place.position < mark.position);
}

/** Returns the next place where a frame may start. */
export function alignFrame(position: number): number {
  return Math.ceil(position / frameAlignmentBytes) * frameAlignmentBytes;
}

/** Returns what a frame takes, header and padding included. */
export function frameSizeBytes(bodySizeBytes: number): number {
  return alignFrame(frameHeaderSizeBytes + bodySizeBytes);
}

/** Where a frame stands. */
export interface FramePlace {
  readonly fileNumber: number;
  readonly position: number;
}

/** What a header says, once its own checksum has passed. */
export interface FrameHeader {
  readonly bodySizeBytes: number;
  readonly bodyChecksum: number;
  readonly mark: LogMark;
}

/**
 * Fills in the header of a frame whose body is in place.
 *
 * @param frame Room for the header, then the body. Only the header is written.
 */
export function sealFrame(frame: Uint8Array, place: FramePlace, mark: LogMark): void {
  const bodySizeBytes = frame.length - frameHeaderSizeBytes;
  invariant(place.position % frameAlignmentBytes === 0, () => `Unaligned: ${place.position}`);
  invariant(
    bodySizeBytes >= 0 && bodySizeBytes <= frameBodySizeBytesMax,
    () => `A body of ${bodySizeBytes} bytes fits no frame`,
  );
  invariant(
    !isBelowMark(place, mark),
    () => `A frame at ${place.fileNumber}:${place.position} lies below its own mark`,
  );
  const seed = frameSeed(place);
  const view = new DataView(frame.buffer, frame.byteOffset, frameHeaderSizeBytes);
  view.setUint32(4, frameMagic, true);
  view.setUint32(8, bodySizeBytes, true);
  view.setUint32(12, crc32(frame.subarray(frameHeaderSizeBytes), seed), true);
  setSafeInteger(view, 16, mark.fileNumber);
  setSafeInteger(view, 24, mark.position);
  view.setUint32(0, crc32(frame.subarray(4, frameHeaderSizeBytes), seed), true);
}

/**
 * Reads the header at `at`, or returns undefined where there is none: its checksum is wrong for the
 * place, or what it says cannot be.
 *
 * @param source At least a header long from `at` on. Not modified.
 */
export function parseFrameHeader(
  source: Uint8Array,
  at: number,
  place: FramePlace & { readonly fileSizeBytes: number },
): FrameHeader | undefined {
  const view = new DataView(source.buffer, source.byteOffset + at, frameHeaderSizeBytes);
  if (view.getUint32(4, true) !== frameMagic) return undefined;
  const checksum = crc32(source.subarray(at + 4, at + frameHeaderSizeBytes), frameSeed(place));
  if (view.getUint32(0, true) !== checksum) return undefined;
  const bodySizeBytes = view.getUint32(8, true);
  const mark = { fileNumber: getInteger(view, 16), position: getInteger(view, 24) };
  const isPlausible =
    place.position + frameHeaderSizeBytes + bodySizeBytes <= place.fileSizeBytes &&
    Number.isSafeInteger(mark.fileNumber) && Number.isSafeInteger(mark.position) &&
    !isBelowMark(place, mark);
  return isPlausible ? { bodySizeBytes, bodyChecksum: view.getUint32(12, true), mark } : undefined;
}

/** Tells whether a body is the one that its header was written for. */
export function isFrameBody(body: Uint8Array, header: FrameHeader, place: FramePlace): boolean {
  return crc32(body, frameSeed(place)) === header.bodyChecksum;
}

const seedBytes = new Uint8Array(16);
const seedView = new DataView(seedBytes.buffer);

function frameSeed(place: FramePlace): number {
  setSafeInteger(seedView, 0, place.fileNumber);
  setSafeInteger(seedView, 8, place.position);
  return crc32(seedBytes);
}

function setSafeInteger(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x100000000), true);
}

function getInteger(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x100000000;
}
