/**
 * Every tunable of a tree, with unit, bounds and reason.
 *
 * @module
 */
import { invariant } from "./env/mod.ts";

const kibibyte = 1_024;
const mebibyte = 1_048_576;

/** How a block is compressed. */
export type Compression = "none" | "deflate" | "zstd";

/** How sstables are built. Plain data: it crosses to a Worker. */
export interface TableOptions {
  /** Where a data block is closed, before compression. */
  readonly blockSizeBytes: number;
  /** How many entries share one full key. */
  readonly restartInterval: number;
  /** How data blocks are compressed; a block that does not shrink stays as it is. */
  readonly compression: Compression;
  /** Bits of bloom filter per key. */
  readonly filterBitsPerKey: number;
}

/** Every tunable of a tree. */
export interface TreeOptions {
  /** How sstables are built. */
  readonly table: TableOptions;
  /** Where the memtable is frozen. */
  readonly memtableSizeBytesMax: number;
  /** How many frozen memtables may wait for their flush before writes stop. */
  readonly frozenMemtableCountMax: number;
  /** Files in level 0 that start a compaction. */
  readonly level0FileCountCompact: number;
  /** Files in level 0 from which writes are slowed. */
  readonly level0FileCountSlow: number;
  /** Files in level 0 at which writes stop. */
  readonly level0FileCountStop: number;
  /** What level 1 may hold; each deeper level ten times as much. */
  readonly level1SizeBytesMax: number;
  /** Where a compaction closes one result file and begins the next. */
  readonly tableSizeBytesTarget: number;
  /** The longest pause that a slowed write takes. */
  readonly slowdownMsMax: number;
  /** Whether tables are merged to give back the space of what VACUUM may drop. */
  readonly isAutovacuumOn: boolean;
  /** From which part of a table's bytes that VACUUM may drop it is merged; less as space runs out. */
  readonly autovacuumDeadRatio: number;
  /** How many bytes VACUUM reads and writes a second, together; 0 for no limit. */
  readonly vacuumIoBytesPerSecond: number;
}

/** The defaults. */
export const treeOptionsDefault: TreeOptions = {
  table: {
    // One positional read. With 4 KiB a get that mostly misses the cache runs at 140,000 instead of
    // 115,000 a second, but scans of 100 keys at 31,000 instead of 47,000, and full ones at 4.9
    // instead of 7.4 million entries, with four times the index to open. Memory is the same.
    blockSizeBytes: 16 * kibibyte,
    restartInterval: 16,
    // zstd costs 80 µs of set-up a block, more than all else of a cold read.
    compression: "none",
    // One false positive in a hundred.
    filterBitsPerKey: 10,
  },
  memtableSizeBytesMax: 32 * mebibyte,
  frozenMemtableCountMax: 2,
  level0FileCountCompact: 4,
  level0FileCountSlow: 12,
  level0FileCountStop: 24,
  level1SizeBytesMax: 128 * mebibyte,
  tableSizeBytesTarget: 32 * mebibyte,
  slowdownMsMax: 20,
  isAutovacuumOn: true,
  // Giving back a byte costs at most three that are written again, and a scan passes at most one
  // dead entry for three live ones.
  autovacuumDeadRatio: 0.25,
  // A third to a sixth of what a SATA SSD does: reads and log writes beside it keep their time.
  vacuumIoBytesPerSecond: 64 * mebibyte,
};

/** How many levels a tree has, level 0 included. On disk since format 1. */
export const levelCount = 7;

/**
 * Returns the options with what is given laid over the defaults.
 *
 * @throws {InvariantError} where a value is out of its bounds: callers check what users typed.
 */
export function treeOptions(given: Partial<TreeOptions> = {}): TreeOptions {
  const options = { ...treeOptionsDefault, ...given };
  within("blockSizeBytes", options.table.blockSizeBytes, 128, 4 * mebibyte);
  within("restartInterval", options.table.restartInterval, 1, 1_024);
  within("filterBitsPerKey", options.table.filterBitsPerKey, 1, 64);
  within("memtableSizeBytesMax", options.memtableSizeBytesMax, 1_024, 1_024 * mebibyte);
  within("frozenMemtableCountMax", options.frozenMemtableCountMax, 1, 64);
  within("level0FileCountCompact", options.level0FileCountCompact, 1, 1_000);
  within("level0FileCountSlow", options.level0FileCountSlow, options.level0FileCountCompact, 1_000);
  within("level0FileCountStop", options.level0FileCountStop, options.level0FileCountSlow, 1_000);
  within("level1SizeBytesMax", options.level1SizeBytesMax, 1_024, 2 ** 50);
  within("tableSizeBytesTarget", options.tableSizeBytesTarget, 512, 1_024 * mebibyte);
  within("slowdownMsMax", options.slowdownMsMax, 0, 10_000);
  within("autovacuumDeadRatio", options.autovacuumDeadRatio, 0.01, 1);
  within("vacuumIoBytesPerSecond", options.vacuumIoBytesPerSecond, 0, 2 ** 50);
  return options;
}

function within(name: string, value: number, smallest: number, largest: number): void {
  invariant(
    Number.isFinite(value) && value >= smallest && value <= largest,
    () => `Cannot use ${name}=${value}: it is ${smallest} to ${largest}`,
  );
}
