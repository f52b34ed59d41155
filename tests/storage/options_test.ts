import { deepEqual, equal, throws } from "node:assert/strict";
import { InvariantError } from "../../storage/env/mod.ts";
import type { TreeOptions } from "../../storage/options.ts";
import { treeOptions, treeOptionsDefault } from "../../storage/options.ts";

Deno.test("treeOptions() lays what is given over the defaults", () => {
  deepEqual(treeOptions(), treeOptionsDefault);
  const options = treeOptions({ memtableSizeBytesMax: 4_096 });
  equal(options.memtableSizeBytesMax, 4_096);
  equal(options.level0FileCountStop, treeOptionsDefault.level0FileCountStop);
});

const wrong: Partial<TreeOptions>[] = [
  { memtableSizeBytesMax: 0 },
  { memtableSizeBytesMax: NaN },
  { frozenMemtableCountMax: 0 },
  { level0FileCountCompact: 10, level0FileCountSlow: 9 },
  { level0FileCountSlow: 25 },
  { tableSizeBytesTarget: 2 ** 40 },
  { slowdownMsMax: -1 },
  { autovacuumDeadRatio: 0 },
  { autovacuumDeadRatio: 1.1 },
  { vacuumIoBytesPerSecond: -1 },
  { table: { ...treeOptionsDefault.table, blockSizeBytes: 64 } },
  { table: { ...treeOptionsDefault.table, filterBitsPerKey: 0 } },
];
for (const given of wrong) {
  Deno.test(`treeOptions() refuses ${JSON.stringify(given)}`, () => {
    throws(() => treeOptions(given), InvariantError);
  });
}
