/**
 * What watches may cost, and how a watch is paced.
 *
 * @module
 */
import { invariant } from "../storage/env/mod.ts";

const mebibyte = 1_048_576;

/** Every tunable of the watches of a node. */
export interface WatchOptions {
  /** How many may be open. */
  readonly watchCountMax: number;
  /** How much further than at its beginning a watch may fall behind before it is reset. */
  readonly watchLagMsMax: number;
  /** How many events wait for the consumer of one watch before it has to read the tree instead. */
  readonly queueEventCountMax: number;
  /** How many bytes of keys and values wait for the consumer of one watch. */
  readonly queueSizeBytesMax: number;
  /** How many bytes wait for all of them; what several wait for counts once. */
  readonly queuesSizeBytesMax: number;
  /** How many events are read from the tree in one piece, but for a commit that has more. */
  readonly pieceEventCountMax: number;
  /** How many bytes of keys and values are read from the tree in one piece. */
  readonly pieceSizeBytesMax: number;
}

/** The defaults. */
export const watchOptionsDefault: WatchOptions = {
  watchCountMax: 10_000,
  watchLagMsMax: 600_000,
  // A tenth of a second of what a node can write, so that a consumer may pause for that long.
  queueEventCountMax: 4_096,
  queueSizeBytesMax: mebibyte,
  queuesSizeBytesMax: 64 * mebibyte,
  pieceEventCountMax: 1_024,
  pieceSizeBytesMax: 262_144,
};

/** How often a watch tells of progress while nothing happens, unless it asks for another time. */
export const progressMsDefault = 5_000;

/** Returns the options with what is given laid over the defaults. */
export function watchOptions(given: Partial<WatchOptions> = {}): WatchOptions {
  const options = { ...watchOptionsDefault, ...given };
  for (const [name, value] of Object.entries(options)) {
    invariant(value >= 1, () => `Cannot use ${name}=${value}: it is 1 or more`);
  }
  return options;
}
