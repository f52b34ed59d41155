import { ok } from "node:assert/strict";
import { crashEverywhere, referenceRun } from "./crash_points.ts";

// Each seed is one script; together they make the crash points that the suite wants.
const seeds = [1, 3, 6, 8];
const caseCountMin = 2_800;
const compoundCountMin = 300;

for (const seed of seeds) {
  Deno.test(`a crash at any change of the disk loses nothing acknowledged, seed ${seed}`, async () => {
    const run = await referenceRun({ seed, commandCount: 100 });
    ok(Math.min(...Object.values(run.events)) >= 3, JSON.stringify(run.events));
    const counts = await crashEverywhere(run, { compoundEvery: 150 });
    ok(counts.caseCount > caseCountMin, `${counts.caseCount} crashes`);
    ok(counts.compoundCount > compoundCountMin, `${counts.compoundCount} crashes of a recovery`);
  });
}
