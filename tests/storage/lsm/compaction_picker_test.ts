import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import type { CompactionPlan, CompactionState } from "../../../storage/lsm/compaction_picker.ts";
import {
  compactionDebtBytes,
  compactionScores,
  pickCompaction,
  planDownInPieces,
  planInPlace,
} from "../../../storage/lsm/compaction_picker.ts";
import type { TableMeta } from "../../../storage/lsm/table_meta.ts";
import { levelCount, treeOptions } from "../../../storage/options.ts";

const options = treeOptions({ level0FileCountCompact: 3, level1SizeBytesMax: 1_024 });

function table(
  number: number,
  range: string,
  given: Partial<TableMeta> = {},
): TableMeta {
  const [smallestKey, largestKey] = range.split("-");
  return {
    number,
    sizeBytes: 100,
    smallestKey,
    largestKey,
    entryCount: 100,
    tombstoneCount: 0,
    shadowedCount: 0,
    shadowedBytes: 0,
    payloadBytes: 90,
    deaths: [],
    oldestVersion: 10,
    newestVersion: 20,
    ...given,
  };
}

function state(
  levels: readonly TableMeta[][],
  given: Partial<CompactionState> = {},
): CompactionState {
  const padded = Array.from({ length: levelCount }, (_, level) => levels[level] ?? []);
  return { levels: padded, options, pointers: [], ...given };
}

function numbersOf(plan: CompactionPlan | undefined): number[][] | undefined {
  return plan?.inputs.map((run) => run.map(({ number }) => number));
}

Deno.test("pickCompaction() does nothing while every level has room", () => {
  equal(pickCompaction(state([])), undefined);
  const levels = [[table(2, "ka-kz"), table(1, "ka-kz")], [
    table(3, "ka-kz", { sizeBytes: 1_023 }),
  ]];
  equal(pickCompaction(state(levels)), undefined);
});

Deno.test("pickCompaction() takes of level 0 all that overlap, through others too, newest first", () => {
  const plan = pickCompaction(state([
    // 1 overlaps 3, 3 overlaps 2; 4 stands alone.
    [table(4, "kx-kz"), table(1, "ka-kd"), table(3, "kc-kh"), table(2, "kg-kk")],
    [table(5, "ka-kb"), table(6, "kj-km"), table(7, "kn-ko")],
    [table(8, "ka-kz")],
  ]));
  deepEqual(numbersOf(plan), [[3], [2], [1], [5, 6]]);
  deepEqual(plan?.deeperRanges, [{ smallestKey: "ka", largestKey: "kz" }]);
  equal(plan?.reason, "level0_count");
  equal(plan?.outputLevel, 1);
  equal(plan?.isTrivialMove, false);
});

Deno.test("pickCompaction() moves a file of level 0 that overlaps nothing without a merge", () => {
  const level0 = [table(3, "ke-kf"), table(2, "kc-kd"), table(1, "ka-kb")];
  const plan = pickCompaction(state([level0, [table(9, "kx-kz")]]));
  deepEqual(numbersOf(plan), [[1]]);
  equal(plan?.isTrivialMove, true);
});

Deno.test("pickCompaction() counts both ends of a range as overlap", () => {
  const level0 = [table(3, "kc-kd"), table(2, "kb-kc"), table(1, "ka-kb")];
  const plan = pickCompaction(state([level0, [table(8, "kd-kd")]]));
  deepEqual(numbersOf(plan), [[3], [2], [1], [8]]);
});

Deno.test("pickCompaction() serves the fullest level and goes round in it", () => {
  const level1 = [table(1, "ka-kb"), table(2, "kc-kd"), table(3, "ke-kf")]
    .map((meta) => ({ ...meta, sizeBytes: 700 }));
  const level2 = [table(4, "ka-kc"), table(5, "kd-kz")];
  const pick = (pointer: string) =>
    pickCompaction(state([[], level1, level2, [table(6, "kc-kc")]], { pointers: ["", pointer] }));
  const first = pick("");
  deepEqual(numbersOf(first), [[1], [4]]);
  equal(first?.reason, "level_size");
  equal(first?.nextPointer, "kb");
  deepEqual(first?.deeperRanges, [{ smallestKey: "kc", largestKey: "kc" }]);
  deepEqual(numbersOf(pick("kb")), [[2], [4, 5]]);
  deepEqual(numbersOf(pick("kd")), [[3], [5]]);
  deepEqual(numbersOf(pick("kf")), [[1], [4]]);
  const full0 = [1, 2, 3, 4, 5, 6, 7].map((number) => table(10 + number, "ka-kz"));
  equal(pickCompaction(state([full0, level1, level2]))?.level, 0);
});

Deno.test("pickCompaction() never makes the last level too full to be left alone", () => {
  const levels = Array.from({ length: levelCount }, (): TableMeta[] => []);
  levels[levelCount - 1] = [table(1, "ka-kz", { sizeBytes: 2 ** 50 })];
  equal(pickCompaction(state(levels)), undefined);
  equal(compactionDebtBytes(levels, options), 0);
});

Deno.test("compactionScores() grows by ten a level, compactionDebtBytes() counts the excess", () => {
  const levels = state([
    [table(1, "ka-kz"), table(2, "ka-kz"), table(3, "ka-kz")],
    [table(4, "ka-kz", { sizeBytes: 2_048 })],
    [table(5, "ka-kz", { sizeBytes: 5_120 })],
  ]).levels;
  deepEqual(compactionScores(levels, options), [1, 2, 0.5, 0, 0, 0, 0]);
  equal(compactionDebtBytes(levels, options), 300 + 1_024);
});

