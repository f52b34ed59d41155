import { equal, ok } from "node:assert/strict";
import { treeOptions } from "../../storage/options.ts";
import type { StallState } from "../../storage/write_stall.ts";
import { writeStallMs } from "../../storage/write_stall.ts";

const options = treeOptions({
  level0FileCountCompact: 4,
  level0FileCountSlow: 8,
  level0FileCountStop: 12,
  frozenMemtableCountMax: 3,
  slowdownMsMax: 10,
});

function stallMs(given: Partial<StallState>): number {
  return writeStallMs({
    level0FileCount: 0,
    frozenMemtableCount: 0,
    memtableFillFraction: 0,
    budgetFraction: 0,
    isBudgetFlushing: false,
    ...given,
  }, options);
}

const cases: { name: string; state: Partial<StallState>; want: number }[] = [
  { name: "nothing while all is calm", state: {}, want: 0 },
  { name: "nothing just below the slow mark", state: { level0FileCount: 7 }, want: 0 },
  { name: "a stop at the stop mark", state: { level0FileCount: 12 }, want: Infinity },
  { name: "nothing with room for a memtable", state: { frozenMemtableCount: 1 }, want: 0 },
  { name: "a stop with too many frozen", state: { frozenMemtableCount: 3 }, want: Infinity },
  {
    name: "nothing for the last memtable while it is half empty",
    state: { frozenMemtableCount: 2, memtableFillFraction: 0.5 },
    want: 0,
  },
  {
    name: "the longest pause for the last memtable when it is full",
    state: { frozenMemtableCount: 2, memtableFillFraction: 1.2 },
    want: 10,
  },
  {
    name: "nothing for a budget that no flush relieves",
    state: { budgetFraction: 3 },
    want: 0,
  },
  {
    name: "a stop at twice the budget",
    state: { budgetFraction: 2, isBudgetFlushing: true },
    want: Infinity,
  },
];
for (const { name, state, want } of cases) {
  Deno.test(`writeStallMs() asks for ${name}`, () => equal(stallMs(state), want));
}

Deno.test("writeStallMs() slows before it stops, and the more the nearer", () => {
  const pauses = [8, 9, 10, 11].map((level0FileCount) => stallMs({ level0FileCount }));
  for (const [slot, pause] of pauses.entries()) {
    ok(pause > 0 && pause <= 10, `${pause} ms`);
    if (slot > 0) ok(pause > pauses[slot - 1]);
  }
  const budget = [1.3, 1.6, 1.9]
    .map((budgetFraction) => stallMs({ budgetFraction, isBudgetFlushing: true }));
  ok(budget[0] > 0 && budget[0] < budget[1] && budget[1] < budget[2]);
});
