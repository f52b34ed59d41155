import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import type { KeyRange } from "../../sharding/database.ts";
import { prefixRange } from "../../sharding/prefix_range.ts";
import { isInRange, type Watchers, WatchIndex } from "../../sharding/watch_index.ts";

const key = fc.string({
  unit: fc.constantFrom("a", "b", "\0", "\xff"),
  minLength: 0,
  maxLength: 3,
});
const range: fc.Arbitrary<KeyRange> = fc.oneof(
  key.map((start) => ({ start, end: `${start}\0` })),
  key.map((prefix) => prefixRange(prefix)),
  fc.record({ start: key, end: key }, { requiredKeys: [] }),
);

function found(index: WatchIndex<number>, wanted: string): number[] {
  const into: Watchers<number>[] = [];
  index.find(wanted, into);
  return into.flatMap((watchers) => [...watchers]).sort((left, right) => left - right);
}

Deno.test("WatchIndex.find() finds whom a comparison with every range would, each once", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(range, fc.boolean()), { maxLength: 12 }),
    fc.array(key, { minLength: 1, maxLength: 8 }),
    (given, keys) => {
      const index = new WatchIndex<number>();
      for (const [watcher, [one]] of given.entries()) index.add(one, watcher);
      for (const [watcher, [one, isGone]] of given.entries()) {
        if (isGone) index.delete(one, watcher);
      }
      const kept = [...given.entries()].filter(([, [, isGone]]) => !isGone);
      equal(index.size, kept.length);
      for (const wanted of keys) {
        const expected = kept.filter(([, [one]]) => isInRange(wanted, one)).map(([slot]) => slot);
        deepEqual(found(index, wanted), expected);
      }
    },
  ));
});

Deno.test("WatchIndex.delete() of what is not in it changes nothing", () => {
  const index = new WatchIndex<number>();
  index.add(prefixRange("a"), 1);
  index.delete(prefixRange("a"), 2);
  index.delete(prefixRange("b"), 1);
  deepEqual([index.size, found(index, "ab")], [1, [1]]);
});
