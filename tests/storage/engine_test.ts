import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import fc from "fast-check";
import { EntryKind, versionMax } from "../../storage/cursor.ts";
import type { EngineConfig } from "../../storage/engine_config.ts";
import { latin1Bytes, latin1Decode } from "../../storage/env/mod.ts";
import type { StorageError } from "../../storage/errors.ts";
import { BlockCache } from "../../storage/lsm/block_cache.ts";
import { treeOptions } from "../../storage/options.ts";
import { FaultPlan } from "../sim/disk_faults.ts";
import { DiskImage } from "../sim/disk_image.ts";
import { Scheduler } from "../sim/scheduler.ts";
import { SimClock } from "../sim/sim_clock.ts";
import { SimDisk } from "../sim/sim_disk.ts";
import {
  applyEntry,
  directory,
  drain,
  EngineModel,
  expectSame,
  memoryDisk,
  openEngine,
  textAt,
  tinyOptions,
} from "./engine_fixture.ts";

const keyArbitrary = fc.integer({ min: 0, max: 30 }).map((n) => `k${String(n).padStart(2, "0")}`);
const writeArbitrary = fc.record({
  key: keyArbitrary,
  value: fc.option(fc.string({ unit: "binary-ascii", maxLength: 200 }), { nil: undefined }),
});
const stepArbitrary = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.array(writeArbitrary, { minLength: 1, maxLength: 8 })
      .map((writes) => ({ kind: "apply" as const, writes })),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "hold" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "vacuum" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "flush" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "settle" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "cursor" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "reopen" as const }) },
);

Deno.test("Engine agrees with a sorted map over writes, snapshots, flushes, compactions and reopens", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepArbitrary, { minLength: 20, maxLength: 120 }), async (steps) => {
      const disk = memoryDisk();
      const model = new EngineModel();
      let engine = await openEngine({ disk });
      let held: number[] = [];
      let open: { cursor: ReturnType<typeof engine.cursor>; wanted: string[] }[] = [];
      const closeCursors = () => {
        for (const { cursor, wanted } of open) {
          equal(drain(cursor).join("\n"), wanted.join("\n"), "a cursor sees its snapshot");
        }
        open = [];
      };
      for (const step of steps) {
        const { lastVersion } = engine.applied;
        if (step.kind === "apply") {
          await engine.admission();
          model.write(applyEntry(engine, step.writes), step.writes);
        } else if (step.kind === "hold") {
          engine.hold({ version: lastVersion, kind: "test", owner: "test" });
          held.push(lastVersion);
        } else if (step.kind === "vacuum") {
          applyEntry(engine, [], Math.min(engine.oldestHeldVersion() ?? lastVersion, lastVersion));
        } else if (step.kind === "flush") {
          await engine.flush();
          equal(engine.durableIndex, engine.applied.index);
        } else if (step.kind === "settle") {
          for (let turn = 0; turn < 20; turn++) {
            await new Promise((resolve) => setImmediate(resolve));
          }
        } else if (step.kind === "cursor") {
          const range = { start: "k05", end: "k25", version: lastVersion };
          open.push({
            cursor: engine.cursor({ ...range, reverse: open.length % 2 === 1 }),
            wanted: open.length % 2 === 1
              ? model.range(range.start, range.end, lastVersion).reverse()
              : model.range(range.start, range.end, lastVersion),
          });
        } else {
          closeCursors();
          await engine.close();
          equal(disk.openFileCount, 0);
          engine = await openEngine({ disk });
          equal(engine.durableIndex, engine.applied.index);
          model.cutBack(engine.applied.lastVersion);
          held = held.filter((version) => version <= engine.applied.lastVersion);
        }
        const watermark = engine.applied.horizons.userVersion;
        for (const version of [engine.applied.lastVersion, ...held.slice(-2)]) {
          if (version >= watermark) expectSame(engine, model, version);
        }
      }
      closeCursors();
      deepEqual((await engine.check()).problems, []);
      await engine.close();
      equal(disk.openFileCount, 0);
    }),
    { numRuns: 60 },
  );
});

