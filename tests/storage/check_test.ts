import { deepEqual, equal, ok } from "node:assert/strict";
import { checkTree } from "../../storage/check.ts";
import { SystemClock } from "../../storage/env/mod.ts";
import type { Disk } from "../../storage/env/mod.ts";
import { applyEntry, directory, memoryDisk, openEngine } from "./engine_fixture.ts";

const clock = new SystemClock();

async function filledDisk() {
  const disk = memoryDisk();
  const engine = await openEngine({ disk });
  for (let entry = 0; entry < 80; entry++) {
    applyEntry(engine, [{ key: `k${entry % 50}`, value: `${entry}`.repeat(40) }]);
    if (entry % 20 === 19) await engine.flush();
  }
  await engine.close();
  return disk;
}

function tableNames(disk: Disk): string[] {
  return disk.list(directory).map(({ name }) => name).filter((name) => name.endsWith(".sst"));
}

Deno.test("checkTree() finds nothing wrong with a sound folder and has read all of it", async () => {
  const disk = await filledDisk();
  const steps: number[] = [];
  const report = await checkTree({
    disk,
    directory,
    clock,
    onProgress: ({ checkedBytes }) => steps.push(checkedBytes),
  });
  deepEqual(report.problems, []);
  let sizeBytes = 0;
  for (const name of tableNames(disk)) {
    const file = disk.open(`${directory}/${name}`, "read");
    sizeBytes += file.sizeBytes();
    file.close();
  }
  equal(report.checkedBytes, sizeBytes);
  equal(report.tableCount, tableNames(disk).length);
  equal(steps.at(-1), sizeBytes);
  equal(disk.openFileCount, 0);
});

Deno.test("checkTree() names each damaged file and goes on with the others", async () => {
  const disk = await filledDisk();
  const names = tableNames(disk);
  ok(names.length >= 2, `${names.length} tables`);
  for (const [slot, name] of names.slice(0, 2).entries()) {
    const file = disk.open(`${directory}/${name}`, "modify");
    if (slot === 0) file.truncate(file.sizeBytes() - 1);
    else {
      const byte = new Uint8Array(1);
      file.readSync(byte, 40);
      file.writeSync(new Uint8Array([byte[0] ^ 1]), 40);
    }
    file.close();
  }
  const report = await checkTree({ disk, directory, clock });
  deepEqual(report.problems.map(({ file }) => file).sort(), names.slice(0, 2));
  ok(report.problems.every(({ message }) => message.includes(directory)));
  equal(disk.openFileCount, 0);
});

Deno.test("checkTree() reports a missing or damaged CURRENT, and changes nothing", async () => {
  const disk = await filledDisk();
  const file = disk.open(`${directory}/CURRENT`, "modify");
  file.writeSync(new Uint8Array([0]), 3);
  file.close();
  const before = disk.list(directory);
  const damaged = await checkTree({ disk, directory, clock });
  deepEqual(damaged.problems.map((problem) => problem.file), ["CURRENT"]);
  deepEqual(disk.list(directory), before);
  disk.remove(`${directory}/CURRENT`);
  const missing = await checkTree({ disk, directory, clock });
  deepEqual(missing.problems.map((problem) => problem.file), ["CURRENT"]);
});
