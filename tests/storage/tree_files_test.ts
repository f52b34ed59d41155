import { deepEqual, equal, rejects } from "node:assert/strict";
import { EntryKind } from "../../storage/cursor.ts";
import { silentLogger, SystemClock } from "../../storage/env/mod.ts";
import type { Disk } from "../../storage/env/mod.ts";
import { BlockCache } from "../../storage/lsm/block_cache.ts";
import { readManifest } from "../../storage/lsm/manifest.ts";
import { SstableWriter } from "../../storage/lsm/sstable_writer.ts";
import type { TableMeta } from "../../storage/lsm/table_meta.ts";
import { treeOptionsDefault } from "../../storage/options.ts";
import { recoverTree } from "../../storage/recovery.ts";
import type { TreeFiles } from "../../storage/tree_files.ts";
import { FaultPlan } from "../sim/disk_faults.ts";
import { DiskImage } from "../sim/disk_image.ts";
import { SimDisk } from "../sim/sim_disk.ts";
import { directory } from "./engine_fixture.ts";

async function opened() {
  const faults = new FaultPlan();
  const disk = new SimDisk(new DiskImage(), { faults, keepTrace: true });
  disk.createDirectory("node");
  const clock = new SystemClock();
  const config = { disk, directory, clock, logger: silentLogger, blockCache: new BlockCache(0) };
  return { disk, faults, clock, files: await recoverTree(config) };
}

async function writeTable(disk: Disk, files: TreeFiles): Promise<TableMeta> {
  const tableNumber = files.reserveTableNumbers(1);
  const path = files.pathOf(tableNumber);
  const writer = new SstableWriter({
    disk,
    path,
    tableNumber,
    options: treeOptionsDefault.table,
  });
  writer.add(`k${tableNumber}`, tableNumber, EntryKind.value, new Uint8Array(9), 0, 9);
  return await writer.finish();
}

function tablesOn(disk: Disk): string[] {
  return disk.list(directory).map(({ name }) => name).filter((name) => name.endsWith(".sst"));
}

Deno.test("TreeFiles.install() makes names durable before the edit, and removes files after it", async () => {
  const { disk, files } = await opened();
  const first = await writeTable(disk, files);
  await files.install({ added: [{ level: 0, meta: first }] });
  const second = await writeTable(disk, files);
  const start = disk.trace.length;
  await files.install({
    removed: [{ level: 0, number: first.number }],
    added: [{ level: 1, meta: second }],
  });
  const steps = disk.trace.slice(start).map((line) => line.replace(/^\d+ /, ""));
  const order = [
    `sync_directory ${directory}`,
    `write ${directory}/MANIFEST-000001`,
    `sync ${directory}/MANIFEST-000001`,
    `remove ${files.pathOf(first.number)}`,
  ].map((step) => steps.indexOf(step));
  deepEqual(order, order.toSorted((left, right) => left - right));
  equal(order.includes(-1), false);
  deepEqual(tablesOn(disk), ["000002.sst"]);
  await files.finish();
  equal(disk.openFileCount, 0);
});

Deno.test("TreeFiles keeps a file that is still read, and removes it afterwards", async () => {
  const { disk, files } = await opened();
  const meta = await writeTable(disk, files);
  await files.install({ added: [{ level: 0, meta }] });
  const held = files.current.hold();
  await files.install({ removed: [{ level: 0, number: meta.number }] });
  deepEqual(tablesOn(disk), ["000001.sst"]);
  held.release();
  deepEqual(tablesOn(disk), []);
  await files.finish();
});

Deno.test("TreeFiles opens and removes one file a turn, and finish() waits for the last", async () => {
  const { disk, clock, files } = await opened();
  const metas = [];
  for (let count = 0; count < 4; count++) metas.push(await writeTable(disk, files));
  const steps: string[] = [];
  clock.yield = () => {
    steps.push("yield");
    return new Promise((resolve) => setTimeout(resolve));
  };
  const note = (name: "open" | "remove") => {
    const call = disk[name].bind(disk) as (...given: unknown[]) => unknown;
    Object.assign(disk, {
      [name]: (path: string, ...rest: unknown[]) => {
        if (path.endsWith(".sst")) steps.push(name);
        return call(path, ...rest);
      },
    });
  };
  note("open");
  note("remove");
  await files.install({ added: metas.map((meta) => ({ level: 0, meta })) });
  deepEqual(steps.splice(0), ["open", "yield", "open", "yield", "open", "yield", "open"]);
  await files.install({ removed: metas.map(({ number }) => ({ level: 0, number })) });
  await files.finish();
  deepEqual(
    steps.filter((step, index) => step === "remove" && steps[index + 1] === "yield").length,
    4,
  );
  deepEqual(tablesOn(disk), []);
});

Deno.test("TreeFiles moves a table to another level without touching its file", async () => {
  const { disk, files } = await opened();
  const meta = await writeTable(disk, files);
  await files.install({ added: [{ level: 0, meta }] });
  const removed = [{ level: 0, number: meta.number }];
  await files.install({ removed, added: [{ level: 1, meta }] });
  deepEqual([files.current.metas(0).length, files.current.metas(1).length], [0, 1]);
  deepEqual(tablesOn(disk), ["000001.sst"]);
  await files.finish();
  equal(disk.openFileCount, 0);
});

Deno.test("TreeFiles keeps the files of an edit that may still come into force, until it cannot", async () => {
  const { disk, faults, files } = await opened();
  const first = await writeTable(disk, files);
  faults.add({ kinds: ["write"], path: /MANIFEST/ });
  await rejects(files.install({ added: [{ level: 0, meta: first }] }), { code: "io" });
  deepEqual(tablesOn(disk), ["000001.sst"]);
  equal(files.current.metas(0).length, 0);
  const second = await writeTable(disk, files);
  await files.install({ added: [{ level: 0, meta: second }] });
  deepEqual(tablesOn(disk), ["000002.sst"]);
  await files.finish();
});

Deno.test("TreeFiles installs nothing after a failed sync", async () => {
  const { disk, faults, files } = await opened();
  const meta = await writeTable(disk, files);
  faults.add({ kinds: ["sync_directory"] });
  const added = [{ level: 0, meta }];
  await rejects(files.install({ added }), { code: "sync_failed" });
  await rejects(files.install({ added }), { code: "closed" });
  deepEqual(readManifest({ disk, directory })?.fold.tables(), []);
  deepEqual(tablesOn(disk), ["000001.sst"]);
  await files.finish();
});

Deno.test("TreeFiles installs one change after the other", async () => {
  const { disk, files } = await opened();
  const metas = [await writeTable(disk, files), await writeTable(disk, files)];
  await Promise.all(metas.map((meta) => files.install({ added: [{ level: 0, meta }] })));
  deepEqual(files.current.metas(0).map(({ number }) => number), [2, 1]);
  deepEqual(readManifest({ disk, directory })?.fold.tables().length, 2);
  await files.finish();
});
