import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { MalformedBytesError } from "../../../storage/env/mod.ts";
import { decodeEdit, EditFold, encodeEdit } from "../../../storage/lsm/version_edit.ts";
import type { VersionEdit } from "../../../storage/lsm/version_edit.ts";
import { levelCount } from "../../../storage/options.ts";

const number = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const key = fc.uint8Array({ maxLength: 20 }).map((bytes) => String.fromCharCode(...bytes));
const level = fc.integer({ min: 0, max: levelCount - 1 });
const meta = fc.record({
  number,
  sizeBytes: number,
  entryCount: number,
  tombstoneCount: number,
  shadowedCount: number,
  shadowedBytes: number,
  payloadBytes: number,
  deaths: fc.uniqueArray(
    fc.record({
      cause: fc.integer({ min: 1, max: 255 }),
      sizeBytes: number,
      counts: fc.tuple(fc.integer({ min: 1, max: 99 }), fc.nat({ max: 99 })),
      points: fc.array(number, { minLength: 1, maxLength: 9 }),
    }).map(({ cause, sizeBytes, counts: [keyCount, more], points }) => ({
      cause,
      entryCount: keyCount + more,
      sizeBytes,
      keyCount,
      points: points.sort((left, right) => left - right),
    })),
    { selector: ({ cause }) => cause, maxLength: 6 },
  ).map((sketches) => sketches.sort((left, right) => left.cause - right.cause)),
  versions: fc.tuple(number, number),
  keys: fc.tuple(key, key),
}).map(({ versions, keys, ...rest }) => ({
  ...rest,
  oldestVersion: Math.min(...versions),
  newestVersion: Math.max(...versions),
  smallestKey: keys[0] < keys[1] ? keys[0] : keys[1],
  largestKey: keys[0] < keys[1] ? keys[1] : keys[0],
}));
const applied = fc.record({
  index: number,
  term: number,
  lastVersion: number,
  horizons: fc.record({
    userVersion: number,
    expiryVersion: number,
    rules: fc.constant([]),
    changeVersion: number,
    requestVersion: number,
  }),
  machine: fc.uint8Array({ maxLength: 300 }),
});
const editArbitrary: fc.Arbitrary<VersionEdit> = fc.record({
  isFull: fc.boolean(),
  nextTableNumber: number,
  applied: fc.option(applied, { nil: undefined }),
  pointers: fc.array(fc.record({ level, key }), { maxLength: 5 }),
  removed: fc.array(fc.record({ level, number }), { maxLength: 5 }),
  added: fc.array(fc.record({ level, meta }), { maxLength: 5 }),
});

Deno.test("decodeEdit() reads what encodeEdit() wrote", () => {
  fc.assert(fc.property(editArbitrary, (edit) => {
    deepEqual(structuredClone(decodeEdit(encodeEdit(edit))), structuredClone(edit));
  }));
});

Deno.test("decodeEdit() refuses every cut and takes no damage for more than bytes", () => {
  fc.assert(fc.property(editArbitrary, fc.nat(), fc.nat({ max: 7 }), (edit, place, bit) => {
    const bytes = encodeEdit(edit);
    throws(() => decodeEdit(bytes.subarray(0, place % bytes.length)), MalformedBytesError);
    const flipped = bytes.slice();
    flipped[place % bytes.length] ^= 1 << bit;
    try {
      decodeEdit(flipped);
    } catch (error) {
      if (!(error instanceof MalformedBytesError)) throw error;
    }
  }));
});

function table(number: number, level = 0) {
  const counts = {
    entryCount: 1,
    tombstoneCount: 0,
    shadowedCount: 0,
    shadowedBytes: 0,
    payloadBytes: 2,
    deaths: [],
  };
  const bounds = { smallestKey: "a", largestKey: "b", oldestVersion: 1, newestVersion: 1 };
  return { level, meta: { number, sizeBytes: 100, ...counts, ...bounds } };
}

function edit(given: Partial<VersionEdit>): VersionEdit {
  const nothing = { applied: undefined, pointers: [], removed: [], added: [] };
  return { isFull: false, nextTableNumber: 10, ...nothing, ...given };
}

Deno.test("EditFold lays changes on a full edit, and a full edit takes the place of all before", () => {
  const fold = new EditFold();
  fold.add(edit({ isFull: true, added: [table(1), table(2)], pointers: [{ level: 1, key: "m" }] }));
  fold.add(edit({ removed: [{ level: 0, number: 1 }], added: [table(1, 1)] }));
  deepEqual(fold.tables().map((one) => [one.level, one.meta.number]), [[0, 2], [1, 1]]);
  equal(fold.pointers[1], "m");
  fold.add(edit({ isFull: true, nextTableNumber: 12, added: [table(11)] }));
  deepEqual(fold.tables().map((one) => one.meta.number), [11]);
  equal(fold.pointers[1], "");
  equal(fold.nextTableNumber, 12);
});

const wrong: { name: string; edit: VersionEdit }[] = [
  { name: "a table that is there already", edit: edit({ added: [table(1)] }) },
  { name: "a table whose number is not handed out", edit: edit({ added: [table(10)] }) },
  { name: "the removal of an unknown table", edit: edit({ removed: [{ level: 0, number: 2 }] }) },
  { name: "the removal from another level", edit: edit({ removed: [{ level: 1, number: 1 }] }) },
  { name: "table numbers that fall", edit: edit({ nextTableNumber: 9 }) },
];
for (const { name, edit: second } of wrong) {
  Deno.test(`EditFold refuses ${name}`, () => {
    const fold = new EditFold();
    fold.add(edit({ isFull: true, added: [table(1)] }));
    throws(() => fold.add(second), MalformedBytesError);
  });
}

Deno.test("EditFold refuses a change before the first full edit", () => {
  throws(() => new EditFold().add(edit({})), MalformedBytesError);
});
