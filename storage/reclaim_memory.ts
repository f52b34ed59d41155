/**
 * What each table was last merged at: so that VACUUM does not merge it again for what it could not drop
 * then, such as the versions that a rule counts, or what a sketch takes for dead.
 *
 * It lives in memory: after a restart each table may be merged once more for nothing.
 *
 * Invariants:
 *
 *  1. At unchanged horizons and rules the result of a merge to the deepest level is never worth
 *     another one. With rising horizons it is only for deaths between those then and now, which come to
 *     the table's bytes once, so that reclaiming ends.
 *  2. It knows live tables only: it is as large as the tree has tables.
 *
 * @module
 */
import type { DeadEstimate } from "./dead_estimate.ts";
import { estimateDead, estimateDeadSince, governingHorizons, mayDrop } from "./dead_estimate.ts";
import type { Horizons } from "./key_space.ts";
import type { TableMeta } from "./lsm/table_meta.ts";
import type { KeyRange } from "./mvcc/collect.ts";

/** How a table came out of a merge. */
interface Mark {
  readonly horizons: Horizons;
  /** Whether deeper tables stood below it then, for which tombstones had to stay. */
  readonly keptTombstones: boolean;
}

/** Remembers merges. */
export class ReclaimMemory {
  readonly #marks = new Map<number, Mark>();

  /** Takes in the results of a merge. @param deeperRanges Of the tables below them. */
  note(
    outputs: readonly TableMeta[],
    { horizons, deeperRanges }: { horizons: Horizons; deeperRanges: readonly KeyRange[] },
  ): void {
    for (const { number, smallestKey, largestKey } of outputs) {
      const keptTombstones = deeperRanges.some((range) =>
        range.smallestKey <= largestKey && range.largestKey >= smallestKey
      );
      this.#marks.set(number, { horizons, keptTombstones });
    }
  }

  /** Forgets all tables but the live ones. */
  keepOnly(levels: readonly (readonly TableMeta[])[]): void {
    const live = new Set(levels.flat().map(({ number }) => number));
    for (const number of this.#marks.keys()) if (!live.has(number)) this.#marks.delete(number);
  }

  /** Returns about what a merge of a table would drop by now. */
  debtOf(table: TableMeta, horizons: Horizons): DeadEstimate {
    const mark = this.#marks.get(table.number);
    if (mark === undefined) return estimateDead(table, horizons);
    const { keptTombstones } = mark;
    return estimateDeadSince(table, horizons, { since: mark.horizons, keptTombstones });
  }

  /** Tells whether a merge of a table to the deepest level might drop anything. */
  mayDrop(table: TableMeta, horizons: Horizons): boolean {
    const mark = this.#marks.get(table.number);
    const isDone = mark !== undefined && !mark.keptTombstones &&
      covers(mark.horizons, horizons, table);
    return !isDone && mayDrop(table, horizons);
  }
}

/** Tells whether what may go of a table at `horizons` could go at `done` already. */
function covers(done: Horizons, horizons: Horizons, table: TableMeta): boolean {
  const now = governingHorizons(table, horizons);
  const then = governingHorizons(table, done);
  return done.changeVersion >= horizons.changeVersion &&
    done.requestVersion >= horizons.requestVersion &&
    done.expiryVersion >= horizons.expiryVersion && now.length === then.length &&
    now.every((one, slot) =>
      one.prefix === then[slot].prefix && one.versionCount === then[slot].versionCount &&
      one.version <= then[slot].version
    );
}