Deno.test("pickCompaction() splits its result where it would overlap more than ten files", () => {
  const small = treeOptions({ ...options, tableSizeBytesTarget: 512, level1SizeBytesMax: 2_048 });
  const level0 = [1, 2, 3].map((number) => table(number, "ka-kz"));
  const level2 = [..."bcdefghijklmnopqrstuvw"].map((letter, index) =>
    table(10 + index, `k${letter}-k${letter}`, { sizeBytes: 500 })
  );
  const plan = pickCompaction(state([level0, [], level2], { options: small }));
  // Ten of them have 5,000 of the 5,120 bytes that a result may overlap.
  deepEqual(plan?.splitKeys, ["kl", "kv"]);
});

Deno.test("planDownInPieces() first cuts up what lies across more than it should overlap", () => {
  const small = treeOptions({ ...options, tableSizeBytesTarget: 512 });
  const tables = (count: number) =>
    [..."bcdefghijklmnopqrstuvwxy"].slice(0, count).map((letter, index) =>
      table(10 + index, `k${letter}-k${letter}`, { sizeBytes: 512 })
    );
  const wide = table(1, "ka-kz");
  const plan = (count: number) =>
    planDownInPieces(state([[], [wide], tables(count)], { options: small }), 1, {
      table: wide,
      reason: "vacuum",
    });
  equal(plan(20).outputLevel, 2);
  equal(plan(20).inputs.flat().length, 21);
  equal(plan(21).outputLevel, 1);
  deepEqual(plan(21).splitKeys, ["kl", "kv"]);
  // One table of any size cannot be shared out.
  const huge = state([[], [wide], [table(9, "kc-kc", { sizeBytes: 99_999 })]], { options: small });
  equal(planDownInPieces(huge, 1, { table: wide, reason: "vacuum" }).outputLevel, 2);
});

Deno.test("planInPlace() keeps the table's level and minds all that is deeper", () => {
  const one = table(1, "ka-kd");
  const from = state([[], [one], [table(8, "kd-ke")], [table(7, "ka-kb"), table(9, "kc-kz")]]);
  const plan = planInPlace(from, 1, { table: one, reason: "reclaim" });
  deepEqual([plan.outputLevel, plan.isTrivialMove, numbersOf(plan)], [1, false, [[1]]]);
  deepEqual(plan.deeperRanges.map(({ smallestKey }) => smallestKey), ["kd", "ka", "kc"]);
});

Deno.test("pickCompaction() leaves no older version of a key above or beside what it takes", () => {
  const key = fc.integer({ min: 0, max: 30 });
  const range = fc.tuple(key, key).map(([a, b]) => {
    const text = (value: number) => `k${String(value).padStart(2, "0")}`;
    return `${text(Math.min(a, b))}-${text(Math.max(a, b))}`;
  });
  const level = fc.array(fc.tuple(range, fc.nat(100), fc.nat(3_000)), { maxLength: 8 });
  fc.assert(
    fc.property(fc.array(level, { minLength: 1, maxLength: 4 }), (drawn) => {
      let number = 1_000;
      const levels = drawn.map((tables, at) => {
        const metas = tables.map(([text, shadowedCount, sizeBytes]) =>
          table(number--, text, { shadowedCount, sizeBytes })
        );
        return at === 0 ? metas : disjoint(metas);
      });
      const from = state(levels);
      const plan = pickCompaction(from);
      if (plan === undefined) return;
      const taken = new Set(plan.inputs.flat());
      ok(taken.size > 0);
      for (const input of taken) {
        const inLevel = from.levels.findIndex((tables) => tables.includes(input));
        for (const other of from.levels[inLevel]) {
          const isOlder = inLevel === 0 && other.number < input.number;
          if (isOlder && overlap(input, other)) ok(taken.has(other));
        }
        for (let below = inLevel + 1; below <= plan.outputLevel; below++) {
          for (const other of from.levels[below]) if (overlap(input, other)) ok(taken.has(other));
        }
      }
      const deeper = from.levels.slice(plan.outputLevel + 1).flat();
      for (
        const other of deeper.filter((meta) => [...taken].some((input) => overlap(input, meta)))
      ) {
        const { smallestKey, largestKey } = other;
        ok(
          plan.deeperRanges.some((found) =>
            found.smallestKey === smallestKey && found.largestKey === largestKey
          ),
        );
      }
      const lowest = plan.inputs.at(-1) ?? [];
      deepEqual(disjoint(lowest), [...lowest]);
    }),
    { numRuns: 500 },
  );
});

function overlap(left: TableMeta, right: TableMeta): boolean {
  return left.smallestKey <= right.largestKey && right.smallestKey <= left.largestKey;
}

/** Returns those tables, in key order, that overlap none before them. */
function disjoint(tables: readonly TableMeta[]): TableMeta[] {
  const kept: TableMeta[] = [];
  const inOrder = [...tables].sort((left, right) => left.smallestKey < right.smallestKey ? -1 : 1);
  for (const meta of inOrder) if (!kept.some((other) => overlap(other, meta))) kept.push(meta);
  return kept;
}
