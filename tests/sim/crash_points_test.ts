import { ok } from "node:assert/strict";
import { crashEverywhere, referenceRun } from "./crash_points.ts";

// Each seed is one script; together they make the crash points that the suite wants.
const seeds = [1, 2, 3, 4, 5, 6];
const caseCountMin = 2_010;
const compoundCountMin = 210;

for (const seed of seeds) {
  Deno.test(`a crash at any change of the disk loses nothing acknowledged, seed ${seed}`, async () => {
    const run = await referenceRun({ seed, commandCount: 135 });
    const { flushCount, compactionCount, droppedCount, segmentCount, removedCount } = run.events;
    const reached = [flushCount, compactionCount, droppedCount, segmentCount, removedCount];
    ok(Math.min(...reached) >= 3, JSON.stringify(run.events));
    const counts = await crashEverywhere(run, { compoundEvery: 150 });
    ok(counts.caseCount > caseCountMin, `${counts.caseCount} crashes`);
    ok(counts.compoundCount > compoundCountMin, `${counts.compoundCount} crashes of a recovery`);
  });
}
