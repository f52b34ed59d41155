import { deepEqual, equal, rejects } from "node:assert/strict";
import type { CompactionJob, CompactionOutcome } from "../../storage/compaction_executor.ts";
import { CompactionQueue } from "../../storage/compaction_queue.ts";
import { treeOptionsDefault } from "../../storage/options.ts";
import { noHorizons } from "../../storage/mvcc/retention.ts";

const done: CompactionOutcome = { outputs: [], droppedCount: 0, droppedBytes: 0, throttledMs: 0 };

function jobOf(ioBytesPerSecond: number): CompactionJob {
  return {
    directory: "d",
    inputs: [],
    outputLevel: 1,
    deeperRanges: [],
    horizons: noHorizons,
    firstTableNumber: 1,
    tableCountMax: 1,
    tableOptions: treeOptionsDefault.table,
    tableSizeBytesTarget: 1,
    splitKeys: [],
    ioBytesPerSecond,
  };
}

/** A queue whose jobs end when a test says so; notes what happens to them. */
function queueOf() {
  const queue = new CompactionQueue();
  const events: string[] = [];
  const ends: PromiseWithResolvers<CompactionOutcome>[] = [];
  const run = (name: string, job: CompactionJob) =>
    queue.run(job, (isLifted) => {
      events.push(isLifted ? `${name} lifted` : name);
      const end = Promise.withResolvers<CompactionOutcome>();
      ends.push(end);
      return { outcome: end.promise, lift: () => events.push(`lift ${name}`) };
    });
  return { queue, events, ends, run };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

Deno.test("CompactionQueue.run() lifts a throttled job while an urgent one stands behind it", async () => {
  const { events, ends, run } = queueOf();
  const all = [run("slow", jobOf(1)), run("slow too", jobOf(1))];
  await turns();
  deepEqual(events, ["slow"]);
  all.push(run("urgent", jobOf(0)), run("slow again", jobOf(1)));
  deepEqual(events, ["slow", "lift slow"]);
  for (let index = 0; index < 4; index++) {
    await turns();
    equal(ends.length, index + 1, "one runs at a time");
    ends[index].resolve(done);
  }
  await Promise.all(all);
  deepEqual(events, ["slow", "lift slow", "slow too lifted", "urgent", "slow again"]);
});

Deno.test("CompactionQueue.lift() reaches a job that runs, and one that waits with that before it", async () => {
  const { queue, events, ends, run } = queueOf();
  const [first, second] = [jobOf(1), jobOf(1)];
  const all = [run("first", first), run("second", second)];
  await turns();
  queue.lift(second);
  deepEqual(events, ["first", "lift first"]);
  ends[0].resolve(done);
  await turns();
  deepEqual(events.slice(2), ["second lifted"]);
  ends[1].resolve(done);
  await Promise.all(all);
  queue.lift(first);
  equal(events.length, 3, "a job that is over is not lifted");
});

Deno.test("CompactionQueue goes on past a job that fails, or that fails to start", async () => {
  const { queue, ends, run } = queueOf();
  const thrown = rejects(
    queue.run(jobOf(0), () => {
      throw new Error("planned");
    }),
    /planned/,
  );
  const failed = rejects(run("failing", jobOf(0)), /planned too/);
  const last = run("last", jobOf(1));
  await turns();
  ends[0].reject(new Error("planned too"));
  await turns();
  ends[1].resolve(done);
  deepEqual(await last, done);
  await Promise.all([thrown, failed]);
});
