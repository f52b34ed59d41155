/**
 * Decides what to compact next. Pure: sizes and key ranges in, a plan out; `compaction.ts` carries
 * it out.
 *
 * 1. Each level has a score: level 0 by its files, a deeper one by its bytes over what it may hold
 *    (ten times the level above). The highest score of at least 1 is served.
 * 2. Level 0 gives its oldest file and all that overlap it, directly or through others; a deeper level
 *    gives the file behind the one it gave last. What they overlap in the next level joins them.
 * 3. Where no level is too large, the table with the most to reclaim is merged: see
 *    {@linkcode reclaimRatio}.
 *
 * Invariants:
 *
 *  1. Of any key, a plan takes all entries that are older than those it takes, down to its output
 *     level: what stays above is newer, what stays below is in `deeperRanges`.
 *  2. A plan to reclaim drops something or moves it down, so that reclaiming ends.
 *
 * Source: leveled compaction as in LevelDB (`doc/impl.md`).
 *
 * @module
 */
import { invariant } from "../env/mod.ts";
import type { Horizons } from "../key_space.ts";
import { changeSpace, requestSpace, userSpace } from "../key_space.ts";
import type { KeyRange } from "../mvcc/collect.ts";
import type { TreeOptions } from "../options.ts";
import { levelCount } from "../options.ts";
import type { TableMeta } from "./table_meta.ts";

/** Why a compaction is due. */
export type CompactionReason = "level0_count" | "level_size" | "reclaim";

/** What the picker looks at. */
export interface CompactionState {
  /** Level 0 in any order, each deeper one in key order. */
  readonly levels: readonly (readonly TableMeta[])[];
  /** The tree's tunables. */
  readonly options: TreeOptions;
  /** What VACUUM may drop. */
  readonly horizons: Horizons;
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
  /** Whether the one input overlaps nothing: then a version edit does it, without reading a byte. */
  readonly isTrivialMove: boolean;
  /** Why. */
  readonly reason: CompactionReason;
  /** Where `level` goes on the next time. */
  readonly nextPointer: string;
}

/** A table is merged to reclaim space from this part of reclaimable entries on. */
const reclaimRatioMin = 0.25;

/** How much more each level holds than the one above. */
const levelSizeFactor = 10;

