/**
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { labelledStatistics } from "../../../server/telemetry/labelled_statistics.ts";

const level = { tableCount: 1, sizeBytes: 100, entryCount: 10, tombstoneCount: 2 };

Deno.test("labelledStatistics() shows levels, and versions as live and dead", () => {
  const families = labelledStatistics({
    tree: { levels: [level, { ...level, sizeBytes: 7 }], memtableEntryCount: 5, deadEntryCount: 4 },
  });
  const found = Object.fromEntries(families.map(({ name, values }) => [name, values]));
  deepEqual(found.ankylo_tree_level_size_bytes, [
    { label: "0", value: 100 },
    { label: "1", value: 7 },
  ]);
  deepEqual(found.ankylo_versions, [{ label: "live", value: 21 }, { label: "dead", value: 4 }]);
});

Deno.test("labelledStatistics() names one kind of holder, and takes an unknown one for other", () => {
  for (const [given, shown] of [["watch", "watch"], ["a new one", "other"]]) {
    const [family] = labelledStatistics({ time: { watermarkHolderKind: given } });
    const ones = family.values.filter(({ value }) => value === 1).map(({ label }) => label);
    deepEqual(ones, [shown]);
    equal(family.values.length, 9);
  }
});

Deno.test("labelledStatistics() leaves out what a node does not tell", () => {
  deepEqual(labelledStatistics({}), []);
});
