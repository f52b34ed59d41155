import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { EntryKind } from "../../../storage/cursor.ts";
import { StorageError } from "../../../storage/errors.ts";
import { BlockBuilder } from "../../../storage/lsm/block_builder.ts";
import { Block, BlockCursor } from "../../../storage/lsm/block_reader.ts";
import type { ModelEntry } from "./table_fixture.ts";
import {
  addEntry,
  entriesArbitrary,
  entryAt,
  expectCursorEquals,
  expectWalkEquals,
  stepsArbitrary,
} from "./table_fixture.ts";

const place = { path: "data/000007.sst", offset: 4_096 };

function payloadOf(entries: readonly ModelEntry[], restartInterval: number): Uint8Array {
  const builder = new BlockBuilder({ restartInterval, capacityBytes: 64 });
  for (const entry of entries) addEntry(builder, entry);
  return builder.finish().slice();
}

function blockOf(payload: Uint8Array): Block {
  return new Block({ bytes: payload, sizeBytes: payload.length }, place);
}

function cursorOver(payload: Uint8Array): BlockCursor {
  const cursor = new BlockCursor();
  cursor.setBlock(blockOf(payload));
  return cursor;
}

const intervalArbitrary = fc.constantFrom(1, 2, 3, 16, 1_024);

Deno.test("BlockCursor equals the sorted array of what was built", () => {
  fc.assert(
    fc.property(entriesArbitrary, intervalArbitrary, (entries, interval) => {
      expectCursorEquals(cursorOver(payloadOf(entries, interval)), entries);
    }),
    { numRuns: 150 },
  );
});

Deno.test("BlockCursor keeps its place through any mix of steps and searches", () => {
  fc.assert(
    fc.property(entriesArbitrary, intervalArbitrary, stepsArbitrary, (entries, interval, steps) => {
      expectWalkEquals(cursorOver(payloadOf(entries, interval)), entries, steps);
    }),
    { numRuns: 400 },
  );
});

Deno.test("BlockCursor goes on in the right key after it went far back", () => {
  // "aab" takes two bytes from "aa", and none of "b", which was decoded last.
  const entries = ["aa", "aab", "b", "c"].map((key) => ({
    key,
    version: 1,
    kind: EntryKind.value,
    value: key,
  }));
  const cursor = cursorOver(payloadOf(entries, 16));
  cursor.seekToLast();
  for (const at of [2, 1, 0]) {
    cursor.previous();
    deepEqual(entryAt(cursor), entries[at]);
  }
  for (const at of [1, 2, 3]) {
    cursor.next();
    deepEqual(entryAt(cursor), entries[at]);
  }
});

Deno.test("BlockCursor reads values of more bytes than one and two bytes of size can say", () => {
  const entries = [127, 128, 16_383, 16_384, 2_097_152].map((size, index) => ({
    key: `k${index}`,
    version: 2 ** 40 + index,
    kind: EntryKind.value,
    value: "z".repeat(size),
  }));
  expectCursorEquals(cursorOver(payloadOf(entries, 16)), entries);
});

Deno.test("Block ignores what lies behind the payload", () => {
  const entries = [{ key: "k", version: 1, kind: EntryKind.value, value: "v" }];
  const payload = payloadOf(entries, 16);
  const longer = new Uint8Array(payload.length + 9).fill(0xee);
  longer.set(payload);
  const cursor = new BlockCursor();
  cursor.setBlock(new Block({ bytes: longer, sizeBytes: payload.length }, place));
  cursor.seekToFirst();
  deepEqual(entryAt(cursor), entries[0]);
  cursor.next();
  equal(cursor.isValid, false);
});

const small = payloadOf([
  { key: "ka", version: 5, kind: EntryKind.value, value: "v".repeat(200) },
  { key: "kab", version: 4, kind: EntryKind.tombstone, value: "" },
], 16);
// shared 1 + unshared 1 + value size 2 + version and kind 8 + key 2 + value 200
const second = 214;

const malformed = [
  { name: "fewer bytes than a count", bytes: small.slice(0, 3) },
  { name: "no restart", bytes: patched(small.length - 4, [0]) },
  { name: "more restarts than bytes", bytes: patched(small.length - 4, [0xff, 0xff]) },
  { name: "a first restart that is not at 0", bytes: patched(small.length - 8, [1]) },
  { name: "no room for an entry", bytes: small.slice(small.length - 8) },
  { name: "a value beyond the entries", bytes: patched(second + 2, [1]) },
  { name: "a key beyond the entries", bytes: patched(second + 1, [0x7f]) },
  { name: "more shared bytes than there are", bytes: patched(second, [3]) },
  { name: "a first key that shares", bytes: patched(0, [1]) },
  { name: "a size without an end", bytes: patched(0, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]) },
  { name: "an unknown kind", bytes: patched(second + 10, [2]) },
  { name: "a version above the safe integers", bytes: patched(second + 9, [0x20]) },
];
for (const { name, bytes } of malformed) {
  Deno.test(`Block with ${name} is corruption that names file and offset`, () => {
    throws(() => {
      const cursor = cursorOver(bytes);
      for (cursor.seekToFirst(); cursor.isValid; cursor.next());
    }, (error) => {
      ok(error instanceof StorageError);
      equal(error.code, "corruption");
      ok(error.message.includes("data/000007.sst at 4096"), error.message);
      return true;
    });
  });
}

function patched(at: number, bytes: readonly number[]): Uint8Array {
  const copy = small.slice();
  copy.set(bytes, at);
  return copy;
}

Deno.test("BlockCursor over any bytes ends, or throws corruption, and never reads outside", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 120 }),
      fc.integer({ min: 1, max: 3 }),
      fc.string({ maxLength: 3 }),
      (entries, restartCount, key) => {
        const tail = new Uint8Array(4 * restartCount + 4);
        new DataView(tail.buffer).setUint32(4 * restartCount, restartCount, true);
        for (let index = 1; index < restartCount; index++) tail[4 * index] = 17 * index;
        const payload = new Uint8Array([...entries, ...tail]);
        try {
          const cursor = cursorOver(payload);
          for (cursor.seekToFirst(); cursor.isValid; cursor.next()) expectInside(cursor, entries);
          for (cursor.seekToLast(); cursor.isValid; cursor.previous()) {
            expectInside(cursor, entries);
          }
          cursor.seek(key, 5);
          cursor.seekBefore(key, 5);
        } catch (error) {
          ok(error instanceof StorageError, String(error));
          equal(error.code, "corruption");
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

function expectInside(cursor: BlockCursor, entries: Uint8Array): void {
  ok(cursor.valueStart <= cursor.valueEnd && cursor.valueEnd <= entries.length);
  ok(Number.isSafeInteger(cursor.version));
}
