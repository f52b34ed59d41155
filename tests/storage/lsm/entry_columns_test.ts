import { deepEqual, equal, notEqual } from "node:assert/strict";
import { EntryKind } from "../../../storage/cursor.ts";
import { EntryColumns, none } from "../../../storage/lsm/entry_columns.ts";

const noBytes = new Uint8Array(0);

function chainOf(versions: readonly number[]): { rows: EntryColumns; head: number } {
  const rows = new EntryColumns();
  let head: number = none;
  for (const version of versions) {
    const row = rows.add(version, EntryKind.value, noBytes, 0, 0);
    if (head !== none) rows.link(row, head);
    head = row;
  }
  return { rows, head };
}

const cases = [
  { version: 30, atOrBelow: 30, above: none },
  { version: 25, atOrBelow: 20, above: 30 },
  { version: 20, atOrBelow: 20, above: 30 },
  { version: 5, atOrBelow: none, above: 10 },
];
for (const { version, atOrBelow, above } of cases) {
  Deno.test(`EntryColumns finds its way along a chain from version ${version}`, () => {
    const { rows, head } = chainOf([10, 20, 30]);
    const versionOf = (row: number) => row === none ? none : rows.versions[row];
    equal(versionOf(rows.newestAtOrBelow(head, version)), atOrBelow);
    equal(versionOf(rows.oldestAbove(head, version)), above);
    equal(versionOf(rows.oldest(head)), 10);
  });
}

Deno.test("EntryColumns keeps its rows as the columns grow", () => {
  const { rows, head } = chainOf(Array.from({ length: 1_000 }, (_, index) => index + 1));
  equal(rows.count, 1_000);
  const versions: number[] = [];
  for (let row = head; row !== none; row = rows.older[row]) versions.push(rows.versions[row]);
  deepEqual(versions, Array.from({ length: 1_000 }, (_, index) => 1_000 - index));
});

Deno.test("EntryColumns.replace() leaves the bytes handed out before as they were", () => {
  const rows = new EntryColumns();
  const row = rows.add(1, EntryKind.value, new Uint8Array([7, 7]), 0, 2);
  const view = rows.slabOf(row).subarray(rows.offsets[row], rows.offsets[row] + 2);
  rows.replace(row, EntryKind.value, new Uint8Array([9, 9, 9]), 0, 3);
  deepEqual([...view], [7, 7]);
  equal(rows.valueBytes, 3);
  notEqual(rows.offsets[row], view.byteOffset);
});
