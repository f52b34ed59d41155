import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import type { CompactionJob } from "../../storage/compaction_executor.ts";
import { InlineCompactionExecutor } from "../../storage/compaction_executor_inline.ts";
import { SystemClock } from "../../storage/env/mod.ts";
import { StorageError } from "../../storage/errors.ts";
import { applyEntry, EngineModel, expectSame, memoryDisk, openEngine } from "./engine_fixture.ts";

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
