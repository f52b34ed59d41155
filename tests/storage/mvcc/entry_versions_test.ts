import { deepEqual, equal } from "node:assert/strict";
import { EntryKind } from "../../../storage/cursor.ts";
import { Memtable } from "../../../storage/lsm/memtable.ts";
import { EntryVersions } from "../../../storage/mvcc/entry_versions.ts";

function cursorOf(...entries: [string, number][]) {
  const memtable = new Memtable();
  for (const [key, version] of entries) {
    memtable.put(key, version, EntryKind.value, new Uint8Array(0), 0, 0);
  }
  return memtable.cursor();
}

Deno.test("EntryVersions walks one key from a version down, and stops before the next", () => {
  const inner = cursorOf(["a", 9], ["b", 1], ["b", 4], ["b", 8], ["c", 2]);
  const versions = new EntryVersions(inner, { key: "b", from: 7, release() {} });
  const found: number[] = [];
  for (; versions.isValid; versions.next()) found.push(versions.version);
  deepEqual(found, [4, 1]);
});

Deno.test("EntryVersions stands on nothing where the key has nothing so old", () => {
  const inner = cursorOf(["b", 4], ["c", 2]);
  equal(new EntryVersions(inner, { key: "b", from: 3, release() {} }).isValid, false);
});

Deno.test("EntryVersions.close() releases once and shows nothing any more", () => {
  let count = 0;
  const inner = cursorOf(["b", 4]);
  const versions = new EntryVersions(inner, { key: "b", from: 9, release: () => void count++ });
  equal(versions.isValid, true);
  versions.close();
  versions.close();
  deepEqual([versions.isValid, count], [false, 1]);
});
