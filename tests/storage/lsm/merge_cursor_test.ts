import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import type { Cursor } from "../../../storage/cursor.ts";
import { EntryKind } from "../../../storage/cursor.ts";
import { latin1Bytes, latin1Decode } from "../../../storage/env/mod.ts";
import { Memtable } from "../../../storage/lsm/memtable.ts";
import { mergeCursor, rankedMergeCursor } from "../../../storage/lsm/merge_cursor.ts";

interface Entry {
  readonly key: string;
  readonly version: number;
  readonly source: number;
}

function isBefore(left: { key: string; version: number }, right: Entry): boolean {
  return left.key < right.key || (left.key === right.key && left.version > right.version);
}

/** Sources whose values say which source they come from. */
function sourcesOf(entries: readonly Entry[], sourceCount: number): Cursor[] {
  return Array.from({ length: sourceCount }, (_, source) => {
    const memtable = new Memtable();
    const own = entries.filter((entry) => entry.source === source);
    for (const { key, version } of own.toSorted((left, right) => left.version - right.version)) {
      const bytes = latin1Bytes(String(source));
      memtable.put(key, version, EntryKind.value, bytes, 0, bytes.length);
    }
    return memtable.cursor();
  });
}

function shown(cursor: Cursor): string | undefined {
  if (!cursor.isValid) return undefined;
  const value = latin1Decode(cursor.source, cursor.valueStart, cursor.valueEnd);
  return `${cursor.key}@${cursor.version} of ${value}`;
}

const entryArbitrary = fc.record({
  key: fc.constantFrom("a", "b", "c", "d", "e"),
  version: fc.integer({ min: 1, max: 8 }),
  source: fc.integer({ min: 0, max: 4 }),
});
const moveArbitrary = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("next" as const, "previous" as const) },
  {
    weight: 1,
    arbitrary: fc.record({
      to: fc.constantFrom(
        "seek" as const,
        "seekBefore" as const,
        "first" as const,
        "last" as const,
      ),
      key: fc.constantFrom("", "a", "bb", "c", "e", "z"),
      version: fc.integer({ min: 0, max: 9 }),
    }),
  },
);

Deno.test("mergeCursor() moves as one sorted array would, turns included; the first source wins a tie", () => {
  fc.assert(
    fc.property(
      fc.array(entryArbitrary, { maxLength: 40 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(moveArbitrary, { maxLength: 60 }),
      (given, sourceCount, moves) => {
        const usable = given.filter(({ source }) => source < sourceCount);
        const merged = usable
          .filter((entry) =>
            !usable.some((other) =>
              other.key === entry.key && other.version === entry.version &&
              other.source < entry.source
            )
          )
          .filter((entry, index, all) =>
            all.findIndex((one) => one.key === entry.key && one.version === entry.version) === index
          )
          .sort((left, right) => isBefore(left, right) ? -1 : 1);
        const text = (index: number) => {
          const entry = merged[index];
          return entry && `${entry.key}@${entry.version} of ${entry.source}`;
        };
        const cursor = mergeCursor(sourcesOf(usable, sourceCount));
        cursor.seekToFirst();
        let at = 0;
        equal(shown(cursor), text(at));
        for (const move of moves) {
          if (move === "next" || move === "previous") {
            if (!cursor.isValid) continue;
            if (move === "next") cursor.next();
            else cursor.previous();
            at += move === "next" ? 1 : -1;
          } else if (move.to === "seek") {
            cursor.seek(move.key, move.version);
            at = merged.findIndex((entry) => !isBefore(entry, { ...move, source: 0 }));
            if (at < 0) at = merged.length;
          } else if (move.to === "seekBefore") {
            cursor.seekBefore(move.key, move.version);
            at = merged.findLastIndex((entry) => isBefore(entry, { ...move, source: 0 }));
          } else if (move.to === "first") {
            cursor.seekToFirst();
            at = 0;
          } else {
            cursor.seekToLast();
            at = merged.length - 1;
          }
          equal(shown(cursor), text(at));
        }
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("mergeCursor() of no sources is empty, and of one is that source", () => {
  const empty = mergeCursor([]);
  empty.seekToFirst();
  equal(empty.isValid, false);
  const [single] = sourcesOf([], 1);
  deepEqual(mergeCursor([single]), single);
});

Deno.test("rankedMergeCursor() tells which source each entry is from, of one source too", () => {
  const entries: Entry[] = [
    { key: "a", version: 2, source: 1 },
    { key: "a", version: 1, source: 0 },
    { key: "b", version: 5, source: 2 },
    { key: "b", version: 5, source: 1 },
    { key: "c", version: 1, source: 0 },
  ];
  const ranks: number[] = [];
  const cursor = rankedMergeCursor(sourcesOf(entries, 3));
  for (cursor.seekToFirst(); cursor.isValid; cursor.next()) ranks.push(cursor.rank);
  deepEqual(ranks, [1, 0, 1, 0]);
  const alone = rankedMergeCursor(sourcesOf([{ key: "a", version: 1, source: 0 }], 1));
  alone.seekToFirst();
  equal(alone.rank, 0);
});
