import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import type { ReclaimState } from "../../storage/autovacuum.ts";
import { autovacuumThreshold, pickReclaim } from "../../storage/autovacuum.ts";
import type { Horizons } from "../../storage/key_space.ts";
import type { DeathSketch } from "../../storage/lsm/death_sketch.ts";
import type { TableMeta } from "../../storage/lsm/table_meta.ts";
import { noHorizons } from "../../storage/mvcc/retention.ts";
import { levelCount, treeOptions } from "../../storage/options.ts";
import { ReclaimMemory } from "../../storage/reclaim_memory.ts";
import { countRule, timeRule } from "./mvcc/rule_fixture.ts";
import { deathsOf, levelsAfter, stateOf, tableOf } from "./table_meta_fixture.ts";

const at = (userVersion: number): Horizons => ({ ...noHorizons, userVersion });

function reclaimStateOf(
  levels: readonly (readonly TableMeta[])[],
  given: Partial<ReclaimState> = {},
): ReclaimState {
  return {
    ...stateOf(levels),
    horizons: at(40),
    memory: new ReclaimMemory(),
    shadowShareOf: () => 0,
    freeSpaceBytes: undefined,
    ...given,
  };
}

/** Shows what is merged, and into which level. */
function shown(state: ReclaimState): string {
  const plan = pickReclaim(state);
  if (plan === undefined) return "nothing";
  return `${
    plan.inputs.map((run) => run.map(({ number }) => number)).join(" ")
  } > ${plan.outputLevel}`;
}

const shadowed = (count: number) => ({ deaths: [deathsOf("shadowed", count, [40])] });
const deleted = (count: number) => ({ deaths: [deathsOf("tombstone", count, [40])] });

Deno.test("pickReclaim() rewrites the table with the largest dead part, from the threshold on", () => {
  const level1 = [
    tableOf(1, "ka-kb", shadowed(25)),
    tableOf(2, "kc-kd", shadowed(40)),
    tableOf(3, "ke-kf", deleted(30)),
  ];
  equal(shown(reclaimStateOf([[], level1])), "2 > 1");
  equal(shown(reclaimStateOf([[], [level1[0], level1[2]]])), "3 > 1");
  equal(shown(reclaimStateOf([[], [level1[0]]])), "1 > 1");
  equal(shown(reclaimStateOf([[], [tableOf(1, "ka-kb", shadowed(24))]])), "nothing");
});

Deno.test("pickReclaim() finds what is dead in a table that holds newer entries too", () => {
  const hot = tableOf(1, "ka-kb", { deaths: [deathsOf("shadowed", 90, [0, 30, 60, 90])] });
  equal(shown(reclaimStateOf([[], [hot]], { horizons: at(20) })), "nothing");
  equal(shown(reclaimStateOf([[], [hot]], { horizons: at(30) })), "1 > 1");
});

Deno.test("pickReclaim() goes by bytes, of tombstones by count too", () => {
  const small = { ...deathsOf("shadowed", 60, [40]), sizeBytes: 60 };
  const tombstones = { ...deathsOf("tombstone", 60, [40]), sizeBytes: 60 };
  equal(shown(reclaimStateOf([[], [tableOf(1, "ka-kb", { deaths: [small] })]])), "nothing");
  equal(shown(reclaimStateOf([[], [tableOf(1, "ka-kb", { deaths: [tombstones] })]])), "1 > 1");
});

Deno.test("pickReclaim() brings tombstones down where deeper tables hold what they hide", () => {
  const deeper = tableOf(9, "kb-kz");
  equal(shown(reclaimStateOf([[], [tableOf(1, "ka-kc", deleted(60))], [deeper]])), "1 9 > 2");
  equal(shown(reclaimStateOf([[], [tableOf(1, "ka-kc", deleted(60))], [], [deeper]])), "1 > 2");
  // What is shadowed can go without reading what lies below.
  equal(shown(reclaimStateOf([[], [tableOf(1, "ka-kc", shadowed(60))], [deeper]])), "1 > 1");
});

Deno.test("pickReclaim() merges level 0 where it is worth reading all that is merged with it", () => {
  const level0 = [tableOf(2, "ka-kd"), tableOf(1, "kc-kz", shadowed(90))];
  equal(shown(reclaimStateOf([level0])), "2 1 > 1");
  const level1 = [1, 2, 3].map((index) => tableOf(10 + index, `k${index}-k${index}`));
  equal(shown(reclaimStateOf([level0, level1])), "2 1 > 1");
  const wide = [tableOf(3, "k0-kz", shadowed(90))];
  equal(shown(reclaimStateOf([wide, level1.slice(0, 2)])), "3 11,12 > 1");
  equal(shown(reclaimStateOf([wide, level1])), "nothing");
});

Deno.test("pickReclaim() brings down what stands before most of what lies below, once it may go", () => {
  const upper = tableOf(1, "ka-kz", { newestVersion: 40 });
  const below = [1, 2, 3].map((index) => tableOf(10 + index, `k${index}-k${index}`))
    .map((table, index) => ({ ...table, smallestKey: `kb${index}`, largestKey: `kb${index}` }));
  const found = (count: number, share: number, given: Partial<ReclaimState> = {}) =>
    shown(reclaimStateOf([[], [upper], below.slice(0, count)], {
      shadowShareOf: () => share,
      ...given,
    }));
  equal(found(1, 1), "1 11 > 2");
  equal(found(1, 0.5), "1 11 > 2");
  equal(found(1, 0.45), "nothing");
  equal(found(3, 1), "1 11,12,13 > 2");
  equal(found(3, 0.99), "nothing");
  equal(found(0, 1), "nothing");
  // A reader at the horizon, or a rule that counts, still needs what lies below.
  equal(found(1, 1, { horizons: at(39) }), "nothing");
  equal(found(1, 1, { horizons: { ...at(40), rules: [countRule("k", 40, 2)] } }), "nothing");
  const level0 = [upper, tableOf(2, "ka-kz", { newestVersion: 39 })];
  equal(
    shown(reclaimStateOf([level0], { shadowShareOf: (_, { number }) => number === 1 ? 1 : 0 })),
    "2 1 > 1",
  );
  equal(shown(reclaimStateOf([level0])), "nothing");
});

