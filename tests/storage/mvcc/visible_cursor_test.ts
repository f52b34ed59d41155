import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { EntryKind } from "../../../storage/cursor.ts";
import { latin1Bytes, latin1Decode } from "../../../storage/env/mod.ts";
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

Deno.test("VisibleCursor pauses among deleted keys, and loses nothing by it", () => {
  fc.assert(
    fc.property(
      fc.array(writeArbitrary, { maxLength: 100, size: "max" }),
      fc.integer({ min: 0, max: 100 }),
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      (writes, version, pauseAfterCount, reverse) => {
        const { memtable, model } = memtableOf(writes);
        const wanted = model.range("", undefined, version);
        const range = { start: "", end: undefined, version, pauseAfterCount, reverse };
        const cursor = new VisibleCursor(memtable.cursor(), range);
        const found: string[] = [];
        while (cursor.isValid || cursor.isPaused) {
          if (cursor.isPaused) cursor.resume();
          else {
            const { key, source, valueStart, valueEnd } = cursor;
            found.push(`${key}=${latin1Decode(source, valueStart, valueEnd)}`);
            cursor.next();
          }
        }
        deepEqual(found, reverse ? wanted.toReversed() : wanted);
      },
    ),
  );
});

for (const reverse of [false, true]) {
  Deno.test(`VisibleCursor hides what has expired at the version asked for, reverse ${reverse}`, () => {
    const { memtable } = memtableOf([
      { key: "ka", value: "old" },
      { key: "ka", value: "9" },
      { key: "kb", value: "9" },
      { key: "kb", value: "new" },
      { key: "kc", value: "8" },
      { key: "x", value: "1" },
    ]);
    const expiryOf = (source: Uint8Array, valueStart: number, valueEnd: number) =>
      Number(latin1Decode(source, valueStart, valueEnd)) || Infinity;
    const seen = (expiryVersion: number) => {
      const range = { start: "", end: undefined, version: 7, expiryOf, expiryVersion, reverse };
      const found = drain(new VisibleCursor(memtable.cursor(), range));
      return reverse ? found.toReversed() : found;
    };
    deepEqual(seen(7), ["ka=9", "kb=new", "kc=8", "x=1"]);
    deepEqual(seen(8), ["ka=9", "kb=new", "x=1"]);
    deepEqual(seen(9), ["kb=new", "x=1"]);
  });

  Deno.test(`VisibleCursor passes few keys between two pauses, reverse ${reverse}`, () => {
    const memtable = new Memtable();
    const noBytes = new Uint8Array(0);
    for (let index = 0; index < 1_000; index++) {
      const key = String(index).padStart(4, "0");
      memtable.put(key, index + 1, EntryKind.tombstone, noBytes, 0, 0);
    }
    const inner = memtable.cursor();
    let stepCount = 0;
    for (const step of ["next", "previous"] as const) {
      const move = inner[step].bind(inner);
      inner[step] = () => {
        stepCount++;
        move();
      };
    }
    const range = { start: "", end: undefined, version: 5_000, pauseAfterCount: 100, reverse };
    const cursor = new VisibleCursor(inner, range);
    let pauseCount = 0;
    for (; cursor.isPaused; cursor.resume()) {
      equal(stepCount <= 101, true, `${stepCount} steps`);
      stepCount = 0;
      pauseCount++;
    }
    equal(pauseCount, 9);
    equal(cursor.isValid, false);
  });
}

Deno.test("VisibleCursor in reverse leaves a key of many versions by a seek", () => {
  const { memtable } = memtableOf(
    Array.from({ length: 900 }, (_, index) => ({ key: "a", value: String(index) })),
  );
  const inner = memtable.cursor();
  let stepCount = 0;
  const previous = inner.previous.bind(inner);
  inner.previous = () => {
    stepCount++;
    previous();
  };
  const cursor = new VisibleCursor(inner, {
    start: "",
    end: undefined,
    version: 800,
    reverse: true,
  });
  deepEqual([cursor.isValid, cursor.version, stepCount < 50], [true, 800, true]);
  cursor.next();
  equal(cursor.isValid, false);
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
