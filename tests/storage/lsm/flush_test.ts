import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { EntryKind } from "../../../storage/cursor.ts";
import { latin1Bytes, MemoryDisk } from "../../../storage/env/mod.ts";
import type { Clock, Disk } from "../../../storage/env/mod.ts";
import { BlockCache } from "../../../storage/lsm/block_cache.ts";
import { flushMemtable } from "../../../storage/lsm/flush.ts";
import { Memtable } from "../../../storage/lsm/memtable.ts";
import { SstableReader } from "../../../storage/lsm/sstable_reader.ts";
import { treeOptionsDefault } from "../../../storage/options.ts";
import { FaultPlan } from "../../sim/disk_faults.ts";
import { DiskImage } from "../../sim/disk_image.ts";
import { Scheduler } from "../../sim/scheduler.ts";
import { SimClock } from "../../sim/sim_clock.ts";
import { SimDisk } from "../../sim/sim_disk.ts";

const path = "000001.sst";

function memtableOf(count: number): Memtable {
  const memtable = new Memtable();
  for (let index = 0; index < count; index++) {
    const bytes = latin1Bytes(`value ${index}`);
    const kind = index % 7 === 0 ? EntryKind.tombstone : EntryKind.value;
    memtable.put(`k${index % 600}`, index + 1, kind, bytes, 0, bytes.length);
  }
  return memtable;
}

/** A clock on which every look takes a millisecond, and that counts how often others may run. */
function slowClock(): { clock: Clock; yieldCount: () => number } {
  const clock = new SimClock(new Scheduler());
  let nowMs = 0;
  let count = 0;
  clock.monotonicMs = () => ++nowMs;
  clock.yield = () => {
    count++;
    return Promise.resolve();
  };
  return { clock, yieldCount: () => count };
}

function flush(memtable: Memtable, disk: Disk, options: { clock: Clock; isStopping?: boolean }) {
  return flushMemtable(memtable, {
    disk,
    clock: options.clock,
    path,
    tableNumber: 1,
    options: treeOptionsDefault.table,
    isStopping: () => options.isStopping ?? false,
  });
}

Deno.test("flushMemtable() writes every entry in order, and lets others run meanwhile", async () => {
  const disk = new MemoryDisk();
  const memtable = memtableOf(1_000);
  const { clock, yieldCount } = slowClock();
  const meta = await flush(memtable, disk, { clock });
  ok(yieldCount() >= 2, `${yieldCount()} pauses`);
  deepEqual([meta.entryCount, meta.shadowedCount], [1_000, 400]);
  const reader = SstableReader.open({ disk, path, meta, cache: new BlockCache(0) });
  const found = reader.cursor();
  const wanted = memtable.cursor();
  found.seekToFirst();
  for (wanted.seekToFirst(); wanted.isValid; wanted.next(), found.next()) {
    deepEqual([found.key, found.version, found.kind], [wanted.key, wanted.version, wanted.kind]);
  }
  equal(found.isValid, false);
  reader.close();
  equal(disk.openFileCount, 0);
});

Deno.test("flushMemtable() looks at the clock for each large value", async () => {
  const memtable = new Memtable();
  const value = new Uint8Array(100_000);
  for (let index = 0; index < 20; index++) {
    memtable.put(`k${index}`, index + 1, EntryKind.value, value, 0, value.length);
  }
  const { clock, yieldCount } = slowClock();
  await flush(memtable, new MemoryDisk(), { clock });
  ok(yieldCount() >= 10, `${yieldCount()} pauses`);
});

Deno.test("flushMemtable() leaves no file behind where it is stopped or the disk is full", async () => {
  const { clock } = slowClock();
  const disk = new MemoryDisk();
  await rejects(flush(memtableOf(1_000), disk, { clock, isStopping: true }), { code: "closed" });
  equal(disk.exists(path), false);
  equal(disk.openFileCount, 0);
  const faults = new FaultPlan([{ kinds: ["write"], code: "disk_full" }]);
  const full = new SimDisk(new DiskImage(), { faults });
  await rejects(flush(memtableOf(10), full, { clock }), { code: "disk_full" });
  equal(full.exists(path), false);
  equal(full.openFileCount, 0);
});

Deno.test("flushMemtable() reports a failed sync as such", async () => {
  const { clock } = slowClock();
  const faults = new FaultPlan([{ kinds: ["sync"] }]);
  const disk = new SimDisk(new DiskImage(), { faults });
  await rejects(flush(memtableOf(10), disk, { clock }), { code: "sync_failed" });
});
