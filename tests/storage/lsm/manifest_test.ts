import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { crc32 } from "node:zlib";
import { latin1Bytes, latin1Decode, MemoryDisk } from "../../../storage/env/mod.ts";
import { appliedNothing } from "../../../storage/applied_state.ts";
import type { Disk } from "../../../storage/env/mod.ts";
import { StorageError } from "../../../storage/errors.ts";
import { Manifest, readManifest } from "../../../storage/lsm/manifest.ts";
import type { VersionEdit } from "../../../storage/lsm/version_edit.ts";
import { FaultPlan } from "../../sim/disk_faults.ts";
import { DiskImage } from "../../sim/disk_image.ts";
import { SimDisk } from "../../sim/sim_disk.ts";

const directory = "tree";

function edit(nextTableNumber: number, isFull = false): VersionEdit {
  return { isFull, nextTableNumber, applied: undefined, pointers: [], removed: [], added: [] };
}

async function started(disk: Disk, sizeBytesMax?: number): Promise<Manifest> {
  disk.createDirectory(directory);
  const manifest = new Manifest({ disk, directory, lastNumber: 0, sizeBytesMax });
  await manifest.rewrite(edit(1, true));
  return manifest;
}

async function append(manifest: Manifest, nextTableNumber: number): Promise<void> {
  await manifest.append(edit(nextTableNumber), () => edit(nextTableNumber, true));
}

function nextTableNumberIn(disk: Disk): number | undefined {
  return readManifest({ disk, directory })?.fold.nextTableNumber;
}

function namesIn(disk: Disk): string[] {
  return disk.list(directory).map(({ name }) => name);
}

function bytesOf(disk: Disk, name: string): Uint8Array {
  const file = disk.open(`${directory}/${name}`, "read");
  const bytes = new Uint8Array(file.sizeBytes());
  file.readSync(bytes, 0);
  file.close();
  return bytes;
}

/** Hands each byte of a file, with one bit of it flipped, to `check`, and puts it back. */
function flipEach(disk: Disk, name: string, check: (position: number) => void): void {
  const file = disk.open(`${directory}/${name}`, "modify");
  const byte = new Uint8Array(1);
  for (let position = 0; position < file.sizeBytes(); position++) {
    file.readSync(byte, position);
    byte[0] ^= 1 << (position % 8);
    file.writeSync(byte, position);
    check(position);
    byte[0] ^= 1 << (position % 8);
    file.writeSync(byte, position);
  }
  file.close();
}

Deno.test("Manifest is read back as it was written, and a folder without CURRENT as none", async () => {
  const disk = new MemoryDisk();
  disk.createDirectory(directory);
  equal(readManifest({ disk, directory }), undefined);
  const manifest = await started(disk);
  for (const number of [4, 9, 12]) await append(manifest, number);
  equal(nextTableNumberIn(disk), 12);
  manifest.close();
  equal(disk.openFileCount, 0);
});

Deno.test("Manifest makes a new one past its limit and removes the old one", async () => {
  const disk = new MemoryDisk();
  const manifest = await started(disk, 400);
  for (let number = 2; number < 30; number++) {
    await append(manifest, number);
    equal(nextTableNumberIn(disk), number);
  }
  ok(manifest.number > 3);
  deepEqual(namesIn(disk), ["CURRENT", `MANIFEST-00000${manifest.number}`]);
  manifest.close();
});

