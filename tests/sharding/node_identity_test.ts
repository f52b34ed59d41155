import { deepEqual, equal, throws } from "node:assert/strict";
import { openIdentity, readIdentity } from "../../sharding/node_identity.ts";
import { MemoryDisk, SeededRandom } from "../../storage/env/mod.ts";
import { StorageError } from "../../storage/mod.ts";

const directory = "/data";

function emptyDisk(): MemoryDisk {
  const disk = new MemoryDisk();
  disk.createDirectory(directory);
  return disk;
}

function open(disk: MemoryDisk, nodeName: string, events: string[] = []) {
  const logger = { log: (_level: string, event: string) => void events.push(event) };
  return openIdentity({ disk, random: new SeededRandom(7), logger, directory, nodeName });
}

function readBytes(disk: MemoryDisk): Uint8Array {
  const file = disk.open(`${directory}/NODE`, "read");
  const bytes = new Uint8Array(file.sizeBytes());
  file.readSync(bytes, 0);
  file.close();
  return bytes;
}

function writeBytes(disk: MemoryDisk, bytes: Uint8Array): void {
  const file = disk.open(`${directory}/NODE`, "create");
  file.writeSync(bytes, 0);
  file.close();
}

Deno.test("openIdentity() makes an identity once and finds it again", async () => {
  const disk = emptyDisk();
  const events: string[] = [];
  const made = await open(disk, "node1", events);
  equal(/^[0-9a-f]{32}$/.test(made.clusterId), true);
  deepEqual(await open(disk, "node1", events), made);
  deepEqual(events, ["node_created"]);
  deepEqual(disk.list(directory).map(({ name }) => name), ["NODE"]);
  equal(disk.openFileCount, 0);
});

Deno.test("openIdentity() lets a node take another name, and says so", async () => {
  const disk = emptyDisk();
  const events: string[] = [];
  const { clusterId } = await open(disk, "node1", events);
  deepEqual(await open(disk, "other", events), { clusterId, nodeName: "other" });
  deepEqual(readIdentity(disk, directory), { clusterId, nodeName: "other" });
  deepEqual(events, ["node_created", "node_renamed"]);
});

Deno.test("readIdentity() finds none in a new folder, and misses a lost one", () => {
  const disk = emptyDisk();
  equal(readIdentity(disk, directory), undefined);
  disk.createDirectory(`${directory}/log`);
  throws(() => readIdentity(disk, directory), { code: "corruption" });
});

Deno.test("readIdentity() refuses another format", async () => {
  const disk = emptyDisk();
  await open(disk, "node1");
  const text = new TextDecoder().decode(readBytes(disk)).replace('"format":1', '"format":2');
  writeBytes(disk, new TextEncoder().encode(text));
  throws(() => readIdentity(disk, directory), { code: "unsupported_format" });
});

Deno.test("readIdentity() detects every flipped bit and every cut, or finds it harmless", async () => {
  const disk = emptyDisk();
  const identity = await open(disk, "node1");
  const bytes = readBytes(disk);
  const refusesOrReads = (damaged: Uint8Array) => {
    writeBytes(disk, damaged);
    try {
      deepEqual(readIdentity(disk, directory), identity);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
    }
  };
  for (let at = 0; at < bytes.length; at++) {
    refusesOrReads(bytes.slice(0, at));
    for (let bit = 0; bit < 8; bit++) {
      const damaged = bytes.slice();
      damaged[at] ^= 1 << bit;
      refusesOrReads(damaged);
    }
  }
});
