import { deepEqual, equal } from "node:assert/strict";
import { MemoryDisk } from "../../../storage/env/mod.ts";
import { findInTables, tableCursors } from "../../../storage/lsm/table_reads.ts";
import { VersionSet } from "../../../storage/lsm/version_set.ts";
import { writeTables } from "./tables_fixture.ts";

/** Tables 1 and 2 in level 2, 3 in level 1, 4 and 5 in level 0; higher numbers are newer. */
async function treeOf() {
  const disk = new MemoryDisk();
  const tables = await writeTables(disk, [["a", "b"], ["m", "n"], ["b", "m"], ["a", "z"], [
    "b",
    "c",
  ]]);
  const levels = [2, 2, 1, 0, 0];
  const set = new VersionSet((table) => table.reader.close());
  const added = tables.map(({ meta }, slot) => ({ level: levels[slot], meta }));
  set.apply({ removed: [], added }, new Map(tables.map((one) => [one.meta.number, one])));
  const close = () => {
    set.close();
    equal(disk.openFileCount, 0);
  };
  return { set: set.current, close };
}

const cases = [
  { key: "b", version: 9, want: 5 },
  { key: "b", version: 4, want: 3 },
  { key: "b", version: 2, want: 1 },
  { key: "a", version: 9, want: 4 },
  { key: "a", version: 3, want: 1 },
  { key: "m", version: 2, want: 2 },
  { key: "m", version: 1, want: undefined },
  { key: "zz", version: 9, want: undefined },
];
for (const { key, version, want } of cases) {
  Deno.test(`findInTables() finds ${key} at ${version} in ${want ?? "no table"}`, async () => {
    const { set, close } = await treeOf();
    equal(findInTables(set, { key, version })?.version, want);
    close();
  });
}

Deno.test("tableCursors() leaves out what cannot hold the range, newest source first", async () => {
  const { set, close } = await treeOf();
  const versionsIn = (start: string, end: string | undefined) =>
    tableCursors(set, { start, end }).map((cursor) => {
      cursor.seekToFirst();
      return cursor.version;
    });
  deepEqual(versionsIn("", undefined), [5, 4, 3, 1]);
  deepEqual(versionsIn("c", "d"), [5, 4, 3]);
  deepEqual(versionsIn("m", undefined), [4, 3, 2]);
  deepEqual(versionsIn("n0", "z"), [4]);
  deepEqual(versionsIn("a", "b"), [4, 1]);
  close();
});
