import { deepEqual, equal, rejects } from "node:assert/strict";
import type { CompactionJob } from "../../storage/compaction_executor.ts";
import { WorkerCompactionExecutor } from "../../storage/compaction_executor_worker.ts";
import { EntryKind } from "../../storage/cursor.ts";
import { DenoDisk } from "../../storage/env/mod.ts";
import { readTable, smallTableOptions, writeTable } from "./lsm/table_fixture.ts";
import { noHorizons } from "../../storage/mvcc/retention.ts";

const entries = Array.from({ length: 500 }, (_, index) => ({
  key: `k${String(index).padStart(6, "0")}`,
  version: 2 ** 50 + index,
  kind: EntryKind.value,
  value: `value \x00\xff ${index}`,
}));

/** Runs a test with a table in a real folder and an executor, which it closes. */
async function withJob(
  run: (setting: {
    executor: WorkerCompactionExecutor;
    job: CompactionJob;
    disk: DenoDisk;
    directory: string;
  }) => Promise<void>,
  entry?: URL,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "ankylo_compaction_" });
  const executor = new WorkerCompactionExecutor(entry === undefined ? {} : { entry });
  try {
    const disk = new DenoDisk();
    const meta = await writeTable(disk, entries, { directory, number: 1 });
    const job = {
      directory,
      inputs: [[meta]],
      outputLevel: 1,
      deeperRanges: [],
      horizons: noHorizons,
      firstTableNumber: 10,
      tableCountMax: 10,
      tableOptions: smallTableOptions,
      tableSizeBytesTarget: 4_096,
      splitKeys: [],
      ioBytesPerSecond: 0,
    };
    await run({ executor, job, disk, directory });
    equal(disk.openFileCount, 0);
  } finally {
    executor.close();
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("WorkerCompactionExecutor.run() merges files of a real folder in its thread", async () => {
  await withJob(async ({ executor, job, disk, directory }) => {
    const { outputs, droppedCount } = await executor.run(job);
    equal(droppedCount, 0);
    deepEqual(outputs.flatMap((meta) => readTable(disk, meta, directory)), entries);
    const again = await executor.run({ ...job, inputs: [outputs], firstTableNumber: 50 });
    deepEqual(again.outputs.flatMap((meta) => readTable(disk, meta, directory)), entries);
  });
});

Deno.test("WorkerCompactionExecutor.run() rejects with the code of the thread's error", async () => {
  await withJob(async ({ executor, job }) => {
    const [[meta]] = job.inputs;
    const missing = { ...job, inputs: [[{ ...meta, number: 77 }]] };
    await rejects(executor.run(missing), { name: "StorageError", code: "corruption" });
    await rejects(executor.run({ ...job, tableCountMax: 0 }), { name: "InvariantError" });
    equal((await executor.run(job)).outputs.length > 0, true);
  });
});

Deno.test("WorkerCompactionExecutor.close() rejects what runs and what waits with closed", async () => {
  await withJob(async ({ executor, job }) => {
    const running = rejects(executor.run(job), { code: "closed" });
    const waiting = rejects(executor.run(job), { code: "closed" });
    // The first job is at the thread once promises that wait for nothing have settled.
    await Promise.resolve();
    await Promise.resolve();
    executor.close();
    await Promise.all([running, waiting]);
    await rejects(executor.run(job), { code: "closed" });
  });
});

Deno.test("WorkerCompactionExecutor starts another thread where one has died", async () => {
  const source = `onmessage = (event) => {
    if (event.data.job.tableCountMax === 1) throw new Error("planned");
    postMessage({ ok: true, outcome: { outputs: [], droppedCount: 7, droppedBytes: 0, throttledMs: 0 } });
  };`;
  await withJob(async ({ executor, job }) => {
    for (let round = 0; round < 2; round++) {
      await rejects(executor.run({ ...job, tableCountMax: 1 }), {
        name: "StorageError",
        code: "io",
        message: /the compaction thread died: .*planned/,
      });
      equal((await executor.run(job)).droppedCount, 7);
    }
  }, new URL(`data:application/javascript,${encodeURIComponent(source)}`));
});

Deno.test("WorkerCompactionExecutor.lift() reaches a merge that waits for its limit", async () => {
  await withJob(async ({ executor, job, disk, directory }) => {
    // At a byte a second it would take hours.
    const slow = { ...job, ioBytesPerSecond: 1 };
    const running = executor.run(slow);
    await Promise.resolve();
    await Promise.resolve();
    executor.lift(slow);
    const { outputs } = await running;
    deepEqual(outputs.flatMap((meta) => readTable(disk, meta, directory)), entries);
  });
});

Deno.test("WorkerCompactionExecutor lets an urgent merge through a throttled one", async () => {
  await withJob(async ({ executor, job }) => {
    const slow = executor.run({ ...job, ioBytesPerSecond: 1 });
    const urgent = executor.run({ ...job, firstTableNumber: 50 });
    equal((await slow).throttledMs < 60_000, true);
    equal((await urgent).throttledMs, 0);
  });
});
