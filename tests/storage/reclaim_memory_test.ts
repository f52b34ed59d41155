import { equal } from "node:assert/strict";
import type { Horizons } from "../../storage/key_space.ts";
import { noHorizons } from "../../storage/mvcc/retention.ts";
import { ReclaimMemory } from "../../storage/reclaim_memory.ts";
import { countRule } from "./mvcc/rule_fixture.ts";
import { deathsOf, stateOf, tableOf } from "./table_meta_fixture.ts";

const at = (userVersion: number): Horizons => ({ ...noHorizons, userVersion });
const table = tableOf(7, "kc-kd", {
  deaths: [deathsOf("shadowed", 40, [0, 40]), deathsOf("tombstone", 20, [0, 40])],
});

Deno.test("ReclaimMemory.debtOf() is what died since the table came out of a merge", () => {
  const memory = new ReclaimMemory();
  equal(memory.debtOf(table, at(20)).entryCount, 30);
  memory.note([table], { horizons: at(20), deeperRanges: [] });
  equal(memory.debtOf(table, at(20)).entryCount, 0);
  equal(memory.debtOf(table, at(40)).entryCount, 30);
});

Deno.test("ReclaimMemory knows that tombstones had to stay where deeper tables stood below", () => {
  for (const [smallestKey, isBelow] of [["kd", true], ["ke", false]] as const) {
    const memory = new ReclaimMemory();
    const deeperRanges = [{ smallestKey, largestKey: "kz" }];
    memory.note([table], { horizons: at(20), deeperRanges });
    equal(memory.debtOf(table, at(20)).tombstoneCount, isBelow ? 10 : 0);
    equal(memory.mayDrop(table, at(20)), isBelow);
  }
});

Deno.test("ReclaimMemory.mayDrop() is false for what was merged at these horizons or later ones", () => {
  const memory = new ReclaimMemory();
  equal(memory.mayDrop(table, at(20)), true);
  memory.note([table], { horizons: at(20), deeperRanges: [] });
  equal(memory.mayDrop(table, at(20)), false);
  equal(memory.mayDrop(table, at(19)), false);
  equal(memory.mayDrop(table, at(21)), true);
  const ruled = { ...at(20), rules: [countRule("kc", 20, 3)] };
  equal(memory.mayDrop(table, ruled), true);
  for (const field of ["changeVersion", "requestVersion", "expiryVersion"] as const) {
    equal(memory.mayDrop(table, { ...at(20), [field]: 1 }), true, field);
  }
});

Deno.test("ReclaimMemory.keepOnly() forgets tables that are gone", () => {
  const memory = new ReclaimMemory();
  const other = { ...table, number: 8 };
  memory.note([table, other], { horizons: at(40), deeperRanges: [] });
  memory.keepOnly(stateOf([[], [other]]).levels);
  equal(memory.mayDrop(table, at(40)), true);
  equal(memory.mayDrop(other, at(40)), false);
});
