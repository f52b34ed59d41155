/**
 * Which table is merged next to give back the space of what VACUUM may drop: pure.
 *
 * | table | is worth its merge where | and is |
 * | --- | --- | --- |
 * | with nothing deeper below it | its dead bytes, or its dead tombstones by count, are the threshold's part of it | rewritten where it is |
 * | with deeper tables below it | the same, of dead bytes without tombstones | rewritten where it is |
 * | | its dead tombstones by count are that part | merged with what it overlaps in the next level, where they hide more than they take |
 * | | what it stands before in tables below is that part of what is merged | the same: once all of it is at or below the horizon |
 * | of level 0 | the dead are that part of all that is merged | merged, with all that overlaps it, into level 1 |
 *
 * The threshold falls in a straight line as free space falls from a tenth of what the tree takes to a
 * fiftieth.
 *
 * Invariant: what it asks for at fixed horizons ends. A rewrite in place leaves nothing that could
 * go (`reclaim_memory.ts`), every other plan takes a table a level down.
 *
 * @module
 */
import { isSettled, sum } from "./dead_estimate.ts";
import type { DeadEstimate } from "./dead_estimate.ts";
import type { Horizons } from "./key_space.ts";
import type { CompactionPlan, CompactionState } from "./lsm/compaction_picker.ts";
import {
  level0Closure,
  nextBelow,
  planDown,
  planDownInPieces,
  planInPlace,
} from "./lsm/compaction_picker.ts";
import type { TableMeta } from "./lsm/table_meta.ts";
import type { TreeOptions } from "./options.ts";
import type { ReclaimMemory } from "./reclaim_memory.ts";

/** What autovacuum looks at. */
export interface ReclaimState extends CompactionState {
  /** What VACUUM may drop. */
  readonly horizons: Horizons;
  /** What was merged before. */
  readonly memory: ReclaimMemory;
  /** Returns which part of a table's entries stands before older ones in tables below: 0 to 1. */
  readonly shadowShareOf: (level: number, table: TableMeta) => number;
  /** What is left on the disk; undefined where that is not known. */
  readonly freeSpaceBytes: number | undefined;
}

/** The threshold where space runs out. */
const deadRatioMin = 0.05;
/** Free space over the tree's, where the threshold begins to fall, and where it is lowest. */
const pressureStart = 0.1;
const pressureEnd = 0.02;

interface Candidate {
  readonly ratio: number;
  readonly plan: () => CompactionPlan;
}

/** Returns what to merge to reclaim space, or undefined where nothing is worth it. */
export function pickReclaim(state: ReclaimState): CompactionPlan | undefined {
  if (!state.options.isAutovacuumOn) return undefined;
  const sizeBytes = state.levels.flat().reduce((total, table) => total + table.sizeBytes, 0);
  const threshold = autovacuumThreshold(state.options, {
    freeBytes: state.freeSpaceBytes,
    sizeBytes,
  });
  let best: Candidate | undefined;
  for (const [level, tables] of state.levels.entries()) {
    for (const table of tables) {
      const debt = state.memory.debtOf(table, state.horizons);
      const candidate = level === 0
        ? candidateOfLevel0(state, table)
        : candidateOf(state, level, { table, debt });
      if (candidate.ratio >= threshold && candidate.ratio > (best?.ratio ?? 0)) best = candidate;
    }
  }
  return best?.plan();
}

/** Returns from which part of dead bytes on a table is merged. */
export function autovacuumThreshold(
  options: TreeOptions,
  space: { freeBytes: number | undefined; sizeBytes: number },
): number {
  const { autovacuumDeadRatio } = options;
  const lowest = Math.min(autovacuumDeadRatio, deadRatioMin);
  if (space.freeBytes === undefined || space.sizeBytes === 0) return autovacuumDeadRatio;
  const free = space.freeBytes / space.sizeBytes;
  const ease = Math.min(1, Math.max(0, (free - pressureEnd) / (pressureStart - pressureEnd)));
  return lowest + (autovacuumDeadRatio - lowest) * ease;
}

function candidateOf(
  state: ReclaimState,
  level: number,
  { table, debt }: { table: TableMeta; debt: DeadEstimate },
): Candidate {
  const reason = "reclaim";
  const inPlace = () => planInPlace(state, level, { table, reason });
  const tombstoneRatio = debt.tombstoneCount / table.entryCount;
  const below = nextBelow(state.levels, level, table);
  if (below.length === 0) {
    return { ratio: Math.max(debt.sizeBytes / table.payloadBytes, tombstoneRatio), plan: inPlace };
  }
  const inPlaceRatio = (debt.sizeBytes - debt.tombstoneBytes) / table.payloadBytes;
  const downRatio = Math.max(tombstoneRatio, shadowRatio(state, level, { upper: [table], below }));
  return inPlaceRatio >= downRatio ? { ratio: inPlaceRatio, plan: inPlace } : {
    ratio: downRatio,
    plan: () => planDownInPieces(state, level, { table, reason }),
  };
}

/** A merge of level 0 takes all along that overlaps: it must be worth reading that as well. */
function candidateOfLevel0(state: ReclaimState, table: TableMeta): Candidate {
  const upper = level0Closure(state.levels[0], table);
  const plan = planDown(state, 0, { upper, reason: "reclaim" });
  const inputs = plan.inputs.flat();
  const debt = sum(inputs.map((one) => state.memory.debtOf(one, state.horizons)));
  const entryCount = inputs.reduce((total, one) => total + one.entryCount, 0);
  const below = inputs.filter((one) => !upper.includes(one));
  const ratio = Math.max(
    debt.sizeBytes / payloadOf(inputs) + shadowRatio(state, 0, { upper, below }),
    debt.tombstoneCount / entryCount,
  );
  return { ratio, plan: () => plan };
}

/**
 * Returns which part of all that is merged is dead because the upper tables stand before it. In a tree
 * whose levels are ten times as large as those above it cannot be much; the keys are looked at only
 * where it can be enough.
 */
function shadowRatio(
  state: ReclaimState,
  level: number,
  { upper, below }: { upper: readonly TableMeta[]; below: readonly TableMeta[] },
): number {
  const settled = upper.filter((table) => isSettled(table, state.horizons));
  const total = payloadOf(upper) + payloadOf(below);
  if (payloadOf(settled) / total < deadRatioMin) return 0;
  const shadowed = settled.reduce(
    (bytes, table) => bytes + state.shadowShareOf(level, table) * table.payloadBytes,
    0,
  );
  return Math.min(shadowed, total / 2) / total;
}

function payloadOf(tables: readonly TableMeta[]): number {
  return tables.reduce((total, { payloadBytes }) => total + payloadBytes, 0);
}
