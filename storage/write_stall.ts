/**
 * How much writers are held up so that flushes and compactions keep pace: pure.
 *
 * Slow before stop: a growing pause spreads the wait over many writes, where a stop alone would give
 * all of it to the few that meet it.
 *
 * @module
 */
import type { TreeOptions } from "./options.ts";

/** What decides. */
export interface StallState {
  /** Files in level 0. */
  readonly level0FileCount: number;
  /** Memtables that wait for their flush. */
  readonly frozenMemtableCount: number;
  /** How full the memtable is that is written to, from 0 to 1. */
  readonly memtableFillFraction: number;
  /** Memory of all trees over their budget. */
  readonly budgetFraction: number;
  /** Whether any of that memory is on its way to the disk, so that waiting helps. */
  readonly isBudgetFlushing: boolean;
}

/**
 * Returns how long the next write waits, in milliseconds: 0 not at all, `Infinity` until something
 * has changed.
 */
export function writeStallMs(state: StallState, options: TreeOptions): number {
  const { level0FileCountSlow, level0FileCountStop, frozenMemtableCountMax } = options;
  if (state.level0FileCount >= level0FileCountStop) return Infinity;
  if (state.frozenMemtableCount >= frozenMemtableCountMax) return Infinity;
  if (state.budgetFraction >= 2 && state.isBudgetFlushing) return Infinity;
  // Each pressure runs from 0, where slowing begins, to 1, where writes stop.
  const files = pressure(state.level0FileCount + 1 - level0FileCountSlow, {
    span: level0FileCountStop - level0FileCountSlow + 1,
  });
  const isLastMemtable = frozenMemtableCountMax > 1 &&
    state.frozenMemtableCount === frozenMemtableCountMax - 1;
  const memtable = isLastMemtable
    ? pressure(state.memtableFillFraction - 1 / 2, { span: 1 / 2 })
    : 0;
  const budget = state.isBudgetFlushing
    ? pressure(state.budgetFraction - 5 / 4, { span: 3 / 4 })
    : 0;
  const highest = Math.max(files, memtable, budget);
  return highest * highest * options.slowdownMsMax;
}

function pressure(excess: number, { span }: { span: number }): number {
  return Math.min(1, Math.max(0, excess / span));
}
