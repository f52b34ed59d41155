import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import fc from "fast-check";
import { EntryKind } from "../../../storage/cursor.ts";
import type { Disk, DiskFile } from "../../../storage/env/mod.ts";
import { DiskError, InvariantError, MemoryDisk } from "../../../storage/env/mod.ts";
import { SstableWriter } from "../../../storage/lsm/sstable_writer.ts";
import {
  addEntry,
  diskWith,
  entriesArbitrary,
  readTable,
  smallTableOptions,
  writeTable,
} from "./table_fixture.ts";

const noBytes = new Uint8Array(0);

function writerOn(disk: Disk): SstableWriter {
  return new SstableWriter({
    disk,
    path: "d/000001.sst",
    tableNumber: 1,
    options: smallTableOptions,
  });
}

Deno.test("SstableWriter.finish() tells what the table holds", async () => {
  const disk = diskWith("d");
  const meta = await writeTable(disk, [
    { key: "ka", version: 9, kind: EntryKind.value, value: "12345" },
    { key: "ka", version: 7, kind: EntryKind.tombstone, value: "" },
    { key: "ka", version: 3, kind: EntryKind.value, value: "123" },
    { key: "kb", version: 8, kind: EntryKind.tombstone, value: "" },
    { key: "kz", version: 4, kind: EntryKind.value, value: "1" },
  ], { directory: "d", number: 12 });
  const { sizeBytes, ...rest } = meta;
  deepEqual(rest, {
    number: 12,
    smallestKey: "ka",
    largestKey: "kz",
    entryCount: 5,
    tombstoneCount: 2,
    shadowedCount: 2,
    shadowedBytes: 2 + 0 + 2 + 3,
    payloadBytes: 5 * 2 + 5 + 3 + 1,
    // "123" dies with the tombstone before it, each tombstone at its own version.
    deaths: [
      { cause: 1, entryCount: 1, sizeBytes: 5, keyCount: 1, points: [7] },
      { cause: 2, entryCount: 2, sizeBytes: 4, keyCount: 2, points: [7, 8] },
    ],
    oldestVersion: 3,
    newestVersion: 9,
  });
  const file = disk.open("d/000012.sst", "read");
  equal(file.sizeBytes(), sizeBytes);
  file.close();
  equal(disk.openFileCount, 0);
});

Deno.test("SstableWriter.sizeBytesEstimate is near the size of the finished file", async () => {
  await fc.assert(
    fc.asyncProperty(entriesArbitrary, async (entries) => {
      const writer = writerOn(diskWith("d"));
      for (const entry of entries) addEntry(writer, entry);
      const estimate = writer.sizeBytesEstimate;
      const { sizeBytes } = await writer.finish();
      // Properties hold two keys; the last block's index entry and those before it one each.
      ok(
        Math.abs(sizeBytes - estimate) <= 300 + 4 * 2_049,
        `${estimate} ${sizeBytes}`,
      );
    }),
    { numRuns: 300 },
  );
});

Deno.test("SstableWriter writes a table above its write buffer as it was given", async () => {
  const disk = diskWith("d");
  const entries = Array.from({ length: 60 }, (_, index) => ({
    key: `k${String(index).padStart(4, "0")}`,
    version: 1,
    kind: EntryKind.value,
    value: String.fromCharCode(33 + index).repeat(20_000),
  }));
  const meta = await writeTable(disk, entries, { directory: "d", number: 1 });
  ok(meta.sizeBytes > 1_200_000);
  deepEqual(readTable(disk, meta, "d"), entries);
});

Deno.test("SstableWriter.add() refuses entries that do not rise, over a block's border too", () => {
  for (const count of [1, 40]) {
    const writer = writerOn(diskWith("d"));
    for (let index = 0; index < count; index++) {
      writer.add("k5", 100 - index, EntryKind.value, noBytes, 0, 0);
    }
    const last = 101 - count;
    throws(() => writer.add("k5", last, EntryKind.value, noBytes, 0, 0), InvariantError);
    throws(() => writer.add("k5", last + 1, EntryKind.value, noBytes, 0, 0), InvariantError);
    throws(() => writer.add("k4", 1, EntryKind.value, noBytes, 0, 0), InvariantError);
    writer.abandon();
  }
});

Deno.test("SstableWriter.abandon() closes and removes the file, once", () => {
  const disk = diskWith("d");
  const writer = writerOn(disk);
  writer.add("k", 1, EntryKind.value, noBytes, 0, 0);
  writer.abandon();
  writer.abandon();
  equal(disk.openFileCount, 0);
  equal(disk.exists("d/000001.sst"), false);
});

Deno.test("SstableWriter.abandon() after finish() leaves the file alone", async () => {
  const disk = diskWith("d");
  const writer = writerOn(disk);
  writer.add("k", 1, EntryKind.value, noBytes, 0, 0);
  await writer.finish();
  writer.abandon();
  ok(disk.exists("d/000001.sst"));
});

Deno.test("SstableWriter.finish() refuses a table without an entry", async () => {
  const writer = writerOn(diskWith("d"));
  await rejects(writer.finish(), InvariantError);
  writer.abandon();
});

/** A disk whose files fail where told. */
class FailingDisk extends MemoryDisk {
  constructor(readonly failing: "writeSync" | "sync", readonly code: "disk_full" | "io") {
    super();
    this.createDirectory("d");
  }

  override open(path: string, mode: "read" | "modify" | "create"): DiskFile {
    const file = super.open(path, mode);
    const fail = () => new DiskError(this.code, `Cannot use ${path}: planned`);
    if (this.failing === "sync") file.sync = () => Promise.reject(fail());
    else {
      file.writeSync = () => {
        throw fail();
      };
    }
    return file;
  }
}

const failures = [
  { failing: "writeSync", code: "disk_full", want: "disk_full" },
  { failing: "writeSync", code: "io", want: "io" },
  { failing: "sync", code: "io", want: "sync_failed" },
  { failing: "sync", code: "disk_full", want: "sync_failed" },
] as const;
for (const { failing, code, want } of failures) {
  Deno.test(`SstableWriter.finish() reports ${code} of ${failing} as ${want}`, async () => {
    const disk = new FailingDisk(failing, code);
    const writer = writerOn(disk);
    writer.add("k", 1, EntryKind.value, noBytes, 0, 0);
    await rejects(writer.finish(), { name: "StorageError", code: want });
    writer.abandon();
    equal(disk.openFileCount, 0);
  });
}

Deno.test("SstableWriter reports a folder that is not there as io", () => {
  throws(() => writerOn(new MemoryDisk()), { name: "StorageError", code: "io" });
});
