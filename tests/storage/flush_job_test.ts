import { deepEqual, equal, rejects } from "node:assert/strict";
import { appliedNothing } from "../../storage/applied_state.ts";
import { EntryKind } from "../../storage/cursor.ts";
import { newCounters } from "../../storage/engine_statistics.ts";
import { DiskError, silentLogger, SystemClock } from "../../storage/env/mod.ts";
import { flushOnce } from "../../storage/flush_job.ts";
import { BlockCache } from "../../storage/lsm/block_cache.ts";
import { MemoryBudget } from "../../storage/memory_budget.ts";
import { Memtables } from "../../storage/memtables.ts";
import { recoverTree } from "../../storage/recovery.ts";
import { directory, memoryDisk, tinyOptions } from "./engine_fixture.ts";

async function setUp() {
  const disk = memoryDisk();
  const clock = new SystemClock();
  const blockCache = new BlockCache(0);
  const files = await recoverTree({ disk, directory, clock, logger: silentLogger, blockCache });
  const memtables = new Memtables({
    applied: files.applied,
    sizeBytesMax: 1_048_576,
    budget: new MemoryBudget(1_048_576),
    onFreeze: () => {},
  });
  const counters = newCounters();
  const options = tinyOptions;
  let flushedCount = 0;
  const setting = {
    disk,
    clock,
    options,
    files,
    counters,
    isStopping: () => false,
    onFlushed: () => flushedCount++,
  };
  const apply = (index: number, keys: readonly string[]) => {
    for (const key of keys) {
      memtables.write(key, index, EntryKind.value, new Uint8Array(1), 0, 1);
    }
    memtables.commit({ ...appliedNothing, index, term: 1, lastVersion: index });
    memtables.freeze();
  };
  return { disk, files, memtables, counters, setting, apply, flushedCount: () => flushedCount };
}

Deno.test("flushOnce() flushes the oldest first, with the state as of its freeze", async () => {
  const { files, memtables, counters, setting, apply, flushedCount } = await setUp();
  apply(1, ["ka", "kb"]);
  apply(2, ["kc"]);
  equal(await flushOnce(setting, memtables), true);
  equal(files.applied.index, 1);
  deepEqual(files.current.metas(0).map(({ largestKey }) => largestKey), ["kb"]);
  equal(await flushOnce(setting, memtables), true);
  equal(files.applied.index, 2);
  equal(await flushOnce(setting, memtables), false);
  equal(memtables.frozen.length, 0);
  equal(counters.flushCount, 2);
  equal(flushedCount(), 2);
  await files.finish();
});

Deno.test("flushOnce() records the state alone where nothing was written", async () => {
  const { files, memtables, counters, setting, apply } = await setUp();
  apply(1, []);
  equal(await flushOnce(setting, memtables), true);
  equal(files.applied.index, 1);
  equal(files.current.metas(0).length, 0);
  equal(counters.flushCount, 0);
  await files.finish();
});

Deno.test("flushOnce() that fails leaves the memtable, and no file", async () => {
  const { disk, files, memtables, setting, apply } = await setUp();
  apply(1, ["ka"]);
  const open = disk.open.bind(disk);
  disk.open = (path, mode) => {
    const file = open(path, mode);
    if (mode === "create") {
      file.writeSync = () => {
        throw new DiskError("disk_full", "planned");
      };
    }
    return file;
  };
  await rejects(flushOnce(setting, memtables), { name: "StorageError", code: "disk_full" });
  equal(memtables.frozen.length, 1);
  equal(files.applied.index, 0);
  equal(disk.list(directory).filter(({ name }) => name.endsWith(".sst")).length, 0);
  disk.open = open;
  equal(await flushOnce(setting, memtables), true);
  await files.finish();
  equal(disk.openFileCount, 0);
});
