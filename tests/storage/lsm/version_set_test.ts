import { deepEqual, equal, throws } from "node:assert/strict";
import { InvariantError, MemoryDisk } from "../../../storage/env/mod.ts";
import { firstTableFor, VersionSet } from "../../../storage/lsm/version_set.ts";
import { writeTables } from "./tables_fixture.ts";

const noEdit = { removed: [], added: [] };

async function threeTables() {
  const disk = new MemoryDisk();
  const tables = await writeTables(disk, [["a", "c"], ["d", "f"], ["b", "e"]]);
  const obsolete: number[] = [];
  const set = new VersionSet((table) => {
    obsolete.push(table.meta.number);
    table.reader.close();
  });
  return { disk, tables, obsolete, set };
}

Deno.test("VersionSet keeps level 0 newest first and deeper levels in key order", async () => {
  const { disk, tables, set } = await threeTables();
  const added = [
    { level: 0, meta: tables[0].meta },
    { level: 0, meta: tables[2].meta },
    { level: 1, meta: tables[1].meta },
  ];
  set.apply({ removed: [], added }, new Map(tables.map((one) => [one.meta.number, one])));
  deepEqual(set.current.metas(0).map(({ number }) => number), [3, 1]);
  const moved = { removed: [{ level: 0, number: 1 }], added: [{ level: 1, meta: tables[0].meta }] };
  set.apply(moved, new Map());
  deepEqual(set.current.metas(1).map(({ number }) => number), [1, 2]);
  equal(firstTableFor(set.current.levels[1], "c"), 0);
  equal(firstTableFor(set.current.levels[1], "cc"), 1);
  equal(firstTableFor(set.current.levels[1], "g"), 2);
  set.close();
  equal(disk.openFileCount, 0);
});

Deno.test("VersionSet lets a removed table go with the last that reads it", async () => {
  const { disk, tables, obsolete, set } = await threeTables();
  const added = tables.slice(0, 2).map(({ meta }) => ({ level: 1, meta }));
  set.apply({ removed: [], added }, new Map(tables.map((one) => [one.meta.number, one])));
  const first = set.current.hold();
  set.apply({ removed: [{ level: 1, number: 1 }], added: [] }, new Map());
  const second = set.current.hold();
  set.apply({ removed: [{ level: 1, number: 2 }], added: [] }, new Map());
  deepEqual(obsolete, []);
  second.release();
  deepEqual(obsolete, [], "the first set still lists both");
  first.release();
  deepEqual(obsolete.sort(), [1, 2]);
  set.close();
  tables[2].close();
  equal(disk.openFileCount, 0);
});

Deno.test("VersionSet refuses edits that do not fit, and one release too many", async () => {
  const { tables, set } = await threeTables();
  const opened = new Map(tables.map((one) => [one.meta.number, one]));
  const overlapping = [tables[0], tables[2]].map(({ meta }) => ({ level: 1, meta }));
  throws(() => set.apply({ removed: [], added: overlapping }, opened), InvariantError);
  const unknown = { removed: [{ level: 0, number: 9 }], added: [] };
  throws(() => set.apply(unknown, new Map()), InvariantError);
  const set0 = set.current.hold();
  set.apply(noEdit, new Map());
  set0.release();
  throws(() => set0.release(), InvariantError);
  for (const table of tables) table.close();
});
