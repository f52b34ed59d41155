import { deepEqual, equal } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { addCounts, noCounts } from "./judge.ts";
import type { LifeCounts } from "./judge.ts";
import { faultNames } from "./nemesis.ts";
import { simulate } from "./simulate.ts";

const seedsPath = new URL("./seeds.txt", import.meta.url);
const failedSeeds = readFileSync(seedsPath, "utf8").split("\n")
  .map((line) => Number.parseInt(line, 10))
  .filter((seed) => !Number.isNaN(seed));

const seedCount = 120;
const seeds = [...Array.from({ length: seedCount }, (_, index) => index + 1), ...failedSeeds];

/** What all seeds together must have looked at: less would prove less than it says. */
const least: Partial<Record<keyof LifeCounts, number>> = {
  acknowledgedCount: 30_000,
  unknownCount: 50,
  refusedCount: 2_000,
  checkedReadCount: 20_000,
  timelyReadCount: 8_000,
  pastReadCount: 2_000,
  historyCount: 3_000,
  vacuumedCount: 2_000,
  watchEventCount: 50_000,
  resumeCount: 600,
  resetCount: 200,
  expiryCount: 2_000,
};

Deno.test(`one node keeps its word under faults by chance, ${seeds.length} seeds`, async () => {
  const faults = new Map<string, number>();
  const counts = noCounts();
  for (const seed of seeds) {
    try {
      const report = await simulate(seed);
      for (const [name, count] of report.faults) faults.set(name, (faults.get(name) ?? 0) + count);
      addCounts(counts, report);
    } catch (error) {
      throw new Error(`Seed ${seed} failed. Again: deno task sim --seed ${seed}`, { cause: error });
    }
  }
  const missing = Object.entries(least)
    .filter(([name, count]) => counts[name as keyof LifeCounts] < count);
  deepEqual(missing, [], JSON.stringify(counts));
  deepEqual(faultNames.filter((name) => !faults.has(name)), [], "every fault happened");
});

Deno.test("a seed repeats its run to the byte", async () => {
  for (const seed of [1, 2, 3]) {
    equal((await simulate(seed)).fingerprint, (await simulate(seed)).fingerprint);
  }
});
