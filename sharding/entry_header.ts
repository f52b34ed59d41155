/**
 * The header of a log entry: what the leader decided for the whole batch when it closed it.
 *
 * ```
 * u8 format (1) | u64 base version | u64 window end | u64 watermark
 * ```
 *
 * Command i of the entry has the version base + i. The window end is what the next leader begins
 * above; the watermark is what every replica may vacuum up to. On disk since format 1.
 *
 * @module
 */
import { MalformedBytesError } from "../storage/env/mod.ts";

const headerFormat = 1;
const wordSize = 2 ** 32;

/** How many bytes a header takes: format 1 + three numbers of 8. */
export const entryHeaderSizeBytes = 25;

/** What a header says. */
export interface EntryHeader {
  /** The version of the first command. */
  readonly base: number;
  /** The largest version that may have been read at, promised or closed. */
  readonly windowEnd: number;
  /** The oldest version that may still be read. */
  readonly watermark: number;
}

/** Writes a header into `target` at `position`. */
export function writeEntryHeader(
  target: Uint8Array,
  position: number,
  header: EntryHeader,
): void {
  const view = new DataView(target.buffer, target.byteOffset + position, entryHeaderSizeBytes);
  view.setUint8(0, headerFormat);
  setNumber(view, 1, header.base);
  setNumber(view, 9, header.windowEnd);
  setNumber(view, 17, header.watermark);
}

/**
 * Reads the header at the start of `payload`.
 *
 * @throws {MalformedBytesError} where it is none.
 */
export function readEntryHeader(payload: Uint8Array): EntryHeader {
  if (payload.length < entryHeaderSizeBytes) {
    throw new MalformedBytesError(`An entry of ${payload.length} bytes has no header`);
  }
  const view = new DataView(payload.buffer, payload.byteOffset, entryHeaderSizeBytes);
  const format = view.getUint8(0);
  if (format !== headerFormat) {
    throw new MalformedBytesError(`An entry has header format ${format}, known is 1`);
  }
  return {
    base: getNumber(view, 1),
    windowEnd: getNumber(view, 9),
    watermark: getNumber(view, 17),
  };
}

function setNumber(view: DataView, position: number, value: number): void {
  view.setUint32(position, value >>> 0, true);
  view.setUint32(position + 4, Math.floor(value / wordSize), true);
}

function getNumber(view: DataView, position: number): number {
  const value = view.getUint32(position, true) + view.getUint32(position + 4, true) * wordSize;
  if (!Number.isSafeInteger(value)) {
    throw new MalformedBytesError(`A header holds no safe integer: ${value}`);
  }
  return value;
}
