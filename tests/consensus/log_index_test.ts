import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import type { EntryLocation } from "../../consensus/log_index.ts";
import { LogIndex } from "../../consensus/log_index.ts";

function locationOf(seed: number, term = 1): EntryLocation {
  return { term, segment: seed + 1, framePosition: seed * 16, start: seed, end: seed + 3 };
}

Deno.test("LogIndex behaves like a map under adding, overwriting and dropping", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constant({ kind: "next" as const, back: 0 }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("back" as const), back: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("drop" as const), back: fc.nat(20) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 50, maxLength: 3_000 }), (steps) => {
      const index = new LogIndex();
      let model = new Map<number, EntryLocation>();
      const keep = (isKept: (index: number) => boolean) =>
        model = new Map([...model].filter(([key]) => isKept(key)));
      let last = 0;
      steps.forEach(({ kind, back }, seed) => {
        if (kind === "drop") {
          const through = last - back;
          index.dropThrough(through);
          keep((key) => key > through);
          return;
        }
        const at = Math.max(1, kind === "next" ? last + 1 : last - back);
        keep((key) => key < at);
        model.set(at, locationOf(seed));
        index.add(at, locationOf(seed));
        last = at;
      });
      // An index below all that is held starts anew: nothing before it is kept.
      const held = [...model.keys()].filter((key) => key >= index.first);
      equal(index.count, held.length);
      for (const key of held) deepEqual(index.locate(key), model.get(key));
      equal(index.locate(index.last + 1), undefined);
      equal(index.locate(index.first - 1), undefined);
    }),
    { numRuns: 50 },
  );
});

Deno.test("LogIndex keeps thousands across growing and dropping", () => {
  const index = new LogIndex();
  for (let at = 1; at <= 10_000; at++) {
    index.add(at, locationOf(at));
    if (at % 3 === 0) index.dropThrough(at - 1_500);
  }
  equal(index.last, 10_000);
  for (let at = index.first; at <= 10_000; at++) deepEqual(index.locate(at), locationOf(at));
});

Deno.test("LogIndex accepts no gap and no falling term", () => {
  const index = new LogIndex();
  index.add(5, locationOf(1, 3));
  deepEqual([6, 7, 5, 4].map((at) => index.accepts(at, 3)), [true, false, true, true]);
  equal(index.accepts(6, 2), false);
  throws(() => index.add(7, locationOf(2, 3)), /does not follow/);
  throws(() => index.add(6, locationOf(2, 2)), /does not follow/);
});

Deno.test("LogIndex.add() of an index that is there forgets all behind it (Raft §5.3)", () => {
  const index = new LogIndex();
  for (let at = 1; at <= 5; at++) index.add(at, locationOf(at, 1));
  index.add(3, locationOf(9, 2));
  deepEqual([index.first, index.last], [1, 3]);
  deepEqual(index.locate(3), locationOf(9, 2));
});
