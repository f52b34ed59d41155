import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import type { Horizons } from "../../storage/key_space.ts";
import type { CompactionPlan } from "../../storage/lsm/compaction_picker.ts";
import type { TableMeta } from "../../storage/lsm/table_meta.ts";
import { noHorizons } from "../../storage/mvcc/retention.ts";
import { levelCount, treeOptions } from "../../storage/options.ts";
import { ReclaimMemory } from "../../storage/reclaim_memory.ts";
import type { SweepConfig } from "../../storage/vacuum_sweep.ts";
import { VacuumSweep } from "../../storage/vacuum_sweep.ts";
import { deathsOf, levelsAfter, stateOf, tableOf } from "./table_meta_fixture.ts";

const horizons: Horizons = { ...noHorizons, userVersion: 40 };
const dead = { deaths: [deathsOf("shadowed", 1, [40])] };

function sweepOf(given: Partial<SweepConfig> = {}): VacuumSweep {
  return new VacuumSweep({
    start: "",
    end: undefined,
    lastTableNumber: 99,
    horizons,
    memory: new ReclaimMemory(),
    ...given,
  });
}

function shown(plan: CompactionPlan | undefined): string {
  if (plan === undefined) return "nothing";
  return `${
    plan.inputs.map((run) => run.map(({ number }) => number)).join(" ")
  } > ${plan.outputLevel}`;
}

/** Carries a sweep's plans out: each makes one table, clean, of all that it merges. */
function swept(
  sweep: VacuumSweep,
  tables: readonly (readonly TableMeta[])[],
): { plans: string[]; levels: TableMeta[][] } {
  let levels = stateOf(tables).levels.map((level) => [...level]);
  const plans: string[] = [];
  let number = 100;
  for (;;) {
    const plan = sweep.next(stateOf(levels));
    if (plan === undefined) return { plans, levels };
    plans.push(shown(plan));
    const inputs = plan.inputs.flat();
    const keys = inputs.flatMap(({ smallestKey, largestKey }) => [smallestKey, largestKey]).sort();
    const output = tableOf(number++, `${keys[0]}-${keys[keys.length - 1]}`);
    levels = levelsAfter(levels, plan, [plan.isTrivialMove ? inputs[0] : output]);
    sweep.done(plan);
  }
}

Deno.test("VacuumSweep brings each key range to the deepest level that has it, from the top", () => {
  const { plans, levels } = swept(sweepOf(), [
    [tableOf(2, "kb-kc"), tableOf(1, "ka-kb")],
    [tableOf(3, "kd-ke"), tableOf(4, "kx-ky")],
    [tableOf(5, "ka-ka"), tableOf(6, "ke-kf")],
    [tableOf(7, "kc-kc")],
  ]);
  deepEqual(plans, ["2 1 > 1", "100 5 > 2", "3 6 > 2", "101 7 > 3"]);
  deepEqual(levels.map((tables) => tables.map(({ number }) => number)).slice(0, 4), [
    [],
    [4],
    [102],
    [103],
  ]);
});

Deno.test("VacuumSweep rewrites at the bottom what may give something back, and nothing else", () => {
  const { plans } = swept(sweepOf(), [
    [tableOf(1, "ka-kb"), tableOf(2, "kc-kd", dead)],
    [],
    [tableOf(3, "ke-kf"), tableOf(4, "kg-kh", dead)],
  ]);
  deepEqual(plans, ["2 > 1", "2 > 1", "4 > 2"]);
});

Deno.test("VacuumSweep leaves out what lies beside its range, and what came since", () => {
  const levels = [
    [tableOf(9, "ka-kz", dead), tableOf(2, "kq-kr", dead)],
    [tableOf(3, "ka-kc", dead), tableOf(4, "kd-kf", dead), tableOf(5, "kg-kh", dead)],
  ];
  const config = { start: "kd", end: "kg", lastTableNumber: 5 };
  deepEqual(swept(sweepOf(config), levels).plans, ["4 > 1"]);
  equal(sweepOf(config).remainingBytes(stateOf(levels)), 1_000);
  equal(sweepOf().remainingBytes(stateOf(levels)), 5_000);
});

Deno.test("VacuumSweep.remainingBytes() falls as levels are swept", () => {
  const sweep = sweepOf();
  const levels = [[], [tableOf(1, "ka-kb"), tableOf(2, "kc-kd", dead)], [
    tableOf(3, "ke-kf", dead),
  ]];
  equal(shown(sweep.next(stateOf(levels))), "2 > 1");
  equal(sweep.remainingBytes(stateOf(levels)), 2_000);
});

Deno.test("VacuumSweep cuts a wide table up before it brings the pieces down", () => {
  const options = treeOptions({ tableSizeBytesTarget: 1_000 });
  const level2 = [..."bcdefghijklmnopqrstuvwxy"]
    .map((letter, index) => tableOf(10 + index, `k${letter}-k${letter}`));
  const wide = tableOf(1, "ka-kz");
  const sweep = sweepOf();
  const cut = sweep.next(stateOf([[], [wide], level2], options));
  equal(shown(cut), "1 > 1");
  deepEqual(cut?.splitKeys, ["kl", "kv"]);
  if (cut !== undefined) sweep.done(cut);
  const pieces = ["ka-kk", "kl-ku", "kv-kz"].map((range, index) => tableOf(50 + index, range));
  const first = sweep.next(stateOf([[], pieces, level2], options));
  equal(first?.inputs.flat().length, 11);
  equal(first?.inputs[0][0].number, 50);
});

const letters = fc.tuple(fc.nat({ max: 25 }), fc.nat({ max: 25 })).map((range) =>
  [...range].sort((left, right) => left - right)
    .map((index) => `k${String.fromCharCode(97 + index)}`).join("-")
);
const drawn = fc.array(fc.array(fc.tuple(letters, fc.boolean()), { maxLength: 6 }), {
  minLength: 1,
  maxLength: 5,
});

Deno.test("VacuumSweep ends with no two tables that share keys, whatever the tree", () => {
  fc.assert(fc.property(drawn, (given) => {
    let number = 1;
    const levels = given.map((tables, level) => {
      const metas = tables.map(([range, isDead]) => tableOf(number++, range, isDead ? dead : {}));
      if (level === 0) return metas;
      metas.sort((left, right) => left.smallestKey < right.smallestKey ? -1 : 1);
      const kept: TableMeta[] = [];
      for (const meta of metas) {
        if ((kept.at(-1)?.largestKey ?? "") < meta.smallestKey) kept.push(meta);
      }
      return kept;
    });
    const { plans, levels: after } = swept(sweepOf(), levels);
    ok(plans.length <= number * levelCount);
    const left = after.flat();
    for (const [index, one] of left.entries()) {
      for (const other of left.slice(index + 1)) {
        ok(one.largestKey < other.smallestKey || other.largestKey < one.smallestKey);
      }
      ok(one.number >= 100 || one.deaths.length === 0);
    }
    deepEqual(swept(sweepOf(), after).plans, []);
  }));
});
