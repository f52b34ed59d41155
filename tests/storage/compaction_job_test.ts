import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import type { CompactionJob } from "../../storage/compaction_executor.ts";
import { InlineCompactionExecutor } from "../../storage/compaction_executor_inline.ts";
import { SystemClock } from "../../storage/env/mod.ts";
import { StorageError } from "../../storage/errors.ts";
import { DiskError } from "../../storage/env/mod.ts";
import { treeOptions } from "../../storage/options.ts";
import {
  applyEntry,
  EngineModel,
  expectSame,
  memoryDisk,
  openEngine,
  tinyOptions,
} from "./engine_fixture.ts";
import { countRule } from "./mvcc/rule_fixture.ts";

/** Notes the jobs, and fails them while `failure` is set. */
function watchedExecutor(disk: ReturnType<typeof memoryDisk>) {
  const inner = new InlineCompactionExecutor({ disk, clock: new SystemClock() });
  const jobs: CompactionJob[] = [];
  const control: { failure: StorageError | undefined } = { failure: undefined };
  const executor = {
    run(job: CompactionJob) {
      jobs.push(job);
      if (control.failure === undefined) return inner.run(job);
      disk.open(`${job.directory}/${String(job.firstTableNumber).padStart(6, "0")}.sst`, "create")
        .close();
      return Promise.reject(control.failure);
    },
    lift: (job: CompactionJob) => inner.lift(job),
    close: () => inner.close(),
  };
  return { executor, jobs, control };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

Deno.test("compactOnce() vacuums by the horizons of the last flush, not of the last commit", async () => {
  const disk = memoryDisk();
  const { executor, jobs } = watchedExecutor(disk);
  const engine = await openEngine({ disk, executor });
  for (let entry = 1; entry <= 4; entry++) {
    applyEntry(engine, [{ key: "ka", value: `${entry}` }], entry * 10);
    await engine.flush();
    // Known, and not durable: a crash would take it back.
    applyEntry(engine, [], entry * 10 + 5);
    await settled();
  }
  ok(jobs.length > 0);
  const durable = jobs.every((job) => job.horizons.userVersion % 10 === 0);
  ok(durable, JSON.stringify(jobs.map((job) => job.horizons)));
  await engine.close();
});

Deno.test("compactOnce() removes what a failed merge left, uses no number twice, and loses nothing", async () => {
  const disk = memoryDisk();
  const { executor, jobs, control } = watchedExecutor(disk);
  const engine = await openEngine({ disk, executor });
  const model = new EngineModel();
  control.failure = new StorageError("corruption", "planned");
  for (let entry = 1; entry <= 3; entry++) {
    const writes = [{ key: "ka", value: `${entry}` }, { key: `k${entry}`, value: "x" }];
    model.write(applyEntry(engine, writes), writes);
    await engine.flush();
    await settled();
  }
  equal(jobs.length, 1, "a halted lane does not try again");
  equal(disk.exists(`node/tree/${String(jobs[0].firstTableNumber).padStart(6, "0")}.sst`), false);
  equal(engine.statistics().failure?.code, "corruption");
  expectSame(engine, model, 3);
  await engine.close();
  control.failure = undefined;
  const again = await openEngine({ disk, executor });
  await settled();
  ok(jobs.length > 1);
  ok(jobs[1].firstTableNumber > jobs[0].firstTableNumber);
  expectSame(again, model, 3);
  equal(again.statistics().failure, undefined);
  await again.close();
  equal(disk.openFileCount, 0);
});

Deno.test("compactOnce() counts what it read, wrote and dropped", async () => {
  const disk = memoryDisk();
  const engine = await openEngine({ disk });
  for (let entry = 1; entry <= 6; entry++) {
    applyEntry(engine, [{ key: "ka", value: "x".repeat(50) }], entry);
    await engine.flush();
    await settled();
  }
  const statistics = engine.statistics();
  ok(statistics.compactionCount > 0 && statistics.droppedCount > 0);
  ok(statistics.droppedBytes >= statistics.droppedCount * 50);
  ok(statistics.compactionReadBytes > statistics.compactionWrittenBytes);
  equal(statistics.flushCount, 6);
  const entryCount = statistics.levels.reduce((total, level) => total + level.entryCount, 0);
  equal(entryCount, 6 - statistics.droppedCount);
  await engine.close();
  await rejects(engine.flush(), { code: "closed" });
  deepEqual(disk.openFileCount, 0);
});

/** Levels with room for all, so that nothing but VACUUM asks for a merge. */
const roomy = treeOptions({
  ...tinyOptions,
  memtableSizeBytesMax: 65_536,
  level0FileCountCompact: 10,
  level0FileCountSlow: 20,
  level0FileCountStop: 20,
  level1SizeBytesMax: 1_048_576,
  vacuumIoBytesPerSecond: 0,
});

Deno.test("Autovacuum merges a hot table for what the horizon has passed, and comes to rest", async () => {
  const engine = await openEngine({ disk: memoryDisk(), options: roomy });
  for (let round = 0; round < 10; round++) {
    for (const key of ["ka", "kb", "kc"]) applyEntry(engine, [{ key, value: "x".repeat(50) }]);
  }
  await engine.flush();
  await settled();
  equal(engine.statistics().compactionCount, 0);
  equal(engine.statistics().deadEntryCount, 27);
  equal(engine.statistics().reclaimableBytes, 0);
  ok(engine.reclaimableBytes({ ...engine.applied.horizons, userVersion: 15 }) > 500);
  // The table holds versions up to 30.
  applyEntry(engine, [{ key: "kd", value: "x" }], 15);
  await engine.flush();
  await settled();
  const statistics = engine.statistics();
  equal(statistics.vacuumCount, 1);
  // Of each key one version at or below the watermark stays: 3 + 15 + 1.
  equal(statistics.levels.reduce((total, level) => total + level.entryCount, 0), 19);
  equal(statistics.deadEntryCount, 15);
  equal(statistics.reclaimableBytes, 0);
  equal(statistics.isVacuuming, false);
  await engine.close();
});

Deno.test("Autovacuum does not merge again what a rule keeps", async () => {
  const engine = await openEngine({ disk: memoryDisk(), options: roomy });
  // One key with many versions among keys with three, as many as are kept.
  for (let round = 0; round < 3; round++) {
    for (let key = 0; key < 20; key++) applyEntry(engine, [{ key: `ka${key}`, value: "x" }]);
  }
  for (let round = 0; round < 90; round++) applyEntry(engine, [{ key: "ka", value: "x" }]);
  const rules = [countRule("ka", 150, 3)];
  applyEntry(engine, [], 150, { rules });
  await engine.flush();
  await settled();
  const { vacuumCount, droppedCount } = engine.statistics();
  equal(droppedCount, 87);
  ok(vacuumCount >= 1 && vacuumCount <= 2, String(vacuumCount));
  for (let round = 0; round < 5; round++) {
    applyEntry(engine, [{ key: `kz${round}`, value: "x" }], 150 + round);
    await engine.flush();
    await settled();
  }
  equal(engine.statistics().vacuumCount, vacuumCount);
  await engine.close();
});

Deno.test("Autovacuum without room is tried again after a flush, and no write is refused for it", async () => {
  const disk = memoryDisk();
  const engine = await openEngine({ disk, options: roomy });
  for (let round = 0; round < 10; round++) applyEntry(engine, [{ key: "ka", value: "x" }]);
  await engine.flush();
  const open = disk.open.bind(disk);
  let refusedCount = 0;
  disk.open = (path, mode) => {
    // The merge's result, not the flush's: that is the one table for ten versions of a key.
    if (mode === "create" && path.endsWith(".sst") && refusedCount === 0 && isFull) {
      refusedCount++;
      throw new DiskError("disk_full", "planned");
    }
    return open(path, mode);
  };
  let isFull = false;
  applyEntry(engine, [], 10);
  isFull = true;
  await engine.flush();
  await settled();
  equal(refusedCount, 1);
  equal(engine.statistics().failure, undefined);
  equal(engine.admission(), undefined);
  equal(engine.statistics().droppedCount, 0);
  applyEntry(engine, [], 11);
  await engine.flush();
  await settled();
  equal(engine.statistics().droppedCount, 9);
  await engine.close();
  equal(disk.openFileCount, 0);
});

Deno.test("Autovacuum takes out a table of records whose time is over without reading it", async () => {
  const engine = await openEngine({ disk: memoryDisk(), options: roomy });
  for (let index = 0; index < 9; index++) applyEntry(engine, [{ key: `c${index}`, value: "x" }]);
  await engine.flush();
  applyEntry(engine, [{ key: "ka", value: "x" }, { key: "ca", value: "x" }], 0, {
    changeVersion: 9,
  });
  await engine.flush();
  await settled();
  const { levels, droppedTableCount, droppedCount, droppedBytes, compactionReadBytes } = engine
    .statistics();
  deepEqual(
    [droppedTableCount, droppedCount, droppedBytes, compactionReadBytes],
    [1, 9, 9 * "c0x".length, 0],
  );
  equal(levels[0].entryCount, 2);
  await engine.close();
});

Deno.test("Autovacuum gives back what was overwritten in another level, once nobody can read it", async () => {
  const engine = await openEngine({ disk: memoryDisk(), options: roomy });
  const model = new EngineModel();
  for (let round = 0; round < 2; round++) {
    for (let key = 0; key < 40; key++) {
      const writes = [{ key: `k${key}`, value: `${round}`.repeat(30) }];
      model.write(applyEntry(engine, writes), writes);
    }
    await engine.flush();
    // The first round goes to level 1, past which the second one stays in level 0.
    if (round === 0) await engine.vacuum();
  }
  await settled();
  equal(engine.statistics().vacuumCount, 0);
  const version = applyEntry(engine, [], 80);
  await engine.flush();
  await settled();
  const { levels, vacuumCount } = engine.statistics();
  equal(levels.reduce((total, level) => total + level.entryCount, 0), 40);
  equal(vacuumCount, 1);
  expectSame(engine, model, version);
  await engine.close();
});