Deno.test("Manifest writes what FORMAT.md shows, byte for byte", async () => {
  const document = Deno.readTextFileSync(new URL("../../../storage/FORMAT.md", import.meta.url));
  const example = document.split("<!-- manifest example:")[1].split("```")[1];
  const wanted = [...example.matchAll(/^ *\d+ {2}((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: {2,}|$)/gm)]
    .map(([, bytes]) => bytes).join(" ");
  const disk = new MemoryDisk();
  disk.createDirectory(directory);
  const manifest = new Manifest({ disk, directory, lastNumber: 0 });
  await manifest.rewrite({ ...edit(1, true), applied: appliedNothing });
  const applied = {
    index: 5,
    term: 2,
    lastVersion: 300,
    horizons: {
      ...appliedNothing.horizons,
      userVersion: 9,
      rules: [{
        prefix: "ka",
        retentionMicros: undefined,
        versionCount: 3,
        isRetired: false,
        version: 12,
        countedFrom: 9,
      }],
    },
    machine: new Uint8Array([0xab]),
  };
  await manifest.append({ ...edit(1), applied }, () => edit(1, true));
  manifest.close();
  equal(bytesOf(disk, "MANIFEST-000001").toHex(), wanted.replaceAll(" ", ""));
  const current = bytesOf(disk, "CURRENT");
  ok(document.includes(latin1Decode(current, 0, current.length - 1)));
});

Deno.test("readManifest() never takes a damaged byte for another state", async () => {
  const disk = new MemoryDisk();
  const manifest = await started(disk);
  for (const number of [4, 9]) await append(manifest, number);
  manifest.close();
  for (const name of ["CURRENT", "MANIFEST-000001"]) {
    flipEach(disk, name, (position) => {
      try {
        equal(nextTableNumberIn(disk), 9, `${name} flipped at ${position}`);
      } catch (error) {
        ok(error instanceof StorageError && error.code === "corruption", String(error));
      }
    });
  }
});

Deno.test("readManifest() refuses CURRENT that is cut, of another version, or names nothing", async () => {
  const text = (line: string) => {
    const checksum = crc32(line).toString(16).padStart(8, "0");
    return latin1Bytes(`${line} ${checksum}\n`);
  };
  const cases = [
    { bytes: latin1Bytes("ankylo-tree 2 MANI"), code: "corruption" },
    { bytes: new Uint8Array(0), code: "corruption" },
    { bytes: text("ankylo-tree 1 MANIFEST-000001"), code: "unsupported_format" },
    { bytes: text("ankylo-tree 3 MANIFEST-000001"), code: "unsupported_format" },
    { bytes: text("ankylo-tree 2 MANIFEST-000007"), code: "corruption" },
    { bytes: text("ankylo-tree 2 NOTES"), code: "corruption" },
  ];
  const disk = new MemoryDisk();
  (await started(disk)).close();
  for (const { bytes, code } of cases) {
    const file = disk.open(`${directory}/CURRENT`, "create");
    file.writeSync(bytes, 0);
    file.close();
    throws(() => readManifest({ disk, directory }), { code });
  }
});

Deno.test("Manifest takes a last edit that was cut off by a crash for not written", async () => {
  const disk = new MemoryDisk();
  const manifest = await started(disk);
  await append(manifest, 4);
  const file = disk.open(`${directory}/MANIFEST-000001`, "modify");
  const end = file.sizeBytes();
  file.writeSync(new Uint8Array(40).fill(0x5a), end);
  equal(nextTableNumberIn(disk), 4);
  file.close();
  manifest.close();
});

Deno.test("Manifest goes on in a new file after an append that failed, and says it is uncertain", async () => {
  const faults = new FaultPlan();
  const disk = new SimDisk(new DiskImage(), { faults });
  const manifest = await started(disk);
  faults.add({ kinds: ["write"], code: "disk_full" });
  await rejects(append(manifest, 5), { code: "disk_full" });
  equal(manifest.isUncertain, true);
  await append(manifest, 6);
  equal(manifest.isUncertain, false);
  equal(manifest.number, 2);
  equal(nextTableNumberIn(disk), 6);
  manifest.close();
  equal(disk.openFileCount, 0);
});

for (const kind of ["create", "write", "rename"] as const) {
  Deno.test(`Manifest.rewrite() leaves the old one in force where a ${kind} fails`, async () => {
    const faults = new FaultPlan();
    const disk = new SimDisk(new DiskImage(), { faults });
    const manifest = await started(disk);
    faults.add({ kinds: [kind] });
    await rejects(manifest.rewrite(edit(8, true)), { code: "io" });
    equal(nextTableNumberIn(disk), 1);
    await append(manifest, 9);
    equal(nextTableNumberIn(disk), 9);
    deepEqual(namesIn(disk).filter((name) => name.startsWith("MANIFEST")).length, 1);
    manifest.close();
  });
}

Deno.test("Manifest reports a failed sync as such", async () => {
  for (const kind of ["sync", "sync_directory"] as const) {
    const faults = new FaultPlan();
    const disk = new SimDisk(new DiskImage(), { faults });
    const manifest = await started(disk);
    faults.add({ kinds: [kind] });
    await rejects(manifest.rewrite(edit(8, true)), { code: "sync_failed" });
    manifest.close();
  }
});
