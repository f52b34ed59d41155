import { deepEqual, equal, rejects } from "node:assert/strict";
import { DiskError } from "../../storage/env/mod.ts";
import { copyOf, entryOf, FaultDisk, openLog, readAll, settle, textsOf } from "./log_fixture.ts";

const full = () => {
  throw new DiskError("disk_full", "Cannot write: full");
};

async function textsAfterCrash(disk: FaultDisk): Promise<string[]> {
  const { log } = await openLog(copyOf(disk, "log"));
  const texts = textsOf(log);
  await log.close();
  return texts;
}

Deno.test("appends of any group that come while a sync runs share the next one", async () => {
  const disk = new FaultDisk();
  const { log } = await openLog(disk);
  const gate = Promise.withResolvers<void>();
  const syncsBefore = disk.syncCount;
  disk.onSync = () => gate.promise;
  const done: string[] = [];
  const append = (index: number, groupId: number) =>
    log.append([entryOf(index, "x", groupId)]).then(() => done.push(`${groupId}:${index}`));
  const all = [append(1, 2), append(2, 2), append(1, 3), append(1, 4)];
  await settle();
  deepEqual(done, []);
  disk.onSync = () => {};
  gate.resolve();
  await Promise.all(all);
  equal(disk.syncCount, syncsBefore + 2);
  deepEqual(done, ["2:1", "2:2", "3:1", "4:1"]);
  await log.close();
});

Deno.test("append() resolves only once the sync that began after its write has ended", async () => {
  const disk = new FaultDisk();
  const { log } = await openLog(disk);
  const gate = Promise.withResolvers<void>();
  disk.onSync = () => gate.promise;
  let isDurable = false;
  const appended = log.append([entryOf(1, "x")]).then(() => isDurable = true);
  await settle();
  deepEqual([isDurable, log.lastIndexOf(2)], [false, 0]);
  gate.resolve();
  await appended;
  equal(log.lastIndexOf(2), 1);
  await log.close();
});

Deno.test("a large frame is written off the thread, and comes back the same", async () => {
  const disk = new FaultDisk();
  const { log } = await openLog(disk, { segmentSizeBytes: 4_096, directWriteSizeBytesMax: 100 });
  await Promise.all([log.append([entryOf(1, "x".repeat(2_000))]), log.append([entryOf(2, "y")])]);
  deepEqual(textsOf(log), ["1:" + "x".repeat(2_000), "2:y"]);
  await log.close();
});

Deno.test("a failed sync is the end: told once, nothing acknowledged after it", async () => {
  const disk = new FaultDisk();
  const { log, fatal } = await openLog(disk);
  await log.append([entryOf(1, "kept")]);
  disk.onSync = () => Promise.reject(new DiskError("io", "Cannot sync: EIO"));
  const failed = [log.append([entryOf(2, "lost")]), log.append([entryOf(3, "gathered")])];
  for (const each of failed) await rejects(each, { code: "outcome_unknown" });
  disk.onSync = () => {};
  const syncsBefore = disk.syncCount;
  await rejects(log.append([entryOf(2, "after")]), { code: "stopped" });
  await log.close();
  equal(fatal.length, 1);
  equal(disk.syncCount, syncsBefore);
});

for (const { name, size } of [{ name: "on the thread", size: 50 }, { name: "off it", size: 300 }]) {
  Deno.test(`a failed write ${name} is refused, never comes back, and room mends it`, async () => {
    const disk = new FaultDisk();
    const { log, fatal } = await openLog(disk, {
      segmentSizeBytes: 4_096,
      directWriteSizeBytesMax: 256,
    });
    await log.append([entryOf(1, "kept")]);
    let failures = 1;
    disk.onWrite = () => {
      if (failures-- > 0) full();
    };
    let syncedAt = disk.syncCount;
    await rejects(log.append([entryOf(2, "n".repeat(size))]), { code: "disk_full" });
    // The erasing is durable before anybody hears of it.
    equal(disk.syncCount, ++syncedAt);
    deepEqual(await textsAfterCrash(disk), ["1:kept"]);
    await log.append([entryOf(2, "second try")]);
    deepEqual(textsOf(log), ["1:kept", "2:second try"]);
    deepEqual(fatal, []);
    await log.close();
  });
}

