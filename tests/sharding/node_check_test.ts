import { deepEqual, equal, rejects } from "node:assert/strict";
import { checkDataFolder } from "../../sharding/mod.ts";
import type { MemoryDisk } from "../../storage/env/mod.ts";
import { putText } from "./entry_building.ts";
import { dataDirectory, TestNode, tinyOptions } from "./test_node.ts";

async function filledNode(): Promise<TestNode> {
  const test = await TestNode.open(tinyOptions);
  for (let round = 0; round < 5; round++) {
    await Promise.all(
      Array.from(
        { length: 50 },
        (_, index) => test.commit(putText(`k${index}`, `${round} ${"x".repeat(40)}`)),
      ),
    );
    if (round === 2) await test.node.flush();
  }
  return test;
}

function filesOf(disk: MemoryDisk, directory: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const { name, isDirectory } of disk.list(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) {
      for (const [inner, bytes] of filesOf(disk, path)) files.set(inner, bytes);
    } else if (name !== "LOCK") {
      const file = disk.open(path, "read");
      const bytes = new Uint8Array(file.sizeBytes());
      file.readSync(bytes, 0);
      file.close();
      files.set(path, bytes);
    }
  }
  return files;
}

function flip(disk: MemoryDisk, path: string, position: number): void {
  const file = disk.open(path, "modify");
  const byte = new Uint8Array(1);
  file.readSync(byte, position);
  byte[0] ^= 0x10;
  file.writeSync(byte, position);
  file.close();
}

Deno.test("Node.check() reads log and tables of a running node and finds them sound", async () => {
  await using test = await filledNode();
  const report = await test.node.check();
  deepEqual(report.problems, []);
  equal(report.isSound, true);
  equal(report.logEntryCount > 0 && report.tableCount > 0, true);
  equal(report.tableCheckedBytes > 0 && report.logEntryBytes > 0, true);
});

Deno.test("checkDataFolder() finds a closed folder sound and changes no byte of it", async () => {
  const test = await filledNode();
  await test.node.close();
  const { disk, clock } = test;
  const before = filesOf(disk, dataDirectory);
  const report = await checkDataFolder({ disk, clock, dataDirectory });
  deepEqual(report.problems, []);
  equal(report.logEntryCount > 0 && report.tableCount > 0, true);
  deepEqual(filesOf(disk, dataDirectory), before);
  equal(disk.openFileCount, 0);
});

Deno.test("checkDataFolder() names the file of a flipped byte, of every kind of file", async () => {
  const test = await filledNode();
  await test.node.close();
  const { disk, clock } = test;
  const files = [...filesOf(disk, dataDirectory)];
  const kinds = [/NODE$/, /\.sst$/, /MANIFEST-\d+$/, /CURRENT$/, /\.log$/];
  for (const kind of kinds) {
    const [path, bytes] = files.find(([name]) => kind.test(name)) ?? ["", new Uint8Array(1)];
    const at = 40 % bytes.length;
    flip(disk, path, at);
    const report = await checkDataFolder({ disk, clock, dataDirectory });
    equal(report.isSound, false, `A flip in ${path} is found`);
    flip(disk, path, at);
  }
  equal((await checkDataFolder({ disk, clock, dataDirectory })).isSound, true);
});

Deno.test("checkDataFolder() refuses a folder that is open, and one that is not there", async () => {
  await using test = await filledNode();
  const { disk, clock } = test;
  await rejects(checkDataFolder({ disk, clock, dataDirectory }), { code: "io" });
  await rejects(checkDataFolder({ disk, clock, dataDirectory: "/no" }), { code: "not_found" });
});
