/**
 * Every tunable of the node log, with unit, bounds and reason.
 *
 * @module
 */
import { invariant } from "../storage/env/mod.ts";
import { frameAlignmentBytes } from "../storage/log/mod.ts";

const kibibyte = 1_024;
const mebibyte = 1_048_576;

/** Every tunable of the node log. */
export interface NodeLogOptions {
  /** The size of a segment that is made from now on; older ones keep theirs. */
  readonly segmentSizeBytes: number;
  /** What all segments may take before the groups that pin the oldest are asked to flush. */
  readonly logSizeBytesMax: number;
  /** Where one frame stops gathering. */
  readonly frameSizeBytesMax: number;
  /** Up to which size a frame is written on the calling thread. */
  readonly directWriteSizeBytesMax: number;
  /** How long the log is idle before the last sync is stated by a mark of its own. */
  readonly markDelayMs: number;
}

/** The defaults. */
export const nodeLogOptionsDefault: NodeLogOptions = {
  // Holds the largest command; made in a tenth of a second, ahead of time.
  segmentSizeBytes: 64 * mebibyte,
  // A second of replay at four seconds a gigabyte.
  logSizeBytesMax: 256 * mebibyte,
  frameSizeBytesMax: 8 * mebibyte,
  // Into the page cache at some 3 GB/s: 0.1 ms, no more than the way to another thread and back.
  directWriteSizeBytesMax: 256 * kibibyte,
  markDelayMs: 50,
};

/**
 * Returns the options with what is given laid over the defaults.
 *
 * @throws {InvariantError} where a value is out of its bounds: callers check what users typed.
 */
export function nodeLogOptions(given: Partial<NodeLogOptions> = {}): NodeLogOptions {
  const options = { ...nodeLogOptionsDefault, ...given };
  within("segmentSizeBytes", options.segmentSizeBytes, [kibibyte, 1_024 * mebibyte]);
  within("logSizeBytesMax", options.logSizeBytesMax, [kibibyte, 2 ** 50]);
  within("frameSizeBytesMax", options.frameSizeBytesMax, [64, 1_024 * mebibyte]);
  within("directWriteSizeBytesMax", options.directWriteSizeBytesMax, [0, 64 * mebibyte]);
  within("markDelayMs", options.markDelayMs, [1, 60_000]);
  invariant(
    options.segmentSizeBytes % frameAlignmentBytes === 0,
    `Cannot use segmentSizeBytes=${options.segmentSizeBytes}: it is a multiple of 16`,
  );
  return options;
}

function within(name: string, value: number, [smallest, largest]: [number, number]): void {
  invariant(
    Number.isFinite(value) && value >= smallest && value <= largest,
    () => `Cannot use ${name}=${value}: it is ${smallest} to ${largest}`,
  );
}
