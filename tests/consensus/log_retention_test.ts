import { deepEqual, equal } from "node:assert/strict";
import { DiskError } from "../../storage/env/mod.ts";
import type { NodeLog } from "../../consensus/node_log.ts";
import { entryOf, FaultDisk, openLog, settle, smallLog, textsOf } from "./log_fixture.ts";

const hardState = { term: 1, vote: 1, commit: 0 };

async function fill(log: NodeLog, from: number, through: number): Promise<void> {
  for (let index = from; index <= through; index++) {
    await log.append([entryOf(index, "x".repeat(200))]);
  }
  await settle();
}

Deno.test("segments go once all of their entries are truncated, and not one sooner", async () => {
  const disk = new FaultDisk();
  const { log } = await openLog(disk);
  await fill(log, 1, 9);
  const countBefore = log.statistics().segmentCount;
  // Four entries of 200 bytes fill a segment.
  log.truncate(2, 3);
  await settle();
  equal(log.statistics().segmentCount, countBefore);
  log.truncate(2, 4);
  await settle();
  equal(log.statistics().segmentCount, countBefore - 1);
  equal(log.firstIndexOf(2), 5);
  await log.close();
  const again = await openLog(disk);
  deepEqual([again.log.firstIndexOf(2), textsOf(again.log).length], [5, 5]);
  await again.log.close();
});

Deno.test("the hard state of a group is written anew before its segment goes", async () => {
  const disk = new FaultDisk();
  const { log } = await openLog(disk);
  await log.append([{ kind: "hardState", groupId: 2, hardState }]);
  await log.append([{ kind: "hardState", groupId: 9, hardState: { ...hardState, commit: 7 } }]);
  await fill(log, 1, 9);
  log.truncate(2, 6);
  await settle();
  equal(disk.exists("log/0000000000000001.log"), false);
  await log.close();
  const again = await openLog(disk);
  // What was durable elsewhere was committed.
  deepEqual(again.log.hardStateOf(2), { ...hardState, commit: 6 });
  deepEqual(again.log.hardStateOf(9), { ...hardState, commit: 7 });
  await again.log.close();
});

Deno.test("the group that pins the oldest segment is asked to flush once the log is too large", async () => {
  const disk = new FaultDisk();
  const { log } = await openLog(disk, { ...smallLog, logSizeBytesMax: 4_096 });
  await log.append([entryOf(1, "idle", 3)]);
  let askCount = 0;
  log.onPinned(3, async () => {
    askCount++;
    await settle();
    log.truncate(3, 1);
  });
  await fill(log, 1, 9);
  log.truncate(2, 9);
  await settle();
  deepEqual([askCount, disk.exists("log/0000000000000001.log")], [0, true]);
  await fill(log, 10, 15);
  log.truncate(2, 15);
  await settle();
  deepEqual([askCount, disk.exists("log/0000000000000001.log")], [1, false]);
  equal(log.statistics().sizeBytes <= 4_096, true);
  await log.close();
});

Deno.test("a pinning group that cannot flush is asked again later", async () => {
  const { log } = await openLog(new FaultDisk(), { ...smallLog, logSizeBytesMax: 2_048 });
  await log.append([entryOf(1, "idle", 3)]);
  let askCount = 0;
  log.onPinned(3, () => {
    askCount++;
    return Promise.reject(new DiskError("disk_full", "Cannot flush"));
  });
  await fill(log, 1, 9);
  const askedBefore = askCount;
  equal(askedBefore > 0, true);
  await fill(log, 10, 18);
  equal(askCount > askedBefore, true);
  await log.close();
});

Deno.test("a failed sync of the folder after a removal is fatal", async () => {
  const disk = new FaultDisk();
  const { log, fatal } = await openLog(disk);
  await fill(log, 1, 9);
  disk.onSync = (path) => {
    if (path === "log") throw new DiskError("io", "Cannot sync: EIO");
  };
  log.truncate(2, 9);
  await settle();
  equal(fatal.length, 1);
  await log.close();
});