async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** An engine on a disk whose faults the test plans, in virtual time. */
async function simulated(options: Partial<EngineConfig> = {}) {
  const scheduler = new Scheduler();
  const clock = new SimClock(scheduler);
  const faults = new FaultPlan();
  const disk = new SimDisk(new DiskImage(), { clock, faults });
  disk.createDirectory("node");
  const fatal: unknown[] = [];
  const onFatal = (error: unknown) => void fatal.push(error);
  const engine = await scheduler.until(openEngine({ disk, clock, onFatal, ...options }));
  return { scheduler, disk, faults, fatal, engine };
}

const big = "x".repeat(700);

Deno.test("Engine.cursor() shows exactly its snapshot over writes, flushes, compactions and VACUUM", async () => {
  for (const reverse of [false, true]) {
    const disk = memoryDisk();
    const engine = await openEngine({ disk });
    const model = new EngineModel();
    const apply = (entry: number, watermark: number) => {
      const writes = [0, 1, 2].map((slot) => ({
        key: `k${(entry * 3 + slot) % 40}`,
        value: entry % 4 === 0 ? undefined : `${entry}`,
      }));
      model.write(applyEntry(engine, writes, watermark), writes);
    };
    for (let entry = 1; entry <= 40; entry++) apply(entry, 0);
    // As far ahead as can be: what comes later must not show all the same.
    const cursor = engine.cursor({ start: "", end: undefined, version: versionMax, reverse });
    const wanted = model.range("", undefined, 40);
    if (reverse) wanted.reverse();
    const seen: string[] = [];
    for (let entry = 41; cursor.isValid; entry++) {
      const value = latin1Decode(cursor.source, cursor.valueStart, cursor.valueEnd);
      seen.push(`${cursor.key}=${value}`);
      apply(entry, entry - 1);
      if (entry % 5 === 0) await engine.flush();
      await settled();
      cursor.next();
    }
    cursor.close();
    deepEqual(seen, wanted);
    ok(engine.statistics().compactionCount > 2);
    ok(engine.statistics().droppedCount > 0);
    await engine.close();
    equal(disk.openFileCount, 0);
  }
});

Deno.test("Engine.get() sees writes of the entry that is being applied; a cursor does too", async () => {
  const engine = await openEngine({ disk: memoryDisk() });
  applyEntry(engine, [{ key: "ka", value: "old" }]);
  engine.write("ka", 2, EntryKind.tombstone, new Uint8Array(0), 0, 0);
  engine.write("kb", 2, EntryKind.value, latin1Bytes("new"), 0, 3);
  equal(textAt(engine, "ka", 2), undefined);
  equal(textAt(engine, "ka", 1), "old");
  deepEqual(drain(engine.cursor({ start: "", end: undefined, version: 2 })), ["kb=new"]);
  applyEntry(engine, []);
  await engine.close();
});

Deno.test("Engine loses by a crash only what is above durableIndex", async () => {
  const disk = memoryDisk();
  const engine = await openEngine({ disk });
  for (let entry = 1; entry <= 5; entry++) applyEntry(engine, [{ key: "ka", value: `${entry}` }]);
  await engine.flush();
  applyEntry(engine, [{ key: "ka", value: "6" }]);
  equal(engine.durableIndex, 5);
  await engine.close();
  const again = await openEngine({ disk });
  equal(again.applied.index, 5);
  equal(latin1Decode(again.applied.machine, 0, 9), "machine 5");
  equal(textAt(again, "ka", versionMax), "5");
  applyEntry(again, [{ key: "ka", value: "6 again" }]);
  equal(textAt(again, "ka", versionMax), "6 again");
  await again.close();
});