Deno.test("pickReclaim() does nothing where autovacuum is off", () => {
  const options = treeOptions({ isAutovacuumOn: false });
  const levels = [[], [tableOf(1, "ka-kb", shadowed(100))]];
  equal(shown(reclaimStateOf(levels)), "1 > 1");
  equal(shown(reclaimStateOf(levels, { options })), "nothing");
});

Deno.test("autovacuumThreshold() falls in a line as the disk fills up", () => {
  const options = treeOptions();
  const threshold = (freeBytes: number | undefined) =>
    Number(autovacuumThreshold(options, { freeBytes, sizeBytes: 1_000 }).toFixed(3));
  deepEqual([undefined, 5_000, 100, 60, 20, 0].map(threshold), [
    0.25,
    0.25,
    0.25,
    0.15,
    0.05,
    0.05,
  ]);
  const careful = treeOptions({ autovacuumDeadRatio: 0.02 });
  equal(autovacuumThreshold(careful, { freeBytes: 0, sizeBytes: 1_000 }), 0.02);
  const few = [[], [tableOf(1, "ka-kb", shadowed(6))]];
  equal(shown(reclaimStateOf(few, { freeSpaceBytes: 20 })), "1 > 1");
  equal(shown(reclaimStateOf(few, { freeSpaceBytes: 900 })), "nothing");
});

const drawnTable = fc.record({
  range: fc.tuple(fc.nat({ max: 25 }), fc.nat({ max: 25 })),
  deaths: fc.uniqueArray(
    fc.record({
      cause: fc.constantFrom("shadowed", "tombstone", "change", "expiry"),
      count: fc.integer({ min: 1, max: 100 }),
      points: fc.array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 9 }),
    }),
    { selector: ({ cause }) => cause, maxLength: 4 },
  ),
});

Deno.test("pickReclaim() ends, even where no merge drops anything", () => {
  const rules = fc.constantFrom(
    [],
    [countRule("kc", 40, 3)],
    [timeRule("ka", 10), countRule("kf", 50, 2), timeRule("kg", 50)],
  );
  const tables = fc.array(drawnTable, { maxLength: 6 });
  fc.assert(
    fc.property(
      fc.array(tables, { minLength: 1, maxLength: 5 }),
      rules,
      fc.constantFrom(0, 1),
      (drawn, drawnRules, shadowShare) => {
        let number = 1;
        let levels: readonly TableMeta[][] = Array.from(
          { length: levelCount },
          (_, level) =>
            disjoint(
              (drawn[level] ?? []).map(({ range, deaths }) => {
                const letters = [...range].sort((left, right) => left - right)
                  .map((index) => `k${String.fromCharCode(97 + index)}`);
                const sketches: DeathSketch[] = deaths
                  .map(({ cause, count, points }) =>
                    deathsOf(cause as "shadowed", count, points.sort((left, right) => left - right))
                  );
                return tableOf(number++, letters.join("-"), { deaths: sketches });
              }),
              level,
            ),
        );
        const memory = new ReclaimMemory();
        const count = number;
        let mergeCount = 0;
        for (const userVersion of [20, 40, 41, 60]) {
          const horizons = { ...at(userVersion), rules: drawnRules, expiryVersion: 30 };
          for (;;) {
            const plan = pickReclaim(
              reclaimStateOf(levels, { horizons, memory, shadowShareOf: () => shadowShare }),
            );
            if (plan === undefined) break;
            // The worst merge: one result as large as all inputs, with all their dead.
            const inputs = plan.inputs.flat();
            const keys = inputs.flatMap(({ smallestKey, largestKey }) => [smallestKey, largestKey]);
            keys.sort();
            const output = {
              ...inputs[0],
              smallestKey: keys[0],
              largestKey: keys[keys.length - 1],
            };
            const outputs = [{ ...output, number: number++ }];
            levels = levelsAfter(levels, plan, outputs);
            memory.note(outputs, { horizons, deeperRanges: plan.deeperRanges });
            memory.keepOnly(levels);
            mergeCount++;
            // A table a level, and four times in place for all that is dead in it.
            ok(
              mergeCount <= count * (levelCount * 2 + 4),
              `${mergeCount} merges of ${count} tables`,
            );
          }
        }
      },
    ),
    { numRuns: 400 },
  );
});

/** Returns those tables, in key order, that overlap none before them; of level 0 all. */
function disjoint(tables: readonly TableMeta[], level: number): TableMeta[] {
  if (level === 0) return [...tables];
  const kept: TableMeta[] = [];
  const inOrder = [...tables].sort((left, right) => left.smallestKey < right.smallestKey ? -1 : 1);
  for (const meta of inOrder) {
    const last = kept.at(-1);
    if (last === undefined || last.largestKey < meta.smallestKey) kept.push(meta);
  }
  return kept;
}
