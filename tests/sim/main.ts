/**
 * `deno task sim --seed N --minutes M`: seed after seed from N on, until the time is up or one fails.
 *
 * @module
 */
import { parseArgs } from "node:util";
import process from "node:process";
import { addCounts, noCounts } from "./judge.ts";
import { faultNames } from "./nemesis.ts";
import type { FaultTable } from "./nemesis.ts";
import { simulate } from "./simulate.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    minutes: { type: "string", default: "0" },
  },
});

async function main(): Promise<void> {
  const first = Number(values.seed);
  const endMs = performance.now() + Number(values.minutes) * 60_000;
  const faults: FaultTable = new Map(faultNames.map((name) => [name, 0]));
  const totals = { seedCount: 0, lifeCount: 0 };
  const counts = noCounts();
  let simulatedMs = 0;
  const startMs = performance.now();
  let seed = first;
  do {
    try {
      const report = await simulate(seed);
      for (const [name, count] of report.faults) faults.set(name, (faults.get(name) ?? 0) + count);
      totals.seedCount++;
      totals.lifeCount += report.lifeCount;
      addCounts(counts, report);
      simulatedMs += report.simulatedMs;
    } catch (error) {
      process.stdout.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.stdout.write(`Seed ${seed} failed. Again: deno task sim --seed ${seed}\n`);
      process.exitCode = 1;
      return;
    }
    seed++;
  } while (performance.now() < endMs);
  const wallMs = performance.now() - startMs;
  for (const [name, count] of faults) {
    process.stdout.write(`${String(count).padStart(8)} ${name}\n`);
  }
  for (const [name, count] of Object.entries({ ...totals, ...counts })) {
    process.stdout.write(`${String(count).padStart(8)} ${name}\n`);
  }
  process.stdout.write(
    `${Math.round(simulatedMs / 1_000)} s simulated in ${Math.round(wallMs / 1_000)} s\n`,
  );
}

await main();
