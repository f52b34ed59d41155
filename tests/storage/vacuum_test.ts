import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import type { CompactionJob } from "../../storage/compaction_executor.ts";
import { InlineCompactionExecutor } from "../../storage/compaction_executor_inline.ts";
import type { Engine } from "../../storage/engine.ts";
import type { MemoryDisk } from "../../storage/env/mod.ts";
import { DiskError, SystemClock } from "../../storage/env/mod.ts";
import type { RetentionRule } from "../../storage/key_space.ts";
import { StorageError } from "../../storage/errors.ts";
import { treeOptions } from "../../storage/options.ts";
import type { VacuumProgress } from "../../storage/vacuum.ts";
import {
  applyEntry,
  EngineModel,
  expectSame,
  memoryDisk,
  openEngine,
  tinyOptions,
} from "./engine_fixture.ts";
import { countRule, timeRule } from "./mvcc/rule_fixture.ts";
import { indexKey } from "./retention_model.ts";

/** Nothing is merged but what is urgent or asked for. */
const options = treeOptions({
  ...tinyOptions,
  isAutovacuumOn: false,
  vacuumIoBytesPerSecond: 0,
});

/** Lets the lanes come to rest. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Writes every key a few times over, so that tables of several levels hold each. */
async function overwrite(
  engine: Engine,
  model: EngineModel,
  { roundCount, keyCount = 60 }: { roundCount: number; keyCount?: number },
): Promise<void> {
  for (let round = 0; round < roundCount; round++) {
    for (let key = 0; key < keyCount; key++) {
      const writes = [{ key: `k${String(key).padStart(3, "0")}`, value: `${round}`.repeat(40) }];
      model.write(applyEntry(engine, writes), writes);
      const pause = engine.admission();
      if (pause !== undefined) await pause;
    }
    await engine.flush();
  }
}

/** Moves the watermark to the last version, durably. */
async function release(engine: Engine): Promise<number> {
  applyEntry(engine, [], engine.applied.lastVersion);
  await engine.flush();
  await settled();
  return engine.applied.horizons.userVersion;
}

function tableBytes(engine: Engine): number {
  return engine.statistics().levels.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}

Deno.test("Engine.vacuum() leaves tables as large as those of the live data alone", async () => {
  const large = treeOptions({
    ...options,
    memtableSizeBytesMax: 65_536,
    level1SizeBytesMax: 65_536,
    tableSizeBytesTarget: 32_768,
    table: { ...tinyOptions.table, blockSizeBytes: 4_096, restartInterval: 16 },
  });
  const model = new EngineModel();
  const fresh = await openEngine({ disk: memoryDisk(), options: large });
  await overwrite(fresh, new EngineModel(), { roundCount: 1, keyCount: 999 });
  await settled();
  const engine = await openEngine({ disk: memoryDisk(), options: large });
  await overwrite(engine, model, { roundCount: 10, keyCount: 999 });
  const version = await release(engine);
  const outcome = await engine.vacuum();
  ok(outcome.droppedCount > 0 && outcome.readBytes > outcome.writtenBytes);
  const ratio = tableBytes(engine) / tableBytes(fresh);
  ok(ratio < 1.1, `${ratio}`);
  expectSame(engine, model, version);
  const statistics = engine.statistics();
  equal(statistics.deadEntryCount, 0);
  equal(statistics.reclaimableBytes, 0);
  equal(statistics.vacuumReadBytes, outcome.readBytes);
  equal(statistics.vacuumWrittenBytes, outcome.writtenBytes);
  await engine.close();
  await fresh.close();
});

Deno.test("Engine.vacuum() finds nothing to do after itself, in a tree opened anew too", async () => {
  const disk = memoryDisk();
  const engine = await openEngine({ disk, options });
  await overwrite(engine, new EngineModel(), { roundCount: 6 });
  await release(engine);
  const first = await engine.vacuum();
  ok(first.tableCount > 5);
  deepEqual(await engine.vacuum(), {
    readBytes: 0,
    writtenBytes: 0,
    droppedCount: 0,
    droppedBytes: 0,
    tableCount: 0,
    isCancelled: false,
  });
  await engine.close();
  const again = await openEngine({ disk, options });
  equal((await again.vacuum()).tableCount, 0);
  await again.close();
});

