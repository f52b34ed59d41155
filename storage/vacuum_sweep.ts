/**
 * The order in which a manual VACUUM merges the tables of a range: pure but for the place it keeps.
 *
 * Level by level from 0 down, and in each level in order of keys: a table with a deeper one below it is
 * merged into the next level; one with none is rewritten where it is, if anything of it may go. So each
 * key range comes to rest in one level, where a merge sees all versions of a key.
 *
 * ```
 * level 1   ■■■ ■■            →                          →
 * level 2     ■■■ ■■■   ■■        ■■■■■■■ ■■■   ■■
 * level 3   ■■  ■■■■  ■■■         ■■  ■■■■  ■■■            ■■■■■■■■■ ■■■■■
 * ```
 *
 * Flushes and urgent merges go on meanwhile. What they bring is newer than the horizons at the begin and
 * need not be looked at; what was there before only ever moves down, into levels still to be swept.
 *
 * Invariants:
 *
 *  1. It ends: of level 0 only tables that were there at the begin are taken, and in a deeper level its
 *     place only moves on, but for a table that is cut up first.
 *  2. Of a sweep that has ended, no entry that was in a table at the begin can be dropped at the horizons
 *     then, and no two of one key in two levels.
 *  3. A plan takes one table and what it overlaps in the next level; from level 0 what overlaps there.
 *
 * @module
 */
import type { Horizons } from "./key_space.ts";
import type { CompactionPlan, CompactionState } from "./lsm/compaction_picker.ts";
import {
  firstReaching,
  level0Closure,
  nextBelow,
  planDown,
  planDownInPieces,
  planInPlace,
} from "./lsm/compaction_picker.ts";
import type { TableMeta } from "./lsm/table_meta.ts";
import type { ReclaimMemory } from "./reclaim_memory.ts";

const reason = "vacuum";

/** What a {@linkcode VacuumSweep} is about. */
export interface SweepConfig {
  /** The first tree key; "" for all. */
  readonly start: string;
  /** The first tree key behind; undefined for no end. */
  readonly end: string | undefined;
  /** The largest number of a table at the begin. */
  readonly lastTableNumber: number;
  /** What may be dropped, as of the begin. */
  readonly horizons: Horizons;
  /** What was merged before. */
  readonly memory: ReclaimMemory;
}

/** Goes through a tree once. */
export class VacuumSweep {
  readonly #config: SweepConfig;
  #level = 0;
  /** Where the level is swept up to: keys before it are done. */
  #place: string;

  constructor(config: SweepConfig) {
    this.#config = config;
    this.#place = config.start;
  }

  /** Returns the next plan, for the tables as they are now; undefined at the end. */
  next(state: CompactionState): CompactionPlan | undefined {
    if (this.#level === 0) {
      const plan = this.#nextOfLevel0(state);
      if (plan !== undefined) return plan;
      this.#level = 1;
    }
    // Ends: each round goes a table or a level on.
    while (this.#level < state.levels.length) {
      const tables = state.levels[this.#level];
      const slot = firstReaching(tables, this.#place);
      if (slot === tables.length || !this.#isBeforeEnd(tables[slot])) {
        this.#level++;
        this.#place = this.#config.start;
        continue;
      }
      const plan = this.#planFor(state, tables[slot]);
      if (plan !== undefined) return plan;
      this.#place = behind(tables[slot]);
    }
    return undefined;
  }

  /** Notes that a plan of `next` was carried out. */
  done(plan: CompactionPlan): void {
    if (plan.level === 0) return;
    const isCutUp = plan.outputLevel === plan.level && plan.splitKeys.length > 0;
    // Its pieces come next. They overlap less, so none is cut up again.
    if (!isCutUp) this.#place = behind(plan.inputs[0][plan.inputs[0].length - 1]);
  }

  /** Returns about how many bytes of tables are still to be looked at. */
  remainingBytes(state: CompactionState): number {
    let bytes = 0;
    for (const [level, tables] of state.levels.entries()) {
      if (level < this.#level) continue;
      for (const table of tables) {
        const isSwept = level === 0
          ? table.number > this.#config.lastTableNumber
          : level === this.#level && table.largestKey < this.#place;
        if (!isSwept && this.#isInRange(table)) bytes += table.sizeBytes;
      }
    }
    return bytes;
  }

  #nextOfLevel0(state: CompactionState): CompactionPlan | undefined {
    const { lastTableNumber } = this.#config;
    for (const table of state.levels[0]) {
      if (table.number > lastTableNumber || !this.#isInRange(table)) continue;
      const upper = level0Closure(state.levels[0], table);
      const isAlone = upper.length === 1 && nextBelow(state.levels, 0, table).length === 0;
      if (!isAlone || this.#mayDrop(table)) return planDown(state, 0, { upper, reason });
    }
    return undefined;
  }

  #planFor(state: CompactionState, table: TableMeta): CompactionPlan | undefined {
    if (nextBelow(state.levels, this.#level, table).length > 0) {
      return planDownInPieces(state, this.#level, { table, reason });
    }
    return this.#mayDrop(table) ? planInPlace(state, this.#level, { table, reason }) : undefined;
  }

  #mayDrop(table: TableMeta): boolean {
    return this.#config.memory.mayDrop(table, this.#config.horizons);
  }

  #isInRange(table: TableMeta): boolean {
    return table.largestKey >= this.#config.start && this.#isBeforeEnd(table);
  }

  #isBeforeEnd({ smallestKey }: TableMeta): boolean {
    const { end } = this.#config;
    return end === undefined || smallestKey < end;
  }
}

function behind({ largestKey }: TableMeta): string {
  return `${largestKey}\0`;
}
