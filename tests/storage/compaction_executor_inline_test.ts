import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import type { CompactionJob } from "../../storage/compaction_executor.ts";
import { InlineCompactionExecutor } from "../../storage/compaction_executor_inline.ts";
import { EntryKind } from "../../storage/cursor.ts";
import type { Clock } from "../../storage/env/mod.ts";
import { SystemClock } from "../../storage/env/mod.ts";
import { Scheduler } from "../sim/scheduler.ts";
import { SimClock } from "../sim/sim_clock.ts";
import { diskWith, readTable, smallTableOptions, writeTable } from "./lsm/table_fixture.ts";
import { noHorizons } from "../../storage/mvcc/retention.ts";

const entries = Array.from({ length: 10_000 }, (_, index) => ({
  key: `k${String(index).padStart(6, "0")}`,
  version: 1,
  kind: EntryKind.value,
  value: "v",
}));

class CountingClock extends SystemClock {
  yieldCount = 0;

  override yield(): Promise<void> {
    this.yieldCount++;
    return super.yield();
  }
}

async function setUp(clock: Clock) {
  const disk = diskWith("d");
  const meta = await writeTable(disk, entries, { directory: "d", number: 1 });
  const job = (firstTableNumber: number): CompactionJob => ({
    directory: "d",
    inputs: [[meta]],
    outputLevel: 1,
    deeperRanges: [],
    horizons: noHorizons,
    firstTableNumber,
    tableCountMax: 10,
    tableOptions: smallTableOptions,
    tableSizeBytesTarget: 1_000_000_000,
    splitKeys: [],
    ioBytesPerSecond: 0,
  });
  return { disk, job, executor: new InlineCompactionExecutor({ disk, clock }) };
}

Deno.test("InlineCompactionExecutor.run() merges and gives way while it does", async () => {
  const clock = new CountingClock();
  const { disk, job, executor } = await setUp(clock);
  const { outputs } = await executor.run(job(10));
  deepEqual(readTable(disk, outputs[0], "d"), entries);
  equal(clock.yieldCount, 3);
  executor.close();
});

Deno.test("InlineCompactionExecutor.run() takes one job after the other, past a failed one", async () => {
  const { disk, job, executor } = await setUp(new SystemClock());
  const order: number[] = [];
  const missing = { ...job(10), directory: "nowhere" };
  const first = rejects(executor.run(missing), { code: "corruption" }).then(() => order.push(1));
  const second = executor.run(job(20)).then(() => order.push(2));
  const third = executor.run(job(30)).then(() => order.push(3));
  await Promise.all([first, second, third]);
  deepEqual(order, [1, 2, 3]);
  equal(disk.openFileCount, 0);
  executor.close();
});

Deno.test("InlineCompactionExecutor.close() rejects what runs and what waits with closed", async () => {
  const { disk, job, executor } = await setUp(new SystemClock());
  const running = rejects(executor.run(job(10)), { code: "closed" });
  const waiting = rejects(executor.run(job(20)), { code: "closed" });
  executor.close();
  await Promise.all([running, waiting]);
  await rejects(executor.run(job(30)), { code: "closed" });
  equal(disk.openFileCount, 0);
});

Deno.test("InlineCompactionExecutor.run() keeps to the limit of a job, on the clock it was given", async () => {
  const scheduler = new Scheduler();
  const { job, executor } = await setUp(new SimClock(scheduler));
  const moved = 10_000 * 22;
  const running = executor.run({ ...job(10), ioBytesPerSecond: moved / 10 });
  const { outputs, throttledMs } = await scheduler.until(running);
  const [output] = outputs;
  // Ten seconds a time over the payload, read and written, in bytes of the file.
  const wanted = 2 * output.sizeBytes / (moved / 10) * 1_000;
  ok(Math.abs(throttledMs - wanted) < wanted / 20, `${throttledMs}, want ${wanted}`);
  equal(Math.round(scheduler.nowMs), Math.round(throttledMs));
});

Deno.test("InlineCompactionExecutor.lift() and close() end the pause of a throttled merge", async () => {
  const { disk, job, executor } = await setUp(new SystemClock());
  const slow = { ...job(10), ioBytesPerSecond: 1 };
  const lifted = executor.run(slow);
  await new Promise((resolve) => setImmediate(resolve));
  executor.lift(slow);
  equal((await lifted).outputs.length, 1);
  const closed = rejects(executor.run({ ...job(20), ioBytesPerSecond: 1 }), { code: "closed" });
  await new Promise((resolve) => setImmediate(resolve));
  executor.close();
  await closed;
  equal(disk.openFileCount, 0);
});
