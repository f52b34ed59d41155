import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import type { Engine } from "../../storage/engine.ts";
import type { MemoryDisk } from "../../storage/env/mod.ts";
import { SystemClock } from "../../storage/env/mod.ts";
import { treeOptions } from "../../storage/options.ts";
import { applyEntry, directory, memoryDisk, openEngine, tinyOptions } from "./engine_fixture.ts";
import { countRule } from "./mvcc/rule_fixture.ts";

/** Tables stay where a flush puts them. */
const options = treeOptions({
  ...tinyOptions,
  memtableSizeBytesMax: 1_048_576,
  level0FileCountCompact: 20,
  level0FileCountSlow: 20,
  level0FileCountStop: 20,
  isAutovacuumOn: false,
});

/** Writes `key=value` or `key` for a tombstone, one entry each, at rising versions. */
function write(engine: Engine, text: string): void {
  for (const word of text.split(" ")) {
    const [key, value] = word.split("=");
    applyEntry(engine, [{ key, value }]);
  }
}

const none = {
  liveCount: 0,
  liveBytes: 0,
  deadCount: 0,
  deadBytes: 0,
  heldCount: 0,
  heldBytes: 0,
};

Deno.test("Engine.vacuumReport() counts each entry where it is stored, as dead, held or live", async () => {
  const engine = await openEngine({ disk: memoryDisk(), options });
  write(engine, "ka/1=old ka/2=gone kb=one c1=x r1=y"); // versions 1 to 5
  await engine.flush();
  await engine.vacuum();
  write(engine, "ka/1=newer ka/2 kb=two c2=x"); // 6 to 9
  await engine.flush();
  write(engine, "ka/1=newest"); // 10
  applyEntry(engine, [], 7, { changeVersion: 4 });
  const report = await engine.vacuumReport();
  equal(report.version, 11);
  equal(report.horizons.userVersion, 7);
  deepEqual(report.memory, { ...none, liveCount: 1, liveBytes: "ka/1newest".length });
  const [level0, ...deeper] = report.levels;
  deepEqual(level0, {
    level: 0,
    tableCount: 2,
    // kb=two, c2=x; r1=y is below, in the same level.
    liveCount: 3,
    liveBytes: "kbtwo".length + "c2x".length + "r1y".length,
    // The tombstone of ka/2 with what it hides, ka/1=old behind 6, c1 at its own horizon.
    deadCount: 4,
    deadBytes: "ka/2".length + "ka/2gone".length + "ka/1old".length + "c1x".length,
    // ka/1=newer is what a reader at 7 sees; kb=one what one at 7 sees.
    heldCount: 2,
    heldBytes: "ka/1newer".length + "kbone".length,
  });
  ok(deeper.every(({ tableCount, liveCount }) => tableCount === 0 && liveCount === 0));
  deepEqual(report.prefixes, [
    {
      prefix: "",
      ...none,
      liveCount: 1,
      liveBytes: "kbtwo".length,
      heldCount: 1,
      heldBytes: "kbone".length,
    },
    {
      prefix: "a/",
      ...none,
      liveCount: 1,
      liveBytes: "ka/1newest".length,
      deadCount: 3,
      deadBytes: "ka/2ka/2goneka/1old".length,
      heldCount: 1,
      heldBytes: "ka/1newer".length,
    },
  ]);
  equal(report.totals.liveCount, 4);
  equal(report.totals.deadCount, 4);
  const bytes = engine.statistics().levels[0].sizeBytes;
  equal(report.sizeBytes, bytes);
  equal(report.bloat, bytes / level0.liveBytes);
  ok(report.folderBytes > bytes);
  await engine.close();
});

