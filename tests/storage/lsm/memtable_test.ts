import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import type { Cursor } from "../../../storage/cursor.ts";
import { EntryKind, versionMax } from "../../../storage/cursor.ts";
import { InvariantError, latin1Bytes, latin1Decode } from "../../../storage/env/mod.ts";
import { Memtable } from "../../../storage/lsm/memtable.ts";

function put(memtable: Memtable, key: string, version: number, value?: string): void {
  const bytes = latin1Bytes(value ?? "");
  const kind = value === undefined ? EntryKind.tombstone : EntryKind.value;
  memtable.put(key, version, kind, bytes, 0, bytes.length);
}

function shown(cursor: Cursor): string {
  const value = latin1Decode(cursor.source, cursor.valueStart, cursor.valueEnd);
  return `${cursor.key}@${cursor.version}${cursor.kind === EntryKind.value ? `=${value}` : "-"}`;
}

/** Key ascending, version descending. */
function isBefore(left: Entry, right: Entry): boolean {
  return left.key < right.key || (left.key === right.key && left.version > right.version);
}

interface Entry {
  readonly key: string;
  readonly version: number;
  readonly text: string;
}

const keyArbitrary = fc.string({ unit: fc.constantFrom("a", "b", "c", "\xff"), maxLength: 4 });

Deno.test("Memtable walks entries in order, both ways and from any place", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(keyArbitrary, fc.boolean()), { minLength: 1, maxLength: 400 }),
      fc.array(fc.tuple(keyArbitrary, fc.integer({ min: 0, max: 400 })), { maxLength: 20 }),
      (writes, probes) => {
        const memtable = new Memtable();
        const entries: Entry[] = writes.map(([key, isTombstone], index) => {
          put(memtable, key, index + 1, isTombstone ? undefined : `v${index}`);
          const text = `${key}@${index + 1}${isTombstone ? "-" : `=v${index}`}`;
          return { key, version: index + 1, text };
        });
        entries.sort((left, right) => isBefore(left, right) ? -1 : 1);
        equal(memtable.entryCount, entries.length);
        const cursor = memtable.cursor();
        const forward: string[] = [];
        for (cursor.seekToFirst(); cursor.isValid; cursor.next()) forward.push(shown(cursor));
        deepEqual(forward, entries.map(({ text }) => text));
        const reverse: string[] = [];
        for (cursor.seekToLast(); cursor.isValid; cursor.previous()) reverse.push(shown(cursor));
        deepEqual(reverse, forward.toReversed());
        for (const [key, version] of probes) {
          const place = { key, version, text: "" };
          const found = entries.find((entry) => !isBefore(entry, place));
          cursor.seek(key, version);
          equal(cursor.isValid ? shown(cursor) : undefined, found?.text);
          const before = entries.findLast((entry) => isBefore(entry, place));
          cursor.seekBefore(key, version);
          equal(cursor.isValid ? shown(cursor) : undefined, before?.text);
          const newest = entries.find((entry) => entry.key === key && entry.version <= version);
          equal(memtable.get(key, version)?.version, newest?.version);
        }
      },
    ),
  );
});

Deno.test("Memtable keeps thousands of keys in order, however they arrive", () => {
  const orders = [
    (index: number) => index,
    (index: number) => 19_999 - index,
    (index: number) => (index * 7_919) % 20_000,
  ];
  for (const order of orders) {
    const memtable = new Memtable();
    for (let index = 0; index < 20_000; index++) {
      put(memtable, String(order(index)).padStart(6, "0"), index + 1, "x");
    }
    const cursor = memtable.cursor();
    let count = 0;
    for (cursor.seekToFirst(); cursor.isValid; cursor.next()) {
      equal(cursor.key, String(count++).padStart(6, "0"));
    }
    equal(count, 20_000);
    for (cursor.seekToLast(); cursor.isValid; cursor.previous()) count--;
    equal(count, 0);
  }
});

Deno.test("Memtable shows a held cursor every entry once, whatever is written meanwhile", () => {
  for (const isReverse of [false, true]) {
    const memtable = new Memtable();
    for (let index = 0; index < 500; index++) put(memtable, `k${index * 2 + 1_000}`, 1, "old");
    const cursor = memtable.cursor();
    const seen: string[] = [];
    if (isReverse) cursor.seekToLast();
    else cursor.seekToFirst();
    for (let step = 0; cursor.isValid; step++) {
      if (cursor.version === 1) seen.push(cursor.key);
      put(memtable, `k${(step * 37) % 1_000 + 1_000}`, step + 2, "new");
      if (isReverse) cursor.previous();
      else cursor.next();
    }
    const wanted = Array.from({ length: 500 }, (_, index) => `k${index * 2 + 1_000}`);
    deepEqual(isReverse ? seen.reverse() : seen, wanted);
  }
});

Deno.test("Memtable keeps values apart in slabs, small, large and empty", () => {
  const memtable = new Memtable();
  const sizes = [0, 1, 4_095, 4_096, 5_000, 300_000, 2_000_000, 17, 262_144, 900_000, 3];
  const source = new Uint8Array(2_000_100);
  sizes.forEach((size, index) => {
    source.fill(index + 1, 50, 50 + size);
    memtable.put(`k${index}`, index + 1, EntryKind.value, source, 50, 50 + size);
  });
  source.fill(0xee);
  sizes.forEach((size, index) => {
    const found = memtable.get(`k${index}`, versionMax);
    ok(found !== undefined);
    equal(found.valueEnd - found.valueStart, size);
    const bytes = found.source.subarray(found.valueStart, found.valueEnd);
    ok(bytes.every((byte) => byte === index + 1), `value ${index}`);
  });
  ok(memtable.sizeBytes > sizes.reduce((total, size) => total + size, 0));
});

Deno.test("Memtable.put() replaces an entry of the same version, and refuses an older one", () => {
  const memtable = new Memtable();
  put(memtable, "k", 5);
  equal(memtable.tombstoneCount, 1);
  put(memtable, "k", 5, "second");
  equal(memtable.entryCount, 1);
  equal(memtable.tombstoneCount, 0);
  const cursor = memtable.cursor();
  cursor.seekToFirst();
  equal(shown(cursor), "k@5=second");
  throws(() => put(memtable, "k", 4, "late"), InvariantError);
});
