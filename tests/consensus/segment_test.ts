import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { DiskError } from "../../storage/env/mod.ts";
import { StorageError } from "../../storage/log/mod.ts";
import {
  createSegment,
  openSegment,
  segmentHeaderSizeBytes,
  segmentName,
  segmentNumberOf,
} from "../../consensus/segment.ts";
import { copyOf, FaultDisk, readAll, writeAll } from "./log_fixture.ts";

const options = { directory: "log", number: 255, sizeBytes: 4_096 };
const path = "log/00000000000000ff.log";

async function made(): Promise<FaultDisk> {
  const disk = new FaultDisk();
  disk.createDirectory("log");
  (await createSegment(disk, options)).file.close();
  return disk;
}

Deno.test("segmentName() and segmentNumberOf() are each other's inverse", () => {
  equal(segmentName(255), "00000000000000ff.log");
  equal(segmentNumberOf("00000000000000ff.log"), 255);
  for (const name of ["ff.log", "00000000000000ff.log.tmp", "00000000000000FF.log"]) {
    equal(segmentNumberOf(name), undefined);
  }
});

Deno.test("createSegment() makes zeros behind a header, durable with its name", async () => {
  const disk = await made();
  const bytes = readAll(disk, path);
  equal(bytes.length, 4_096);
  deepEqual(bytes.subarray(segmentHeaderSizeBytes), new Uint8Array(4_096 - 64));
  const random = { below: () => 0, fraction: () => 0, bytes: () => bytes, fork: () => random };
  const left = disk.afterPowerCut("log", random);
  deepEqual(readAll(left, path), bytes);
  equal(openSegment(left, "log", 255).sizeBytes, 4_096);
});

Deno.test("createSegment() syncs the file before it has its name, then the folder", async () => {
  const disk = new FaultDisk();
  disk.createDirectory("log");
  const synced: string[] = [];
  disk.onSync = (what) => {
    synced.push(`${what} ${disk.exists(path)}`);
  };
  (await createSegment(disk, options)).file.close();
  deepEqual(synced, [`${path}.tmp false`, "log true"]);
});

Deno.test("createSegment() leaves nothing behind on a full disk", async () => {
  const disk = new FaultDisk();
  disk.createDirectory("log");
  disk.onWrite = (_path, position) => {
    if (position > 0) throw new DiskError("disk_full", "Cannot write: full");
  };
  await rejects(createSegment(disk, options), DiskError);
  deepEqual(disk.list("log"), []);
  equal(disk.memory.openFileCount, 0);
});

Deno.test("createSegment() tells a failed sync from a failed write", async () => {
  const disk = new FaultDisk();
  disk.createDirectory("log");
  disk.onSync = () => Promise.reject(new DiskError("io", "Cannot sync"));
  await rejects(
    createSegment(disk, options),
    (error) => error instanceof StorageError && error.code === "sync_failed",
  );
});

Deno.test("openSegment() refuses every flipped bit of its header and every other size", async () => {
  const disk = await made();
  const whole = readAll(disk, path);
  const refused = { name: "ConsensusError", code: "corruption" };
  for (let at = 0; at < 32 + 21; at++) {
    const bad = whole.slice();
    bad[at] ^= 0x10;
    writeAll(disk, path, bad);
    throws(() => openSegment(disk, "log", 255), refused, `byte ${at}`);
  }
  for (const sizeBytes of [0, 1, 63, 64, 4_095, 4_097, 8_192]) {
    const bytes = new Uint8Array(sizeBytes);
    bytes.set(whole.subarray(0, sizeBytes));
    writeAll(disk, path, bytes);
    throws(() => openSegment(disk, "log", 255), refused, `size ${sizeBytes}`);
  }
  equal(disk.memory.openFileCount, 0);
});

Deno.test("openSegment() refuses a segment under another's name", async () => {
  const disk = copyOf(await made(), "log");
  disk.rename(path, `log/${segmentName(256)}`);
  throws(() => openSegment(disk, "log", 256), { code: "corruption" });
});
