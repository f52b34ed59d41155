import { equal, ok } from "node:assert/strict";
import { EntryKind } from "../../../storage/cursor.ts";
import { shadowShare } from "../../../storage/lsm/shadow_sample.ts";
import { LiveTable, TableSet } from "../../../storage/lsm/version_set.ts";
import { diskWith, openTable, writeTable } from "./table_fixture.ts";

/** Returns a set whose levels have one table for each list of keys, numbered from 1. */
async function setOf(levels: readonly (readonly (readonly string[])[])[]) {
  const disk = diskWith("d");
  let number = 0;
  const tables: LiveTable[][] = [];
  for (const level of levels) {
    const live: LiveTable[] = [];
    for (const keys of level) {
      const entries = keys.flatMap((key) =>
        [9, 8].map((version) => ({
          key,
          version: version + 10 * (levels.length - tables.length),
          kind: EntryKind.value,
          value: "v",
        }))
      );
      const meta = await writeTable(disk, entries, { directory: "d", number: ++number });
      live.push(new LiveTable(openTable(disk, meta, { directory: "d" })));
    }
    tables.push(live);
  }
  const set = new TableSet(tables, (gone) => {
    for (const { reader } of gone.tables()) reader.close();
  });
  return { set, disk };
}

function keysOf(tag: string, count: number, step = 1): string[] {
  return Array.from(
    { length: count },
    (_, index) => `${tag}${String(index * step).padStart(6, "0")}`,
  );
}

Deno.test("shadowShare() is the part of entries whose keys lie below, each key once", async () => {
  const { set, disk } = await setOf([
    [],
    [keysOf("k", 4_000)],
    [keysOf("k", 1_000), keysOf("kz", 5)],
    [keysOf("k", 1_000, 3)],
  ]);
  // All of the first quarter, and of the rest every third up to 3,000; two versions of each key.
  const share = shadowShare(set, { level: 1, number: 1 });
  ok(Math.abs(share - (1 / 4 + 1 / 2 / 3) / 2) < 0.06, String(share));
  equal(shadowShare(set, { level: 3, number: 4 }), 0);
  equal(shadowShare(set, { level: 1, number: 99 }), 0);
  set.release();
  equal(disk.openFileCount, 0);
});

Deno.test("shadowShare() in level 0 looks at older files there, not at newer ones", async () => {
  const { set } = await setOf([[keysOf("k", 10), keysOf("k", 10)]]);
  equal(shadowShare(set, { level: 0, number: 1 }), 0);
  equal(shadowShare(set, { level: 0, number: 2 }), 1 / 2);
  set.release();
});

Deno.test("shadowShare() takes no account of records: theirs is another rule", async () => {
  const { set } = await setOf([[], [keysOf("r", 10)], [keysOf("r", 10)]]);
  equal(shadowShare(set, { level: 1, number: 1 }), 0);
  set.release();
});
