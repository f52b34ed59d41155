import { deepEqual, equal, throws } from "node:assert/strict";
import { appliedNothing } from "../../storage/applied_state.ts";
import type { AppliedState } from "../../storage/applied_state.ts";
import { EntryKind } from "../../storage/cursor.ts";
import { InvariantError } from "../../storage/env/mod.ts";
import { MemoryBudget } from "../../storage/memory_budget.ts";
import { Memtables } from "../../storage/memtables.ts";
import { countRule } from "./mvcc/rule_fixture.ts";

function memtablesOf(options: { sizeBytesMax?: number; budget?: MemoryBudget } = {}) {
  const budget = options.budget ?? new MemoryBudget(1_000_000);
  let freezeCount = 0;
  const memtables = new Memtables({
    applied: appliedNothing,
    sizeBytesMax: options.sizeBytesMax ?? 100_000,
    budget,
    onFreeze: () => freezeCount++,
  });
  return { memtables, budget, freezeCount: () => freezeCount };
}

function write(memtables: Memtables, version: number, sizeBytes = 10): void {
  memtables.write("k", version, EntryKind.value, new Uint8Array(sizeBytes), 0, sizeBytes);
}

function state(index: number, lastVersion = index): AppliedState {
  return { ...appliedNothing, index, lastVersion };
}

Deno.test("Memtables freezes a full memtable at the end of its entry, newest first", () => {
  const { memtables, budget, freezeCount } = memtablesOf({ sizeBytesMax: 1_000 });
  write(memtables, 1, 2_000);
  equal(freezeCount(), 0);
  memtables.commit(state(1));
  equal(freezeCount(), 1);
  write(memtables, 2, 2_000);
  memtables.commit(state(2));
  deepEqual(memtables.frozen.map(({ applied }) => applied.index), [2, 1]);
  equal(memtables.active.entryCount, 0);
  equal(budget.frozenBytes, memtables.frozenBytes);
  memtables.dropOldest();
  deepEqual(memtables.frozen.map(({ applied }) => applied.index), [2]);
  memtables.close();
  equal(budget.usedBytes, 0);
});

Deno.test("Memtables freezes when the budget of all trees asks for it", () => {
  const { memtables, freezeCount } = memtablesOf({ budget: new MemoryBudget(4_000) });
  write(memtables, 1, 3_600);
  memtables.commit(state(1));
  equal(freezeCount(), 1);
});

Deno.test("Memtables knows the newest version before its entry ends", () => {
  const { memtables } = memtablesOf();
  write(memtables, 5);
  equal(memtables.newestVersion, 5);
  memtables.commit(state(1, 9));
  equal(memtables.newestVersion, 9);
});

Deno.test("Memtables refuses to freeze inside an entry, and versions that fall", () => {
  const { memtables } = memtablesOf();
  write(memtables, 5);
  throws(() => memtables.freeze(), InvariantError);
  throws(() => memtables.commit(state(1, 4)), InvariantError);
  memtables.commit(state(1, 5));
  throws(() => write(memtables, 5), InvariantError);
  throws(() => memtables.commit(state(1, 6)), InvariantError);
});

Deno.test("Memtables.commit() completes the rules that count, and knows the largest horizon", () => {
  const { memtables } = memtablesOf();
  memtables.commit({ ...state(1), horizons: { ...appliedNothing.horizons, userVersion: 1 } });
  equal(memtables.largestHorizon, 1);
  const horizons = { ...memtables.applied.horizons, rules: [countRule("ka", 5, 2)] };
  memtables.commit({ ...state(9), horizons });
  equal(memtables.largestHorizon, 5);
  memtables.freeze();
  for (const { horizons: { rules } } of [memtables.applied, memtables.frozen[0].applied]) {
    deepEqual(rules, [{ ...countRule("ka", 5, 2), countedFrom: 1 }]);
  }
});
