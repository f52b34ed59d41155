import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { EntryKind } from "../../../storage/cursor.ts";
import { latin1Decode, MemoryDisk } from "../../../storage/env/mod.ts";
import { StorageError } from "../../../storage/errors.ts";
import { BlockCache } from "../../../storage/lsm/block_cache.ts";
import { SstableReader } from "../../../storage/lsm/sstable_reader.ts";
import type { TableMeta } from "../../../storage/lsm/table_meta.ts";
import type { Compression } from "../../../storage/options.ts";
import type { ModelEntry } from "./table_fixture.ts";
import {
  diskWith,
  entriesArbitrary,
  entryAt,
  openTable,
  smallTableOptions,
  targetsOf,
  writeTable,
} from "./table_fixture.ts";

function getFrom(reader: SstableReader, key: string, version: number): ModelEntry | undefined {
  const found = reader.get(key, version);
  if (found === undefined) return undefined;
  const value = latin1Decode(found.source, found.valueStart, found.valueEnd);
  return { key, version: found.version, kind: found.kind, value };
}

Deno.test("SstableReader.get() finds the newest entry at or below a version", async () => {
  await fc.assert(
    fc.asyncProperty(
      entriesArbitrary,
      fc.constantFrom(0, 3_000, 1e9),
      async (entries, cacheBytes) => {
        const disk = diskWith("d");
        const meta = await writeTable(disk, entries, { directory: "d", number: 1 });
        const reader = openTable(disk, meta, { directory: "d", cacheBytes });
        for (const { key, version } of targetsOf(entries)) {
          const want = entries.find((entry) => entry.key === key && entry.version <= version);
          deepEqual(getFrom(reader, key, version), want);
        }
        reader.close();
        equal(disk.openFileCount, 0);
      },
    ),
    { numRuns: 120 },
  );
});

Deno.test("SstableReader.get() reads no block for a key outside range, versions or filter", async () => {
  const disk = diskWith("d");
  const entries = ["kb", "kd", "kf"].map((key) => ({
    key,
    version: 10,
    kind: EntryKind.value,
    value: "v",
  }));
  const meta = await writeTable(disk, entries, {
    directory: "d",
    number: 1,
    options: { ...smallTableOptions, filterBitsPerKey: 64 },
  });
  const cache = new BlockCache(1_000_000);
  const reader = SstableReader.open({ disk, path: "d/000001.sst", meta, cache });
  for (const key of ["ka", "kc", "kg"]) equal(reader.get(key, 99), undefined);
  equal(reader.get("kd", 9), undefined);
  equal(cache.missCount, 0);
  ok(reader.get("kd", 10) !== undefined);
  equal(cache.missCount, 1);
  ok(reader.get("kf", 11) !== undefined);
  equal(cache.hitCount, 1);
  reader.close();
});

Deno.test("SstableReader keeps the values it gave when their block leaves the cache", async () => {
  const disk = diskWith("d");
  const entries = Array.from({ length: 50 }, (_, index) => ({
    key: `k${index + 10}`,
    version: 1,
    kind: EntryKind.value,
    value: `value ${index}`,
  }));
  const meta = await writeTable(disk, entries, { directory: "d", number: 1 });
  const reader = openTable(disk, meta, { directory: "d", cacheBytes: 1_500 });
  const found = entries.map(({ key }) => reader.get(key, 1));
  deepEqual(
    found.map((entry) => entry && latin1Decode(entry.source, entry.valueStart, entry.valueEnd)),
    entries.map(({ value }) => value),
  );
  reader.close();
});

const entries: readonly ModelEntry[] = [
  { key: "ka", version: 9, kind: EntryKind.value, value: "first value, first value, first value" },
  { key: "ka", version: 4, kind: EntryKind.tombstone, value: "" },
  { key: "kab", version: 7, kind: EntryKind.value, value: "z".repeat(60) },
  { key: "kb\xff", version: 2 ** 45, kind: EntryKind.value, value: "" },
  { key: "kc", version: 1, kind: EntryKind.value, value: "abcabcabcabcabcabc" },
  { key: "kd", version: 3, kind: EntryKind.value, value: "last" },
];

function bytesOf(disk: MemoryDisk): Uint8Array {
  const file = disk.open("d/000001.sst", "read");
  const bytes = new Uint8Array(file.sizeBytes());
  file.readSync(bytes, 0);
  file.close();
  return bytes;
}

function diskHolding(bytes: Uint8Array): MemoryDisk {
  const disk = diskWith("d");
  const file = disk.open("d/000001.sst", "create");
  file.writeSync(bytes, 0);
  file.close();
  return disk;
}

/** Runs a read of a damaged table: it must be right or fail as corruption. Returns whether it failed. */
function failsOrIsRight(run: () => void): boolean {
  try {
    run();
    return false;
  } catch (error) {
    if (error instanceof StorageError && error.code === "corruption") return true;
    throw error;
  }
}

