import { ok } from "node:assert/strict";
import { runFull } from "./disk_full.ts";

Deno.test("a disk that is full refuses writes, answers reads, and goes on when freed", async () => {
  const seed = 21;
  const { usedBytes } = await runFull({ seed, capacityBytes: Infinity });
  let refusedRunCount = 0;
  let fullVacuumCount = 0;
  for (let capacityBytes = 0; capacityBytes < usedBytes; capacityBytes += 700) {
    const { refusedCount, isVacuumed } = await runFull({ seed, capacityBytes });
    if (refusedCount > 0) refusedRunCount++;
    if (!isVacuumed) fullVacuumCount++;
  }
  ok(fullVacuumCount > 5, `${fullVacuumCount} times VACUUM met the end of the disk`);
  ok(refusedRunCount > 5, `${refusedRunCount} runs met the end of the disk`);
});
