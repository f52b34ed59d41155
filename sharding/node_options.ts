/**
 * Every tunable of a node, with unit, bounds and reason.
 *
 * @module
 */
import type { NodeLogOptions } from "../consensus/mod.ts";
import { invariant } from "../storage/env/mod.ts";
import { type TreeOptions, valueSizeBytesCeiling, valueSizeBytesDefault } from "../storage/mod.ts";
import type { WatchOptions } from "./watch_options.ts";

const mebibyte = 1_048_576;

/** Every tunable of a node. */
export interface NodeOptions {
  /** How long old versions stay readable. */
  readonly retentionMs: number;
  /** How often the node looks whether old versions can be given to VACUUM. */
  readonly upkeepMs: number;
  /** How many watches may be open. */
  readonly watchCountMax: number;
  /** How far a watch may lag behind while nobody takes what it has. */
  readonly watchLagMsMax: number;
  /** How watches are kept otherwise, over the defaults. */
  readonly watch: Partial<Omit<WatchOptions, "watchCountMax" | "watchLagMsMax">>;
  /** The longest value that can be put. */
  readonly valueSizeBytesMax: number;
  /** What the memtables of all trees may hold together. */
  readonly memoryBudgetBytes: number;
  /** What decoded blocks may take. */
  readonly blockCacheBytes: number;
  /** How trees are built, over the defaults. */
  readonly tree: Partial<TreeOptions>;
  /** How the log is kept, over the defaults. */
  readonly log: Partial<NodeLogOptions>;
}

/** The defaults. */
export const nodeOptionsDefault: NodeOptions = {
  retentionMs: 600_000,
  upkeepMs: 5_000,
  watchCountMax: 10_000,
  watchLagMsMax: 600_000,
  watch: {},
  valueSizeBytesMax: valueSizeBytesDefault,
  // One memtable that is written to and two on their way to the disk.
  memoryBudgetBytes: 96 * mebibyte,
  blockCacheBytes: 64 * mebibyte,
  tree: {},
  log: {},
};

/**
 * Returns the options with what is given laid over the defaults. Those of tree, log and watches are checked
 * where they are used.
 *
 * @throws {InvariantError} where a value is out of its bounds: callers check what users typed.
 */
export function nodeOptions(given: Partial<NodeOptions> = {}): NodeOptions {
  const options = { ...nodeOptionsDefault, ...given };
  within("retentionMs", options.retentionMs, [0, 2 ** 40]);
  within("upkeepMs", options.upkeepMs, [1, 2 ** 31]);
  within("watchCountMax", options.watchCountMax, [1, 1_000_000]);
  within("watchLagMsMax", options.watchLagMsMax, [1, 2 ** 40]);
  within("valueSizeBytesMax", options.valueSizeBytesMax, [1, valueSizeBytesCeiling]);
  within("memoryBudgetBytes", options.memoryBudgetBytes, [1, 2 ** 50]);
  within("blockCacheBytes", options.blockCacheBytes, [0, 2 ** 50]);
  return options;
}

function within(name: string, value: number, [smallest, largest]: [number, number]): void {
  invariant(
    Number.isFinite(value) && value >= smallest && value <= largest,
    () => `Cannot use ${name}=${value}: it is ${smallest} to ${largest}`,
  );
}