/** Reads a damaged table in every way. Returns whether `verify` found the damage. */
function readDamaged(bytes: Uint8Array, meta: TableMeta): boolean {
  const disk = diskHolding(bytes);
  let isFound = true;
  const isRefused = failsOrIsRight(() => {
    const reader = openTable(disk, meta, { directory: "d" });
    try {
      for (const { key, version } of targetsOf(entries)) {
        const want = entries.find((entry) => entry.key === key && entry.version <= version);
        failsOrIsRight(() => deepEqual(getFrom(reader, key, version), want));
      }
      failsOrIsRight(() => {
        const cursor = reader.cursor();
        let at = 0;
        for (cursor.seekToFirst(); cursor.isValid; cursor.next()) {
          deepEqual(entryAt(cursor), entries[at++]);
        }
        equal(at, entries.length);
      });
      failsOrIsRight(() => {
        const cursor = reader.cursor();
        let at = entries.length;
        for (cursor.seekToLast(); cursor.isValid; cursor.previous()) {
          deepEqual(entryAt(cursor), entries[--at]);
        }
        equal(at, 0);
      });
      isFound = failsOrIsRight(() => {
        for (const _checked of reader.verify());
      });
    } finally {
      reader.close();
    }
  });
  equal(disk.openFileCount, 0);
  return isRefused || isFound;
}

for (const compression of ["none", "deflate", "zstd"] as Compression[]) {
  Deno.test(`SstableReader never gives a wrong answer from a damaged table, ${compression}`, async () => {
    const source = diskWith("d");
    const options = { ...smallTableOptions, blockSizeBytes: 100, compression };
    const meta = await writeTable(source, entries, { directory: "d", number: 1, options });
    const bytes = bytesOf(source);
    equal(readDamaged(bytes, meta), false);
    for (let at = 0; at < bytes.length; at++) {
      for (const mask of [1 << (at % 8), 0xff]) {
        const flipped = bytes.slice();
        flipped[at] ^= mask;
        ok(readDamaged(flipped, meta), `byte ${at} ^ ${mask}`);
      }
      ok(readDamaged(bytes.slice(0, at), meta), `cut to ${at}`);
    }
    ok(readDamaged(new Uint8Array([...bytes, 0]), meta), "one byte too many");
    const zeroed = bytes.slice();
    zeroed.fill(0, 0, 64);
    ok(readDamaged(zeroed, meta), "zeros");
  });
}

Deno.test("SstableReader.verify() reads each byte once and tells how many", async () => {
  const disk = diskWith("d");
  const meta = await writeTable(disk, entries, { directory: "d", number: 1 });
  const reader = openTable(disk, meta, { directory: "d" });
  const steps = [...reader.verify()];
  equal(steps.length, 1 + reader.index.blockCount);
  equal(steps.reduce((sum, count) => sum + count, 0), meta.sizeBytes);
  reader.close();
});

Deno.test("SstableReader.verify() finds damage that came after the table was opened", async () => {
  const disk = diskWith("d");
  const meta = await writeTable(disk, entries, { directory: "d", number: 1 });
  const reader = openTable(disk, meta, { directory: "d", cacheBytes: 1e6 });
  equal(getFrom(reader, "ka", 99)?.version, 9);
  const file = disk.open("d/000001.sst", "modify");
  for (const at of [20, meta.sizeBytes - 100]) {
    const byte = new Uint8Array(1);
    file.readSync(byte, at);
    file.writeSync(new Uint8Array([byte[0] ^ 4]), at);
    throws(() => [...reader.verify()], { name: "StorageError", code: "corruption" });
    file.writeSync(byte, at);
  }
  equal([...reader.verify()].length, 1 + reader.index.blockCount);
  file.close();
  reader.close();
});

Deno.test("SstableReader.open() refuses a table that is not the one the manifest means", async () => {
  const disk = diskWith("d");
  const meta = await writeTable(disk, entries, { directory: "d", number: 1 });
  const path = "d/000001.sst";
  const cache = new BlockCache(0);
  for (const field of Object.keys(meta) as (keyof TableMeta)[]) {
    const value = meta[field];
    const other = { ...meta, [field]: typeof value === "number" ? value + 1 : `${value}x` };
    throws(
      () => SstableReader.open({ disk, path, meta: other, cache }),
      { name: "StorageError", code: "corruption" },
      field,
    );
  }
  equal(disk.openFileCount, 0);
});

Deno.test("SstableReader.open() of a missing file is corruption: the manifest named it", () => {
  const meta = { ...emptyMeta, number: 5 };
  throws(() => openTable(diskWith("d"), meta, { directory: "d" }), {
    code: "corruption",
    message: "Cannot read d/000005.sst at 0: there is no such file",
  });
});

Deno.test("SstableReader.mayContain() is true of every key in the table, and reads no block", async () => {
  const disk = diskWith("d");
  const entries = Array.from({ length: 500 }, (_, index) => ({
    key: `k${String(index * 2).padStart(4, "0")}`,
    version: 1,
    kind: EntryKind.value,
    value: "v",
  }));
  const reader = openTable(disk, await writeTable(disk, entries, { directory: "d", number: 5 }), {
    directory: "d",
  });
  ok(entries.every(({ key }) => reader.mayContain(key)));
  const others = entries.filter(({ key }) => reader.mayContain(`${key}x`)).length;
  ok(others < 25, `${others} of 500`);
  equal(reader.mayContain("j"), false);
  equal(reader.mayContain("k9"), false);
  reader.close();
});

const emptyMeta: TableMeta = {
  number: 1,
  sizeBytes: 0,
  smallestKey: "",
  largestKey: "",
  entryCount: 0,
  tombstoneCount: 0,
  shadowedCount: 0,
  shadowedBytes: 0,
  payloadBytes: 0,
  deaths: [],
  oldestVersion: 0,
  newestVersion: 0,
};
