/**
 * Tables that exist in a manifest only, for tests of what decides by sizes and sketches.
 *
 * @module
 */
import type { CompactionPlan, CompactionState } from "../../storage/lsm/compaction_picker.ts";
import type { DeathSketch } from "../../storage/lsm/death_sketch.ts";
import { DeathCause } from "../../storage/lsm/death_sketch.ts";
import type { TableMeta } from "../../storage/lsm/table_meta.ts";
import type { TreeOptions } from "../../storage/options.ts";
import { levelCount, treeOptions } from "../../storage/options.ts";

/** Returns a table of a hundred entries, nine bytes each, over a range such as `ka-kz`. */
export function tableOf(
  number: number,
  range: string,
  given: Partial<TableMeta> = {},
): TableMeta {
  const [smallestKey, largestKey] = range.split("-");
  return {
    number,
    sizeBytes: 1_000,
    smallestKey,
    largestKey,
    entryCount: 100,
    tombstoneCount: 0,
    shadowedCount: 0,
    shadowedBytes: 0,
    payloadBytes: 900,
    deaths: [],
    oldestVersion: 0,
    newestVersion: 1_000,
    ...given,
  };
}

/** Returns a sketch whose entries have nine bytes each and keys of their own. */
export function deathsOf(
  cause: keyof typeof DeathCause,
  entryCount: number,
  points: readonly number[],
): DeathSketch {
  return {
    cause: DeathCause[cause],
    entryCount,
    sizeBytes: entryCount * 9,
    keyCount: entryCount,
    points,
  };
}

/** Returns a tree's state with its levels filled up. */
export function stateOf(
  levels: readonly (readonly TableMeta[])[],
  options: TreeOptions = treeOptions(),
): CompactionState {
  const padded = Array.from({ length: levelCount }, (_, level) => levels[level] ?? []);
  return { levels: padded, options, pointers: [] };
}

/** Returns the levels as they are once a plan was carried out. */
export function levelsAfter(
  levels: readonly (readonly TableMeta[])[],
  plan: CompactionPlan,
  outputs: readonly TableMeta[],
): TableMeta[][] {
  const gone = new Set(plan.inputs.flat());
  return levels.map((tables, level) => {
    const kept = tables.filter((table) => !gone.has(table));
    if (level !== plan.outputLevel) return kept;
    return [...kept, ...outputs]
      .sort((left, right) => left.smallestKey < right.smallestKey ? -1 : 1);
  });
}