Deno.test("Engine.flush() records a state that wrote nothing, and does nothing twice", async () => {
  const disk = memoryDisk();
  const engine = await openEngine({ disk });
  applyEntry(engine, []);
  await engine.flush();
  equal(engine.durableIndex, 1);
  await Promise.all([engine.flush(), engine.flush()]);
  equal(engine.statistics().flushCount, 0);
  applyEntry(engine, [{ key: "ka", value: "x" }]);
  await Promise.all([engine.flush(), engine.flush()]);
  equal(engine.statistics().flushCount, 1);
  await engine.close();
});

Deno.test("Engine refuses versions below the watermark, and knows who holds which", async () => {
  const engine = await openEngine({ disk: memoryDisk() });
  for (let entry = 1; entry <= 5; entry++) applyEntry(engine, [{ key: "ka", value: `${entry}` }]);
  const snapshot = engine.hold({ version: 3, kind: "cursor", owner: "test" });
  equal(engine.oldestHeldVersion(), 3);
  applyEntry(engine, [], 3);
  equal(textAt(engine, "ka", 3), "3");
  throws(() => engine.get("ka", 2), { code: "version_vacuumed" });
  throws(() => engine.cursor({ start: "", end: undefined, version: 2 }), {
    code: "version_vacuumed",
  });
  throws(() => engine.hold({ version: 2, kind: "cursor", owner: "test" }), {
    code: "version_vacuumed",
  });
  deepEqual(engine.statistics().holders.map(({ version, owner }) => [version, owner]), [[
    3,
    "test",
  ]]);
  snapshot.release();
  equal(engine.oldestHeldVersion(), undefined);
  await engine.close();
});

Deno.test("Engine refuses writes while the disk is full, keeps reading, and recovers by itself", async () => {
  const { scheduler, disk, engine, fatal } = await simulated();
  applyEntry(engine, [{ key: "ka", value: big }]);
  disk.capacityBytes = disk.usedBytes();
  await rejects(scheduler.until(engine.flush()), { code: "disk_full" });
  throws(() => engine.admission(), { code: "disk_full" });
  equal(engine.statistics().failure?.code, "disk_full");
  equal(textAt(engine, "ka", 1), big);
  await scheduler.run(30_000);
  throws(() => engine.admission(), { code: "disk_full" });
  disk.capacityBytes = Infinity;
  throws(() => engine.admission(), { code: "disk_full" }, "but it has the flush tried again");
  await scheduler.run(50);
  equal(engine.admission(), undefined);
  equal(engine.durableIndex, 1);
  equal(engine.statistics().failure, undefined);
  deepEqual(fatal, []);
  await scheduler.until(engine.close());
  equal(disk.openFileCount, 0);
});

Deno.test("Engine keeps what a failed flush could not write, and tries again", async () => {
  const { scheduler, faults, engine, fatal } = await simulated();
  applyEntry(engine, [{ key: "ka", value: big }]);
  faults.add({ kinds: ["create", "write"], times: 3 });
  await rejects(scheduler.until(engine.flush()), { code: "io" });
  equal(engine.admission(), undefined, "there is room for more");
  await scheduler.run(5_000);
  equal(engine.durableIndex, 1);
  equal(textAt(engine, "ka", 1), big);
  deepEqual(fatal, []);
  await scheduler.until(engine.close());
});

Deno.test("Engine refuses everything after a failed sync, and says so once", async () => {
  for (const kind of ["sync", "sync_directory"] as const) {
    const { scheduler, disk, faults, engine, fatal } = await simulated();
    applyEntry(engine, [{ key: "ka", value: big }]);
    faults.add({ kinds: [kind], times: 1 });
    await rejects(scheduler.until(engine.flush()), { code: "closed" });
    equal(fatal.length, 1);
    equal((fatal[0] as StorageError).code, "sync_failed");
    throws(() => engine.get("ka", 1), { code: "closed" });
    throws(() => engine.admission(), { code: "closed" });
    throws(() => applyEntry(engine, []), { code: "closed" });
    await rejects(engine.flush(), { code: "closed" });
    await scheduler.until(engine.close());
    equal(disk.openFileCount, 0);
  }
});