Deno.test("Engine.vacuumReport() goes by what a rule counts", async () => {
  const engine = await openEngine({ disk: memoryDisk(), options });
  write(engine, "ka=1 ka=2 ka=3 ka=4 kb=1 kb=2 kb=3");
  applyEntry(engine, [], 8, { rules: [countRule("ka", 8, 3)] });
  const { prefixes, totals } = await engine.vacuumReport();
  equal(prefixes[0].deadCount, 1 + 2);
  equal(totals.heldCount, 2);
  const only = await engine.vacuumReport({ start: "ka", end: "kb" });
  deepEqual([only.totals.liveCount, only.totals.heldCount, only.totals.deadCount], [1, 2, 1]);
  await engine.close();
});

Deno.test("Engine.vacuumReport() tells a hundred prefixes apart, and those without one", async () => {
  const engine = await openEngine({ disk: memoryDisk(), options });
  for (let index = 0; index < 130; index++) {
    write(
      engine,
      `kp${String(index).padStart(3, "0")}/x=1 kp${String(index).padStart(3, "0")}/y=1`,
    );
  }
  write(engine, "kz=1");
  const { prefixes } = await engine.vacuumReport();
  equal(prefixes.length, 102);
  equal(prefixes.find(({ prefix }) => prefix === "p099/")?.liveCount, 2);
  equal(prefixes.find(({ prefix }) => prefix === "…other")?.liveCount, 60);
  equal(prefixes.find(({ prefix }) => prefix === "")?.liveCount, 1);
  await engine.close();
});

/** Says that every look at it is three milliseconds behind the last. */
class SlowClock extends SystemClock {
  #nowMs = 0;
  onYield: () => void = () => {};

  override monotonicMs(): number {
    return this.#nowMs += 3;
  }

  override yield(): Promise<void> {
    this.onYield();
    return super.yield();
  }
}

async function large(): Promise<{ engine: Engine; clock: SlowClock; disk: MemoryDisk }> {
  const clock = new SlowClock();
  const disk = memoryDisk();
  const engine = await openEngine({ disk, options, clock });
  for (let key = 0; key < 4_000; key++) {
    write(engine, `k${String(key).padStart(4, "0")}=${key}`);
    if (key % 1_500 === 1_499) await engine.flush();
  }
  return { engine, clock, disk };
}

Deno.test("Engine.vacuumReport() gives way, and shows the tree as it was when it began", async () => {
  const { engine, clock } = await large();
  let yieldCount = 0;
  clock.onYield = () => {
    yieldCount++;
    if (yieldCount === 2) {
      // Behind and before where the walk stands, into the memtable that it walks.
      write(engine, "k0000=late k3999=late knew=late");
      applyEntry(engine, [], engine.applied.lastVersion);
    }
  };
  const seen: { doneBytes: number; totalBytes: number }[] = [];
  const report = await engine.vacuumReport({ onProgress: (progress) => seen.push(progress) });
  equal(report.totals.liveCount, 4_000);
  equal(report.totals.deadCount + report.totals.heldCount, 0);
  ok(yieldCount >= 10 && seen.length > 10);
  ok(seen.every(({ doneBytes, totalBytes }) => doneBytes <= totalBytes));
  equal(seen.at(-1)?.doneBytes, report.totals.liveBytes);
  clock.onYield = () => {};
  const again = await engine.vacuumReport();
  equal(again.totals.deadCount, 2);
  await engine.close();
});

Deno.test("Engine.vacuumReport() rejects where it is cancelled, and where the engine is closed", async () => {
  const { engine, clock, disk } = await large();
  await rejects(engine.vacuumReport({ isCancelled: () => true }), { code: "closed" });
  clock.onYield = () => void engine.close();
  await rejects(engine.vacuumReport(), { code: "closed" });
  await engine.close();
  equal(disk.openFileCount, 0);
});

Deno.test("Engine.vacuumReport() reads past damage nowhere", async () => {
  const { engine, disk } = await large();
  const name = disk.list(directory).find((entry) => entry.name.endsWith(".sst"))?.name;
  const file = disk.open(`${directory}/${name}`, "modify");
  file.writeSync(new Uint8Array([0xff, 0xff]), 5_000);
  file.close();
  await rejects(engine.vacuumReport(), { name: "StorageError", code: "corruption" });
  await engine.close();
  equal(disk.openFileCount, 0);
});