/** Returns what to compact next, or undefined where nothing is due. */
export function pickCompaction(state: CompactionState): CompactionPlan | undefined {
  invariant(state.levels.length === levelCount, () => `A tree has ${levelCount} levels`);
  const scores = compactionScores(state.levels, state.options);
  let level = 0;
  for (let index = 1; index < scores.length; index++) {
    if (scores[index] > scores[level]) level = index;
  }
  if (scores[level] >= 1) {
    return level === 0
      ? planFor(state, 0, { upper: level0Closure(state.levels[0]), reason: "level0_count" })
      : planFor(state, level, { upper: [nextTable(state, level)], reason: "level_size" });
  }
  return pickReclaim(state);
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

/**
 * Returns which part of a table's entries a merge would surely drop: 0 while one of its versions is
 * above a horizon that its key range needs. So a merge that can drop nothing is never repeated.
 */
export function reclaimRatio(table: TableMeta, horizons: Horizons): number {
  if (table.newestVersion > horizonOf(table, horizons)) return 0;
  const space = table.smallestKey[0];
  if (space !== userSpace && space === table.largestKey[0]) return 1;
  return Math.min(1, (table.shadowedCount + table.tombstoneCount) / table.entryCount);
}

/** Returns the lowest horizon of the spaces that a table's range touches; 0 for others. */
function horizonOf(table: TableMeta, horizons: Horizons): number {
  const first = table.smallestKey[0];
  const last = table.largestKey[0];
  if (first < changeSpace || last > requestSpace) return 0;
  let lowest = Number.MAX_SAFE_INTEGER;
  if (first === changeSpace) lowest = Math.min(lowest, horizons.changeVersion);
  if (first <= userSpace && last >= userSpace) lowest = Math.min(lowest, horizons.userVersion);
  if (last === requestSpace) lowest = Math.min(lowest, horizons.requestVersion);
  return lowest === Number.MAX_SAFE_INTEGER ? 0 : lowest;
}

function pickReclaim(state: CompactionState): CompactionPlan | undefined {
  let best: TableMeta | undefined;
  let bestLevel = 0;
  let bestRatio = 0;
  for (const [level, tables] of state.levels.entries()) {
    for (const table of tables) {
      const ratio = reclaimRatio(table, state.horizons);
      if (ratio >= reclaimRatioMin && ratio > bestRatio) {
        [best, bestLevel, bestRatio] = [table, level, ratio];
      }
    }
  }
  if (best === undefined) return undefined;
  if (bestLevel === 0) {
    return planFor(state, 0, { upper: level0Closure(state.levels[0], best), reason: "reclaim" });
  }
  return rangesBelow(state.levels, bestLevel, best).length === 0
    ? rewriteInPlace(state, best, bestLevel)
    : planFor(state, bestLevel, { upper: [best], reason: "reclaim" });
}

/** Level 0 rewrites nothing in place: a file's number tells its age there. */
function rewriteInPlace(state: CompactionState, table: TableMeta, level: number): CompactionPlan {
  invariant(level > 0, "Only a level in key order rewrites a table in place");
  return {
    level,
    inputs: [[table]],
    outputLevel: level,
    deeperRanges: rangesBelow(state.levels, level, table),
    isTrivialMove: false,
    reason: "reclaim",
    nextPointer: state.pointers[level] ?? "",
  };
}

/** Returns the plan that merges tables of a level with what they overlap in the next. */
function planFor(
  state: CompactionState,
  level: number,
  chosen: { upper: readonly TableMeta[]; reason: CompactionReason },
): CompactionPlan {
  const { upper, reason } = chosen;
  invariant(upper.length > 0 && level + 1 < levelCount, "A plan has an input and a next level");
  const range = rangeOf(upper);
  const lower = state.levels[level + 1].filter((table) => overlap(table, range));
  // Files of level 0 may overlap: each is a run of its own, the newest first.
  const runs = level === 0
    ? [...upper].sort((left, right) => right.number - left.number).map((table) => [table])
    : [upper];
  return {
    level,
    inputs: lower.length === 0 ? runs : [...runs, lower],
    outputLevel: level + 1,
    deeperRanges: rangesBelow(state.levels, level + 1, rangeOf([...upper, ...lower])),
    isTrivialMove: upper.length === 1 && lower.length === 0 && reason !== "reclaim",
    reason,
    nextPointer: level === 0 ? "" : range.largestKey,
  };
}

/**
 * Returns a file of level 0, the oldest if not given, with all that overlap it, directly or through
 * others: of any key then all versions go down together, and none is overtaken by an older one.
 */
function level0Closure(tables: readonly TableMeta[], first?: TableMeta): TableMeta[] {
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

/** Returns the first table behind the level's pointer, or the first of all. */
function nextTable(state: CompactionState, level: number): TableMeta {
  const tables = state.levels[level];
  const pointer = state.pointers[level] ?? "";
  const next = tables.find((table) => table.smallestKey > pointer) ?? tables.at(0);
  invariant(next !== undefined, () => `Level ${level} is too full, so it has a table`);
  return next;
}

/** Returns the ranges of tables deeper than a level that overlap a range. */
function rangesBelow(
  levels: readonly (readonly TableMeta[])[],
  level: number,
  range: KeyRange,
): KeyRange[] {
  return levels.slice(level + 1).flat()
    .filter((table) => overlap(table, range))
    .map(({ smallestKey, largestKey }) => ({ smallestKey, largestKey }));
}

function rangeOf(tables: readonly TableMeta[]): KeyRange {
  let { smallestKey, largestKey } = tables[0];
  for (const table of tables) {
    if (table.smallestKey < smallestKey) smallestKey = table.smallestKey;
    if (table.largestKey > largestKey) largestKey = table.largestKey;
  }
  return { smallestKey, largestKey };
}

function overlap(left: KeyRange, right: KeyRange): boolean {
  return left.smallestKey <= right.largestKey && left.largestKey >= right.smallestKey;
}

function levelSizeBytesMax(level: number, options: TreeOptions): number {
  return options.level1SizeBytesMax * levelSizeFactor ** (level - 1);
}

function totalSizeBytes(tables: readonly TableMeta[]): number {
  return tables.reduce((total, table) => total + table.sizeBytes, 0);
}