const dues = [3, 300].map((due) => indexKey(due, "kab"));
const keys = ["ka", "kab", "kabc", "kb", "kba", "kc", "kz", "c1", "c2", "r1", "r2", ...dues];
const drawnWrite = fc.record({
  key: fc.constantFrom(...keys),
  value: fc.option(fc.constantFrom("x", "y".repeat(90)), { nil: undefined }),
});
const drawnStep = fc.oneof(
  { weight: 8, arbitrary: fc.array(drawnWrite, { minLength: 1, maxLength: 6 }) },
  { weight: 2, arbitrary: fc.constant("flush" as const) },
);
const drawnRules = fc.record({
  counted: fc.integer({ min: 0, max: 3 }),
  isTimed: fc.boolean(),
  back: fc.integer({ min: 0, max: 12 }),
});

Deno.test("Engine.vacuum() leaves no entry that the horizons let go, and all else as it was", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(drawnStep, { minLength: 10, maxLength: 60 }),
      drawnRules,
      async (steps, { counted, isTimed, back }) => {
        const engine = await openEngine({ disk: memoryDisk(), options });
        for (const step of steps) {
          if (step === "flush") await engine.flush();
          else applyEntry(engine, step);
        }
        const { lastVersion } = engine.applied;
        const rules: RetentionRule[] = [];
        if (isTimed) rules.push(timeRule("ka", Math.max(0, lastVersion - back)));
        if (counted > 0) rules.push(countRule("kab", lastVersion, counted));
        const old = Math.floor(lastVersion / 2);
        const horizons = {
          rules,
          changeVersion: old,
          requestVersion: lastVersion,
          expiryVersion: 200,
        };
        applyEntry(engine, [], lastVersion, horizons);
        await engine.flush();
        await settled();
        const before = await engine.vacuumReport();
        const { droppedCount } = await engine.vacuum();
        const after = await engine.vacuumReport();
        equal(after.totals.deadCount, 0);
        equal(after.totals.liveCount, before.totals.liveCount);
        equal(after.totals.liveBytes, before.totals.liveBytes);
        equal(after.totals.heldCount, before.totals.heldCount);
        // A tombstone that had to go with what it hid counts twice where it was in two levels.
        equal(droppedCount, before.totals.deadCount);
        await engine.close();
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("Engine.vacuum() of a range leaves other tables alone", async () => {
  const engine = await openEngine({ disk: memoryDisk(), options });
  await overwrite(engine, new EngineModel(), { roundCount: 8 });
  await release(engine);
  await engine.vacuum({ start: "k010", end: "k020" });
  const inside = await engine.vacuumReport({ start: "k010", end: "k020" });
  equal(inside.totals.deadCount, 0);
  equal(inside.totals.liveCount, 10);
  const outside = await engine.vacuumReport({ start: "k040" });
  ok(outside.totals.deadCount > 0);
  await engine.close();
});

Deno.test("Engine.vacuum() tells how far it is, and ends with all done", async () => {
  const engine = await openEngine({ disk: memoryDisk(), options });
  await overwrite(engine, new EngineModel(), { roundCount: 6 });
  await release(engine);
  const seen: VacuumProgress[] = [];
  const { readBytes } = await engine.vacuum({ onProgress: (progress) => seen.push(progress) });
  ok(seen.length > 3);
  for (const [index, { doneBytes, totalBytes }] of seen.entries()) {
    ok(doneBytes <= totalBytes);
    if (index > 0) ok(doneBytes >= seen[index - 1].doneBytes);
  }
  deepEqual(seen.at(-1), { doneBytes: readBytes, totalBytes: readBytes });
  await engine.close();
});

Deno.test("Engine.vacuum() that is cancelled keeps what it did, and the next one does the rest", async () => {
  const engine = await openEngine({ disk: memoryDisk(), options });
  await overwrite(engine, new EngineModel(), { roundCount: 6 });
  await release(engine);
  let mergedCount = 0;
  const first = await engine.vacuum({
    onProgress: () => mergedCount++,
    isCancelled: () => mergedCount === 2,
  });
  equal(first.isCancelled, true);
  equal(engine.statistics().vacuumCount <= 2, true);
  const second = await engine.vacuum();
  equal(second.isCancelled, false);
  ok(second.tableCount > 0);
  equal((await engine.vacuumReport()).totals.deadCount, 0);
  await engine.close();
});

Deno.test("Engine.vacuum() by many at once: each has its turn, urgent merges and flushes go on", async () => {
  const engine = await openEngine({ disk: memoryDisk(), options });
  const model = new EngineModel();
  await overwrite(engine, model, { roundCount: 6 });
  await release(engine);
  const running = [engine.vacuum(), engine.vacuum({ start: "k030" }), engine.vacuum()];
  equal(engine.statistics().isVacuuming, true);
  await overwrite(engine, model, { roundCount: 4 });
  const outcomes = await Promise.all(running);
  ok(outcomes[0].droppedCount > 0);
  await settled();
  equal(engine.statistics().isVacuuming, false);
  ok(engine.statistics().levels[0].tableCount < options.level0FileCountCompact);
  const version = await release(engine);
  await engine.vacuum();
  expectSame(engine, model, version);
  equal((await engine.vacuumReport()).totals.deadCount, 0);
  await engine.close();
});

/** Refuses every new table while `isFull`. */
function fillable(disk: MemoryDisk): { isFull: boolean; refusedCount: number } {
  const control = { isFull: false, refusedCount: 0 };
  const open = disk.open.bind(disk);
  disk.open = (path, mode) => {
    if (control.isFull && mode === "create" && path.endsWith(".sst")) {
      control.refusedCount++;
      throw new DiskError("disk_full", `Cannot make ${path}: planned`);
    }
    return open(path, mode);
  };
  return control;
}

Deno.test("Engine.vacuum() on a full disk rejects, refuses no write for it, and can be taken up", async () => {
  const disk = memoryDisk();
  const control = fillable(disk);
  // Nothing is urgent: that would be refused room too, and writers with it.
  const roomy = treeOptions({ ...options, level1SizeBytesMax: 1_048_576 });
  const engine = await openEngine({ disk, options: roomy });
  const model = new EngineModel();
  await overwrite(engine, model, { roundCount: 6 });
  const version = await release(engine);
  control.isFull = true;
  await rejects(engine.vacuum(), { name: "StorageError", code: "disk_full" });
  ok(control.refusedCount > 0);
  equal(engine.admission(), undefined);
  equal(engine.statistics().failure, undefined);
  equal(engine.statistics().isVacuuming, false);
  control.isFull = false;
  await engine.vacuum();
  expectSame(engine, model, version);
  equal((await engine.vacuumReport()).totals.deadCount, 0);
  await engine.close();
  equal(disk.openFileCount, 0);
});

Deno.test("Engine.vacuum() rejects with closed where the engine is closed meanwhile", async () => {
  const disk = memoryDisk();
  const engine = await openEngine({ disk, options });
  const model = new EngineModel();
  await overwrite(engine, model, { roundCount: 6 });
  const version = await release(engine);
  // So slow that only making haste can end it.
  const running = rejects(engine.vacuum({ ioBytesPerSecond: 1 }), { code: "closed" });
  const waiting = rejects(engine.vacuum(), { code: "closed" });
  await settled();
  await engine.close();
  await Promise.all([running, waiting]);
  await rejects(engine.vacuum(), { code: "closed" });
  equal(disk.openFileCount, 0);
  const again = await openEngine({ disk, options });
  expectSame(again, model, version);
  await again.close();
});

Deno.test("A throttled vacuum makes haste where level 0 fills up or nobody wants it any more", async () => {
  for (const how of ["flush", "cancel"] as const) {
    const disk = memoryDisk();
    const inner = new InlineCompactionExecutor({ disk, clock: new SystemClock() });
    const lifted = new Set<CompactionJob>();
    const executor = {
      run: (job: CompactionJob) => inner.run(job),
      lift(job: CompactionJob) {
        lifted.add(job);
        inner.lift(job);
      },
      close: () => inner.close(),
    };
    const large = treeOptions({
      ...options,
      memtableSizeBytesMax: 65_536,
      level0FileCountCompact: 4,
    });
    const engine = await openEngine({ disk, executor, options: large });
    for (let round = 0; round < 2; round++) {
      applyEntry(engine, [{ key: "k", value: `${round}` }]);
      await engine.flush();
    }
    await release(engine);
    let isCancelled = false;
    const running = engine.vacuum({ ioBytesPerSecond: 1, isCancelled: () => isCancelled });
    await settled();
    equal(engine.statistics().isVacuuming, true);
    equal(lifted.size, 0);
    if (how === "cancel") isCancelled = true;
    else {
      for (let file = 0; file < large.level0FileCountCompact; file++) {
        applyEntry(engine, [{ key: "k", value: `${file}` }]);
        await engine.flush();
      }
    }
    equal((await running).isCancelled, how === "cancel");
    ok(lifted.size >= 1, how);
    await engine.close();
  }
});

Deno.test("Engine.vacuum() rejects where an urgent merge has halted the lane, whoever waits", async () => {
  const disk = memoryDisk();
  const inner = new InlineCompactionExecutor({ disk, clock: new SystemClock() });
  const control: { failure: StorageError | undefined } = { failure: undefined };
  const executor = {
    run: (job: CompactionJob) =>
      control.failure === undefined ? inner.run(job) : Promise.reject(control.failure),
    lift: (job: CompactionJob) => inner.lift(job),
    close: () => inner.close(),
  };
  const engine = await openEngine({ disk, executor, options });
  applyEntry(engine, [{ key: "ka", value: "1" }]);
  await engine.flush();
  control.failure = new StorageError("corruption", "planned");
  applyEntry(engine, [{ key: "ka", value: "2" }]);
  await engine.flush();
  // The merge of level 0 comes first, and fails while both wait.
  const both = [engine.vacuum(), engine.vacuum()];
  for (const one of both) await rejects(one, { code: "corruption", message: /vacuum: planned/ });
  await rejects(engine.vacuum(), { code: "corruption" });
  equal(engine.statistics().isVacuuming, false);
  await engine.close();
});

Deno.test("Engine.vacuum() needs room for a few tables at a time, not for the tree again", async () => {
  const disk = memoryDisk();
  const inner = new InlineCompactionExecutor({ disk, clock: new SystemClock() });
  const inputBytes: number[] = [];
  const executor = {
    run(job: CompactionJob) {
      const tables = job.inputs.flat();
      inputBytes.push(tables.reduce((total, { sizeBytes }) => total + sizeBytes, 0));
      return inner.run(job);
    },
    lift: (job: CompactionJob) => inner.lift(job),
    close: () => inner.close(),
  };
  const engine = await openEngine({ disk, executor, options });
  const model = new EngineModel();
  await overwrite(engine, model, { roundCount: 4, keyCount: 1_500 });
  const version = await release(engine);
  const before = tableBytes(engine);
  inputBytes.length = 0;
  await engine.vacuum();
  const largest = Math.max(...inputBytes);
  // Twenty tables and two at their ends are what a plan takes at most before it is cut up.
  ok(largest <= 24 * 1.5 * options.tableSizeBytesTarget, `${largest} of ${before}`);
  ok(inputBytes.length > 20 && largest < before / 5, `${largest} of ${before}`);
  expectSame(engine, model, version);
  equal((await engine.vacuumReport()).totals.deadCount, 0);
  await engine.close();
});
