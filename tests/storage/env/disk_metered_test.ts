import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { DiskError, type DiskFile, MemoryDisk, MeteredDisk } from "../../../storage/env/mod.ts";
import { diskSuite } from "../../suites/disk_suite.ts";
import { ManualClock } from "../../server/manual_clock.ts";

/** A metered disk that tells what is open below it, as the suite wants it. */
class CountedDisk extends MeteredDisk {
  readonly #below: MemoryDisk;

  constructor(below: MemoryDisk) {
    super(below, new ManualClock());
    this.#below = below;
  }

  get openFileCount(): number {
    return this.#below.openFileCount;
  }
}

diskSuite("MeteredDisk", () => {
  const disk = new CountedDisk(new MemoryDisk());
  disk.createDirectory("root");
  return { disk, root: "root", done() {} };
});

Deno.test("MeteredDisk counts bytes and calls as they were, and times syncs", async () => {
  const clock = new ManualClock();
  const below = new MemoryDisk();
  below.createDirectory("d");
  const disk = new MeteredDisk(slow(below, clock), clock);
  const file = disk.open("d/a", "create");
  file.writeSync(new Uint8Array(10), 0);
  await file.write(new Uint8Array(5), 10);
  equal(file.readSync(new Uint8Array(100), 3), 12);
  await file.sync();
  file.close();
  disk.rename("d/a", "d/b");
  disk.remove("d/b");
  const { syncDuration, ...counts } = disk.statistics();
  deepEqual(counts, {
    readCount: 1,
    readBytes: 12,
    writeCount: 2,
    writtenBytes: 15,
    openCount: 1,
    nameChangeCount: 2,
    failedCount: 0,
  });
  deepEqual([syncDuration.sumMs, syncDuration.longestMs], [40, 40]);
});

Deno.test("MeteredDisk counts what failed, a missing file not among it, and times no failed sync", async () => {
  const below = new MemoryDisk();
  const disk = new MeteredDisk(below, new ManualClock());
  throws(() => disk.open("none", "read"), DiskError);
  equal(disk.statistics().failedCount, 0);
  below.syncDirectory = () => Promise.reject(new DiskError("io", "Cannot sync: it broke"));
  await rejects(disk.syncDirectory("d"), /it broke/);
  const { failedCount, syncDuration } = disk.statistics();
  equal(failedCount, 1);
  equal(syncDuration.bucketCounts.every((count) => count === 0), true);
});

/** Returns the disk, whose syncs take 40 ms. */
function slow(disk: MemoryDisk, clock: ManualClock): MemoryDisk {
  const open = disk.open.bind(disk);
  disk.open = (path, mode) => {
    const file = open(path, mode);
    const sync: DiskFile["sync"] = file.sync.bind(file);
    file.sync = () => {
      clock.advance(40);
      return sync();
    };
    return file;
  };
  return disk;
}
