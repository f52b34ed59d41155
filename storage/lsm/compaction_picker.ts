/**
 * Plans compactions. Pure: sizes and key ranges in, a plan out; `compaction.ts` carries it out.
 *
 * 1. Each level has a score: level 0 by its files, a deeper one by its bytes over what it may hold
 *    (ten times the level above). The highest score of at least 1 is served.
 * 2. Level 0 gives its oldest file and all that overlap it, directly or through others; a deeper level
 *    gives the file behind the one it gave last. What they overlap in the next level joins them.
 *
 * `autovacuum.ts` and `vacuum_sweep.ts` choose tables for other reasons and have them planned here.
 *
 * Invariants:
 *
 *  1. Of any key, a plan takes all entries that are older than those it takes, down to its output
 *     level: what stays above is newer, what stays below is in `deeperRanges`.
 *  2. A result file overlaps about ten files of the level behind it: so that it can be merged with
 *     those without taking a whole level along.
 *
 * Source: leveled compaction as in LevelDB (`doc/impl.md`).
 *
 * @module
 */
import { invariant } from "../env/mod.ts";
import type { KeyRange } from "../mvcc/collect.ts";
import type { TreeOptions } from "../options.ts";
import { levelCount } from "../options.ts";
import type { TableMeta } from "./table_meta.ts";

/** Why a table is merged: its level is too full, or VACUUM asks for it, by itself or by request. */
export type CompactionReason = "level0_count" | "level_size" | "reclaim" | "vacuum";

/** What the picker looks at. */
export interface CompactionState {
  /** Level 0 in any order, each deeper one in key order. */
  readonly levels: readonly (readonly TableMeta[])[];
  /** The tree's tunables. */
  readonly options: TreeOptions;
  /** Per level `nextPointer` of the last plan carried out for it; "" before the first. */
  readonly pointers: readonly string[];
}

/** What to do next. */
export interface CompactionPlan {
  /** Where the upper inputs are. */
  readonly level: number;
  /** What is merged, newest first; tables of one inner array do not overlap and are in key order. */
  readonly inputs: readonly (readonly TableMeta[])[];
  /** Where the result goes: the next level, or the same one where a table is rewritten in place. */
  readonly outputLevel: number;
  /** Key ranges of tables deeper than the output that may hold keys of the inputs. */
  readonly deeperRanges: readonly KeyRange[];
  /** Keys at which a result file ends: invariant 2. */
  readonly splitKeys: readonly string[];
  /** Whether the one input overlaps nothing: then a version edit does it, without reading a byte. */
  readonly isTrivialMove: boolean;
  /** Why. */
  readonly reason: CompactionReason;
  /** Where `level` goes on the next time. */
  readonly nextPointer: string;
}

/** How much more each level holds than the one above. */
const levelSizeFactor = 10;
/** How many full files of the level behind it a result file may overlap. */
const overlapTableCountMax = 10;

/** Returns what to compact next, or undefined where no level is too full. */
export function pickCompaction(state: CompactionState): CompactionPlan | undefined {
  invariant(state.levels.length === levelCount, () => `A tree has ${levelCount} levels`);
  const scores = compactionScores(state.levels, state.options);
  let level = 0;
  for (let index = 1; index < scores.length; index++) {
    if (scores[index] > scores[level]) level = index;
  }
  if (scores[level] < 1) return undefined;
  return level === 0
    ? planDown(state, 0, { upper: level0Closure(state.levels[0]), reason: "level0_count" })
    : planDown(state, level, { upper: [nextTable(state, level)], reason: "level_size" });
}

/** Returns how full each level is: 1 and more is too full. The last level is never. */
export function compactionScores(
  levels: readonly (readonly TableMeta[])[],
  options: TreeOptions,
): number[] {
  return levels.map((tables, level) => {
    if (level === levels.length - 1) return 0;
    if (level === 0) return tables.length / options.level0FileCountCompact;
    return totalSizeBytes(tables) / levelSizeBytesMax(level, options);
  });
}

/** Returns about how many bytes must be moved down before no level is too full. */
export function compactionDebtBytes(
  levels: readonly (readonly TableMeta[])[],
  options: TreeOptions,
): number {
  let debt = 0;
  for (const [level, tables] of levels.entries()) {
    if (level === levels.length - 1) continue;
    if (level > 0) debt += Math.max(0, totalSizeBytes(tables) - levelSizeBytesMax(level, options));
    else if (tables.length >= options.level0FileCountCompact) debt += totalSizeBytes(tables);
  }
  return debt;
}

/** Returns the plan that merges tables of a level with what they overlap in the next. */
export function planDown(
  state: CompactionState,
  level: number,
  chosen: { upper: readonly TableMeta[]; reason: CompactionReason },
): CompactionPlan {
  const { upper, reason } = chosen;
  invariant(upper.length > 0 && level + 1 < levelCount, "A plan has an input and a next level");
  const range = rangeOf(upper);
  const lower = overlapping(state.levels, level + 1, range);
  // Files of level 0 may overlap: each is a run of its own, the newest first.
  const runs = level === 0
    ? [...upper].sort((left, right) => right.number - left.number).map((table) => [table])
    : [upper];
  const merged = rangeOf([...upper, ...lower]);
  return {
    level,
    inputs: lower.length === 0 ? runs : [...runs, lower],
    outputLevel: level + 1,
    deeperRanges: rangesBelow(state.levels, level + 1, merged),
    splitKeys: splitKeysOf(state, level + 1, merged),
    isTrivialMove: upper.length === 1 && lower.length === 0 && reason !== "reclaim",
    reason,
    nextPointer: level === 0 ? "" : range.largestKey,
  };
}

