import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import type { Engine } from "../../storage/engine.ts";
import { latin1Decode, SeededRandom, silentLogger, SystemClock } from "../../storage/env/mod.ts";
import type { Disk } from "../../storage/env/mod.ts";
import { StorageError } from "../../storage/errors.ts";
import { BlockCache } from "../../storage/lsm/block_cache.ts";
import { recoverTree, tableNumberOf } from "../../storage/recovery.ts";
import { crashed, damageName, damages, processKill } from "../sim/disk_damage.ts";
import { FaultPlan } from "../sim/disk_faults.ts";
import { Scheduler } from "../sim/scheduler.ts";
import { SimClock } from "../sim/sim_clock.ts";
import { DiskImage } from "../sim/disk_image.ts";
import { SimDisk } from "../sim/sim_disk.ts";
import {
  applyEntry,
  directory,
  EngineModel,
  expectSame,
  memoryDisk,
  openEngine,
} from "./engine_fixture.ts";

const entryCount = 45;

/** What a script had reached when it ended, one way or another. */
interface Reached {
  readonly model: EngineModel;
  durableIndex: number;
}

function writesOf(entry: number) {
  return [0, 1, 2].map((slot) => ({
    key: `k${String((entry * 7 + slot * 5) % 23).padStart(2, "0")}`,
    value: (entry + slot) % 6 === 0 ? undefined : `${entry}.${slot}`.padEnd(60, "x"),
  }));
}

/** Flushes, compacts and vacuums; ends early where the disk does. Versions are indexes. */
async function runScript(disk: Disk, clock: SimClock, reached: Reached): Promise<void> {
  let engine: Engine | undefined;
  try {
    engine = await openEngine({ disk, clock, onFatal() {} });
    while (engine.applied.index < entryCount) {
      const entry = engine.applied.index + 1;
      reached.model.write(entry, writesOf(entry));
      applyEntry(engine, writesOf(entry), Math.max(0, entry - 20));
      if (entry % 9 === 0) await engine.flush().catch((error) => ok(error instanceof StorageError));
      if (entry % 18 === 0) {
        await engine.vacuum().catch((error) => ok(error instanceof StorageError));
      }
      await clock.yield();
      reached.durableIndex = engine.durableIndex;
    }
  } catch {
    // The disk is gone, or the engine is: what counts is what is found afterwards.
  }
  await engine?.close().catch(() => {});
}

async function startedImage(): Promise<DiskImage> {
  const image = new DiskImage();
  const disk = new SimDisk(image);
  disk.createDirectory("node");
  await disk.syncDirectory("");
  return crashed(image, { damage: processKill, random: new SeededRandom(1) });
}

/** Opens what is left and compares it with the model as of the index that it claims. */
async function expectRecovered(image: DiskImage, reached: Reached, what: string): Promise<void> {
  const scheduler = new Scheduler();
  const clock = new SimClock(scheduler);
  const disk = new SimDisk(image, { clock });
  const engine = await scheduler.until(openEngine({ disk, clock }));
  const { index, machine } = engine.applied;
  ok(index >= reached.durableIndex, `${what}: durable ${reached.durableIndex}, found ${index}`);
  if (index > 0) equal(latin1Decode(machine, 0, machine.length), `machine ${index}`);
  expectSame(engine, reached.model, index);
  deepEqual((await scheduler.until(engine.check())).problems, [], what);
  await scheduler.until(engine.close());
  equal(disk.openFileCount, 0, what);
}

async function operationCountOf(): Promise<number> {
  const scheduler = new Scheduler();
  const clock = new SimClock(scheduler);
  const disk = new SimDisk(await startedImage(), { clock });
  const reached = { model: new EngineModel(), durableIndex: 0 };
  await scheduler.until(runScript(disk, clock, reached));
  ok(reached.durableIndex > entryCount / 2);
  return disk.operationCount;
}

Deno.test("recoverTree() finds what was durable after a power cut before any operation", async () => {
  const operationCount = await operationCountOf();
  ok(operationCount > 200, `the script does enough: ${operationCount} operations`);
  for (let point = 1; point <= operationCount; point++) {
    const scheduler = new Scheduler();
    const clock = new SimClock(scheduler);
    const disk: SimDisk = new SimDisk(await startedImage(), {
      clock,
      onOperation: ({ number }) => {
        if (number === point) disk.freeze();
      },
    });
    const reached = { model: new EngineModel(), durableIndex: 0 };
    await scheduler.until(Promise.race([runScript(disk, clock, reached), clock.sleep(60_000)]));
    for (const [slot, damage] of damages.entries()) {
      if ((point + slot) % 4 !== 0) continue;
      const image = crashed(disk.image, { damage, random: new SeededRandom(point) });
      await expectRecovered(image, reached, `power cut before ${point}, ${damageName(damage)}`);
    }
  }
});

Deno.test("recoverTree() finds what was durable after any operation has failed once", async () => {
  const operationCount = await operationCountOf();
  for (let point = 0; point < operationCount; point++) {
    const scheduler = new Scheduler();
    const clock = new SimClock(scheduler);
    const code = point % 2 === 0 ? "io" : "disk_full";
    const faults = new FaultPlan([{ skipCount: point, times: 1, code }]);
    const disk = new SimDisk(await startedImage(), { clock, faults });
    const reached = { model: new EngineModel(), durableIndex: 0 };
    await scheduler.until(runScript(disk, clock, reached));
    equal(disk.openFileCount, 0, `operation ${point} fails`);
    for (const damage of [processKill, damages[1]]) {
      const image = crashed(disk.image, { damage, random: new SeededRandom(point) });
      await expectRecovered(image, reached, `operation ${point} fails, ${damageName(damage)}`);
    }
  }
});

function treeConfig(disk: Disk) {
  const clock = new SystemClock();
  return { disk, directory, clock, logger: silentLogger, blockCache: new BlockCache(0) };
}

async function flushedDisk() {
  const disk = memoryDisk();
  const engine = await openEngine({ disk });
  applyEntry(engine, writesOf(1));
  await engine.flush();
  await engine.close();
  return disk;
}

Deno.test("recoverTree() removes what no manifest names, and leaves names it does not know", async () => {
  const disk = await flushedDisk();
  for (const name of ["000900.sst", "MANIFEST-000900", "CURRENT.tmp", "notes.txt"]) {
    disk.open(`${directory}/${name}`, "create").close();
  }
  const files = await recoverTree(treeConfig(disk));
  const names = disk.list(directory).map(({ name }) => name);
  deepEqual(names.filter((name) => name.startsWith("0")), ["000001.sst"]);
  deepEqual(names.filter((name) => name.startsWith("M")), ["MANIFEST-000901"]);
  ok(names.includes("notes.txt"));
  equal(files.reserveTableNumbers(1), 901, "the number of an orphan is not used again");
  files.close();
  equal(disk.openFileCount, 0);
});

Deno.test("recoverTree() refuses sstables without CURRENT, and a table that is missing", async () => {
  const headless = await flushedDisk();
  headless.remove(`${directory}/CURRENT`);
  await rejects(recoverTree(treeConfig(headless)), { code: "corruption" });
  const holed = await flushedDisk();
  holed.remove(`${directory}/000001.sst`);
  await rejects(recoverTree(treeConfig(holed)), { code: "corruption" });
  equal(holed.openFileCount, 0);
});

Deno.test("tableNumberOf() takes table names only", () => {
  equal(tableNumberOf("000012.sst"), 12);
  equal(tableNumberOf("12.sst"), undefined);
  equal(tableNumberOf("000012.sst.tmp"), undefined);
});