Deno.test("Engine.admission() stops writers until a flush has caught up", async () => {
  const options = treeOptions({ ...tinyOptions, frozenMemtableCountMax: 2 });
  const { scheduler, engine } = await simulated({ options });
  const write = () =>
    applyEntry(
      engine,
      Array.from({ length: 4 }, (_, slot) => ({
        key: `k${engine.applied.index}.${slot}`,
        value: big,
      })),
    );
  write();
  write();
  const admission = engine.admission();
  ok(admission !== undefined);
  await scheduler.until(admission);
  ok(engine.statistics().frozenMemtableCount < 2);
  equal(engine.statistics().stallCount, 1);
  await scheduler.until(engine.close());
});

Deno.test("Engine.admission() does not wait for what cannot get on", async () => {
  const options = treeOptions({ ...tinyOptions, frozenMemtableCountMax: 1 });
  const { scheduler, faults, engine } = await simulated({ options });
  faults.add({ kinds: ["create"], times: 1_000_000 });
  applyEntry(engine, Array.from({ length: 4 }, (_, slot) => ({ key: `k${slot}`, value: big })));
  const admission = engine.admission();
  ok(admission !== undefined);
  await rejects(scheduler.until(admission), { code: "io" });
  faults.clear();
  await scheduler.run(10_000);
  equal(engine.admission(), undefined);
  await scheduler.until(engine.close());
});

Deno.test("Engine.close() may be called twice, ends waiting flushes, and a cursor may outlive it", async () => {
  const disk = memoryDisk();
  const engine = await openEngine({ disk });
  applyEntry(engine, [{ key: "ka", value: big }]);
  await engine.flush();
  const cursor = engine.cursor({ start: "", end: undefined, version: 1 });
  applyEntry(engine, [{ key: "kb", value: big }]);
  const waiting = rejects(engine.flush(), { code: "closed" });
  await Promise.all([engine.close(), engine.close(), waiting]);
  equal(disk.openFileCount, 1);
  deepEqual(drain(cursor), [`ka=${big}`]);
  equal(disk.openFileCount, 0);
  throws(() => engine.get("ka", 1), { code: "closed" });
});

Deno.test("Engine.check() names a table that was damaged under it, and its reads never lie", async () => {
  const disk = memoryDisk();
  const engine = await openEngine({ disk, blockCache: new BlockCache(0) });
  applyEntry(engine, [{ key: "ka", value: big }]);
  await engine.flush();
  const [name] = disk.list(directory).map((entry) => entry.name).filter((one) => /sst$/.test(one));
  const file = disk.open(`${directory}/${name}`, "modify");
  file.writeSync(new Uint8Array([0xff]), 100);
  file.close();
  throws(() => engine.get("ka", 1), { code: "corruption" });
  throws(() => engine.cursor({ start: "", end: undefined, version: 1 }), { code: "corruption" });
  deepEqual((await engine.check()).problems.map((problem) => problem.file), [name]);
  await engine.close();
  equal(disk.openFileCount, 0);
});

Deno.test("Engine.statistics() counts memtables, levels and indexes", async () => {
  const engine = await openEngine({ disk: memoryDisk() });
  applyEntry(engine, [{ key: "ka", value: "1" }, { key: "kb", value: undefined }]);
  const before = engine.statistics();
  deepEqual([before.memtableEntryCount, before.appliedIndex, before.durableIndex], [2, 1, 0]);
  ok(before.memtableBytes > 0);
  await engine.flush();
  const behind = engine.statistics();
  deepEqual([behind.memtableEntryCount, behind.frozenMemtableBytes, behind.durableIndex], [
    0,
    0,
    1,
  ]);
  const [level0] = behind.levels;
  deepEqual([level0.tableCount, level0.entryCount, level0.tombstoneCount], [1, 2, 1]);
  equal(behind.flushedBytes, level0.sizeBytes);
  await engine.close();
});
