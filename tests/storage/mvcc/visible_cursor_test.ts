import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { EntryKind } from "../../../storage/cursor.ts";
import { latin1Bytes } from "../../../storage/env/mod.ts";
import { Memtable } from "../../../storage/lsm/memtable.ts";
import { VisibleCursor } from "../../../storage/mvcc/visible_cursor.ts";
import { drain, EngineModel } from "../engine_fixture.ts";

const writeArbitrary = fc.record({
  key: fc.constantFrom("a", "b", "c", "d", "e", "f"),
  value: fc.option(fc.constantFrom("x", "yy", ""), { nil: undefined }),
});

function memtableOf(writes: readonly { key: string; value: string | undefined }[]) {
  const memtable = new Memtable();
  const model = new EngineModel();
  writes.forEach((write, index) => {
    const bytes = latin1Bytes(write.value ?? "");
    const kind = write.value === undefined ? EntryKind.tombstone : EntryKind.value;
    memtable.put(write.key, index + 1, kind, bytes, 0, bytes.length);
    model.write(index + 1, [write]);
  });
  return { memtable, model };
}

Deno.test("VisibleCursor shows what a reader at its version sees, forward and in reverse", () => {
  fc.assert(
    fc.property(
      fc.array(writeArbitrary, { maxLength: 200, size: "max" }),
      fc.integer({ min: 0, max: 200 }),
      fc.constantFrom("", "a", "b", "cc"),
      fc.constantFrom(undefined, "a", "d", "f", "z"),
      (writes, version, start, end) => {
        const { memtable, model } = memtableOf(writes);
        const wanted = model.range(start, end, version);
        const range = { start, end, version };
        deepEqual(drain(new VisibleCursor(memtable.cursor(), range)), wanted);
        const reverse = new VisibleCursor(memtable.cursor(), { ...range, reverse: true });
        deepEqual(drain(reverse), wanted.toReversed());
      },
    ),
  );
});

Deno.test("VisibleCursor passes over a key with hundreds of versions", () => {
  const writes = Array.from({ length: 900 }, (_, index) => ({
    key: "abc"[index % 3],
    value: String(index),
  }));
  const { memtable, model } = memtableOf(writes);
  for (const version of [1, 2, 3, 450, 899, 900]) {
    const range = { start: "", end: undefined, version };
    const wanted = model.range("", undefined, version);
    deepEqual(drain(new VisibleCursor(memtable.cursor(), range)), wanted);
    const reverse = new VisibleCursor(memtable.cursor(), { ...range, reverse: true });
    deepEqual(drain(reverse), wanted.toReversed());
  }
});

Deno.test("VisibleCursor.close() releases once", () => {
  let count = 0;
  const range = { start: "", end: undefined, version: 1, release: () => count++ };
  const cursor = new VisibleCursor(new Memtable().cursor(), range);
  cursor.close();
  cursor.close();
  equal(count, 1);
});
