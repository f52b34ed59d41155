import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { EntryKind } from "../../../storage/cursor.ts";
import { CompactionMerge } from "../../../storage/lsm/compaction_merge.ts";
import type { TableMeta } from "../../../storage/lsm/table_meta.ts";
import type { ModelEntry } from "./table_fixture.ts";
import {
  compareEntries,
  diskWith,
  entriesArbitrary,
  entryAt,
  writeTable,
} from "./table_fixture.ts";

function drain(merge: CompactionMerge): (ModelEntry | undefined)[] {
  const entries: (ModelEntry | undefined)[] = [];
  for (let cursor = merge.cursor; cursor !== undefined; cursor = merge.cursor) {
    entries.push(entryAt(cursor));
    merge.next();
  }
  return entries;
}

Deno.test("CompactionMerge reads runs of several tables as one sequence, the newer run first", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(entriesArbitrary, fc.integer({ min: 1, max: 5 })), {
        minLength: 1,
        maxLength: 6,
      }),
      async (runs) => {
        const disk = diskWith("d");
        const inputs: TableMeta[][] = [];
        const all: { entry: ModelEntry; rank: number }[] = [];
        let number = 1;
        for (const [rank, [entries, perTable]] of runs.entries()) {
          const tables: TableMeta[] = [];
          for (let start = 0; start < entries.length; start += perTable) {
            const part = entries.slice(start, start + perTable);
            tables.push(await writeTable(disk, part, { directory: "d", number: number++ }));
          }
          inputs.push(tables);
          all.push(...entries.map((entry) => ({ entry, rank })));
        }
        all.sort((left, right) =>
          compareEntries(left.entry, right.entry) || left.rank - right.rank
        );
        const merge = new CompactionMerge(inputs, { disk, directory: "d" });
        deepEqual(drain(merge), all.map(({ entry }) => entry));
        equal(disk.openFileCount, 0);
        merge.close();
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("CompactionMerge holds one file a run, and none after close()", async () => {
  const disk = diskWith("d");
  const tables: TableMeta[] = [];
  for (let number = 1; number <= 6; number++) {
    const entry = { key: `k${number}`, version: 1, kind: EntryKind.value, value: "v" };
    tables.push(await writeTable(disk, [entry], { directory: "d", number }));
  }
  const merge = new CompactionMerge([tables.slice(0, 3), tables.slice(3)], {
    disk,
    directory: "d",
  });
  equal(disk.openFileCount, 2);
  merge.next();
  equal(disk.openFileCount, 2);
  merge.close();
  equal(disk.openFileCount, 0);
});

Deno.test("CompactionMerge closes what it opened where a table cannot be opened", async () => {
  const disk = diskWith("d");
  const entry = { key: "k", version: 1, kind: EntryKind.value, value: "v" };
  const good = await writeTable(disk, [entry], { directory: "d", number: 1 });
  const missing = { ...good, number: 2 };
  throws(() => new CompactionMerge([[good], [missing]], { disk, directory: "d" }), {
    code: "corruption",
  });
  equal(disk.openFileCount, 0);
});