/**
 * Returns the plan that brings a table of a deeper level down by one, or first cuts it up where it lies
 * across more than twice of what invariant 2 allows: the level behind it may have grown since.
 */
export function planDownInPieces(
  state: CompactionState,
  level: number,
  chosen: { table: TableMeta; reason: CompactionReason },
): CompactionPlan {
  const { table, reason } = chosen;
  const overlapBytes = totalSizeBytes(overlapping(state.levels, level + 1, table));
  const isWide = overlapBytes > 2 * overlapTableCountMax * state.options.tableSizeBytesTarget &&
    splitKeysOf(state, level, table).length > 0;
  return isWide
    ? planInPlace(state, level, chosen)
    : planDown(state, level, { upper: [table], reason });
}

/** Returns the plan that rewrites a table where it is. */
export function planInPlace(
  state: CompactionState,
  level: number,
  { table, reason }: { table: TableMeta; reason: CompactionReason },
): CompactionPlan {
  invariant(
    level > 0,
    "A file's number tells its age in level 0: none is rewritten in place there",
  );
  return {
    level,
    inputs: [[table]],
    outputLevel: level,
    deeperRanges: rangesBelow(state.levels, level, table),
    splitKeys: splitKeysOf(state, level, table),
    isTrivialMove: false,
    reason,
    nextPointer: state.pointers[level] ?? "",
  };
}

/**
 * Returns a file of level 0, the oldest if not given, with all that overlap it, directly or through
 * others: of any key then all versions go down together, and none is overtaken by an older one.
 */
export function level0Closure(tables: readonly TableMeta[], first?: TableMeta): TableMeta[] {
  const oldest = first ??
    tables.reduce((left, right) => left.number < right.number ? left : right);
  let chosen = [oldest];
  // Ends: each round but the last adds a file.
  for (;;) {
    const range = rangeOf(chosen);
    const grown = tables.filter((table) => overlap(table, range));
    if (grown.length === chosen.length) return grown;
    chosen = grown;
  }
}

/** Returns the tables that overlap a range in the first level below one that has any. */
export function nextBelow(
  levels: readonly (readonly TableMeta[])[],
  level: number,
  range: KeyRange,
): TableMeta[] {
  for (let below = level + 1; below < levels.length; below++) {
    const tables = overlapping(levels, below, range);
    if (tables.length > 0) return tables;
  }
  return [];
}

/** Returns the slot of the first table of a deeper level whose last key is at or behind a key. */
export function firstReaching(tables: readonly TableMeta[], key: string): number {
  let low = 0;
  let high = tables.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (tables[middle].largestKey < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Tells whether two ranges share a key. */
export function overlap(left: KeyRange, right: KeyRange): boolean {
  return left.smallestKey <= right.largestKey && left.largestKey >= right.smallestKey;
}

/** Returns the first table behind the level's pointer, or the first of all. */
function nextTable(state: CompactionState, level: number): TableMeta {
  const tables = state.levels[level];
  const pointer = state.pointers[level] ?? "";
  const next = tables.find((table) => table.smallestKey > pointer) ?? tables.at(0);
  invariant(next !== undefined, () => `Level ${level} is too full, so it has a table`);
  return next;
}

/** Returns the tables of a deeper level that overlap a range, in key order. */
function overlapping(
  levels: readonly (readonly TableMeta[])[],
  level: number,
  range: KeyRange,
): TableMeta[] {
  if (level >= levels.length) return [];
  const tables = levels[level];
  const first = firstReaching(tables, range.smallestKey);
  let end = first;
  while (end < tables.length && tables[end].smallestKey <= range.largestKey) end++;
  return tables.slice(first, end);
}

/** Returns the ranges of tables deeper than a level that overlap a range. */
function rangesBelow(
  levels: readonly (readonly TableMeta[])[],
  level: number,
  range: KeyRange,
): KeyRange[] {
  const ranges: KeyRange[] = [];
  for (let below = level + 1; below < levels.length; below++) {
    for (const { smallestKey, largestKey } of overlapping(levels, below, range)) {
      ranges.push({ smallestKey, largestKey });
    }
  }
  return ranges;
}

/** Returns where result files of a level end, so that each overlaps few of the level behind. */
function splitKeysOf(state: CompactionState, level: number, range: KeyRange): string[] {
  const overlapBytesMax = overlapTableCountMax * state.options.tableSizeBytesTarget;
  const keys: string[] = [];
  let bytes = 0;
  for (const { smallestKey, sizeBytes } of overlapping(state.levels, level + 1, range)) {
    if (bytes > 0 && bytes + sizeBytes > overlapBytesMax) {
      keys.push(smallestKey);
      bytes = 0;
    }
    bytes += sizeBytes;
  }
  return keys;
}

function rangeOf(tables: readonly TableMeta[]): KeyRange {
  let { smallestKey, largestKey } = tables[0];
  for (const table of tables) {
    if (table.smallestKey < smallestKey) smallestKey = table.smallestKey;
    if (table.largestKey > largestKey) largestKey = table.largestKey;
  }
  return { smallestKey, largestKey };
}

function levelSizeBytesMax(level: number, options: TreeOptions): number {
  return options.level1SizeBytesMax * levelSizeFactor ** (level - 1);
}

function totalSizeBytes(tables: readonly TableMeta[]): number {
  return tables.reduce((total, table) => total + table.sizeBytes, 0);
}
