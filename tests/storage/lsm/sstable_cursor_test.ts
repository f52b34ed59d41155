import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { EntryKind } from "../../../storage/cursor.ts";
import { BlockCache } from "../../../storage/lsm/block_cache.ts";
import { SstableReader } from "../../../storage/lsm/sstable_reader.ts";
import {
  diskWith,
  entriesArbitrary,
  entryAt,
  expectCursorEquals,
  expectWalkEquals,
  openTable,
  smallTableOptions,
  stepsArbitrary,
  writeTable,
} from "./table_fixture.ts";

const optionsArbitrary = fc.record({
  blockSizeBytes: fc.constantFrom(128, 200, 4_096),
  restartInterval: fc.constantFrom(1, 3, 16),
  compression: fc.constantFrom("none" as const, "deflate" as const, "zstd" as const),
  filterBitsPerKey: fc.constantFrom(1, 10),
});

Deno.test("SstableCursor equals the sorted array of what was written", async () => {
  await fc.assert(
    fc.asyncProperty(entriesArbitrary, optionsArbitrary, async (entries, options) => {
      const disk = diskWith("d");
      const meta = await writeTable(disk, entries, { directory: "d", number: 1, options });
      const reader = openTable(disk, meta, { directory: "d", cacheBytes: 4_000 });
      expectCursorEquals(reader.cursor(), entries);
      reader.close();
    }),
    { numRuns: 80 },
  );
});

Deno.test("SstableCursor keeps its place through any mix of steps and searches", async () => {
  await fc.assert(
    fc.asyncProperty(entriesArbitrary, stepsArbitrary, async (entries, steps) => {
      const disk = diskWith("d");
      const meta = await writeTable(disk, entries, { directory: "d", number: 1 });
      const reader = openTable(disk, meta, { directory: "d" });
      expectWalkEquals(reader.cursor(), entries, steps);
      reader.close();
    }),
    { numRuns: 120 },
  );
});

Deno.test("SstableCursor goes through the versions of one key over many blocks", async () => {
  const entries = Array.from({ length: 200 }, (_, index) => ({
    key: "ksame",
    version: 1_000 - index,
    kind: index % 3 === 0 ? EntryKind.tombstone : EntryKind.value,
    value: index % 3 === 0 ? "" : `v${index}`,
  }));
  const disk = diskWith("d");
  const meta = await writeTable(disk, entries, { directory: "d", number: 1 });
  const reader = openTable(disk, meta, { directory: "d" });
  expectCursorEquals(reader.cursor(), entries);
  reader.close();
});

Deno.test("SstableCursor fills the cache only where it was asked to", async () => {
  const entries = Array.from({ length: 100 }, (_, index) => ({
    key: `k${String(index).padStart(3, "0")}`,
    version: 1,
    kind: EntryKind.value,
    value: "value",
  }));
  const disk = diskWith("d");
  const meta = await writeTable(disk, entries, { directory: "d", number: 1 });
  const cache = new BlockCache(1_000_000);
  const reader = SstableReader.open({ disk, path: "d/000001.sst", meta, cache });
  const scan = (fillCache: boolean) => {
    const cursor = reader.cursor({ fillCache });
    for (cursor.seekToFirst(); cursor.isValid; cursor.next());
  };
  scan(false);
  equal(cache.blockCount, 0);
  scan(true);
  equal(cache.blockCount, reader.index.blockCount);
  const { missCount } = cache;
  scan(false);
  equal(cache.missCount, missCount);
  reader.close();
  equal(cache.blockCount, 0);
});

Deno.test("SstableCursor beyond an end comes back by a search", async () => {
  const entries = [
    { key: "ka", version: 1, kind: EntryKind.value, value: "x".repeat(200) },
    { key: "kc", version: 1, kind: EntryKind.value, value: "y".repeat(200) },
  ];
  const disk = diskWith("d");
  const meta = await writeTable(disk, entries, {
    directory: "d",
    number: 1,
    options: smallTableOptions,
  });
  const reader = openTable(disk, meta, { directory: "d" });
  const cursor = reader.cursor();
  cursor.seek("kd", 1);
  equal(cursor.isValid, false);
  cursor.seekBefore("ka", 1);
  equal(cursor.isValid, false);
  cursor.seek("kb", 1);
  deepEqual(entryAt(cursor), entries[1]);
  cursor.previous();
  deepEqual(entryAt(cursor), entries[0]);
  reader.close();
});