Deno.test("a frame that can neither be written nor erased is fatal", async () => {
  const disk = new FaultDisk();
  const { log, fatal } = await openLog(disk);
  disk.onWrite = full;
  await rejects(log.append([entryOf(1, "x")]), { code: "outcome_unknown" });
  equal(fatal.length, 1);
  await log.close();
});

Deno.test("a full disk at rotation refuses, reads go on, and room mends it", async () => {
  const disk = new FaultDisk();
  const { log, clock, fatal } = await openLog(disk);
  disk.onWrite = (path) => {
    if (path.endsWith(".tmp")) full();
  };
  let index = 1;
  const text = "x".repeat(200);
  // Four entries of 200 bytes fill a segment.
  for (; index <= 4; index++) await log.append([entryOf(index, text)]);
  await rejects(log.append([entryOf(index, text)]), { code: "disk_full" });
  clock.advance(5_000);
  await rejects(log.append([entryOf(index, text)]), { code: "disk_full" });
  equal(textsOf(log).length, 4);
  let attemptCount = 0;
  disk.onWrite = (path) => {
    if (path.endsWith(".tmp")) attemptCount++;
  };
  await rejects(log.append([entryOf(index, text)]), { code: "disk_full" });
  equal(attemptCount, 0, "An attempt right behind one that failed takes the room that is left");
  clock.advance(200);
  await log.append([entryOf(index, text)]);
  equal(textsOf(log).length, 5);
  deepEqual(fatal, []);
  await log.close();
  const again = await openLog(disk);
  equal(textsOf(again.log).length, 5);
  await again.log.close();
});

Deno.test("a failed sync of a spare is fatal at once, for an append in flight too", async () => {
  const disk = new FaultDisk();
  const { log, fatal } = await openLog(disk);
  const gate = Promise.withResolvers<void>();
  disk.onSync = (path) => {
    if (path.endsWith(".tmp")) throw new DiskError("io", "Cannot sync: EIO");
    return gate.promise;
  };
  // More than half of the segment, so that the spare is begun.
  const half = log.append([entryOf(1, "x".repeat(500))]);
  const inFlight = rejects(log.append([entryOf(2, "x")]), { code: "outcome_unknown" });
  await settle();
  const nextGate = Promise.withResolvers<void>();
  const failing = disk.onSync;
  disk.onSync = (path) => path.endsWith(".tmp") ? failing(path) : nextGate.promise;
  gate.resolve();
  await half;
  await settle();
  equal(fatal.length, 1);
  nextGate.resolve();
  await inFlight;
  await rejects(log.append([entryOf(3, "x")]), { code: "stopped" });
  await log.close();
});

Deno.test("an idle log states its last sync by a mark of its own, once", async () => {
  const disk = new FaultDisk();
  const { log, clock } = await openLog(disk);
  await log.append([entryOf(1, "acknowledged")]);
  await settle();
  const path = "log/0000000000000001.log";
  const before = readAll(disk, path);
  clock.advance(60);
  clock.advance(60);
  const after = readAll(disk, path);
  const end = after.findLastIndex((byte) => byte !== 0);
  equal(end > before.findLastIndex((byte) => byte !== 0), true);
  equal(end < before.findLastIndex((byte) => byte !== 0) + 48, true);
  equal(clock.timerCount, 0);
  // Rot in the last entry is told from a torn write now.
  const copy = copyOf(disk, "log");
  const file = copy.open(path, "modify");
  file.writeSync(new Uint8Array([0]), 64 + 32 + 8);
  file.close();
  await rejects(openLog(copy), { code: "corruption" });
  deepEqual(await textsAfterCrash(disk), ["1:acknowledged"]);
  await log.append([entryOf(2, "behind the mark")]);
  deepEqual(await textsAfterCrash(disk), ["1:acknowledged", "2:behind the mark"]);
  await log.close();
  equal(clock.timerCount, 0);
});

Deno.test("a busy log writes no marks of its own", async () => {
  const disk = new FaultDisk();
  const { log, clock } = await openLog(disk);
  await log.append([entryOf(1, "x")]);
  await settle();
  clock.advance(30);
  await log.append([entryOf(2, "x")]);
  await settle();
  let writeCount = 0;
  disk.onWrite = () => {
    writeCount++;
  };
  clock.advance(30);
  deepEqual([writeCount, clock.timerCount], [0, 1]);
  clock.advance(60);
  deepEqual([writeCount, clock.timerCount], [1, 0]);
  await log.close();
});
