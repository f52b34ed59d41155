/**
 * Random commits, watches with slow consumers, resumes and vacuums: what every watch must hear.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import type { KeyRange, Watch, WatchBatch } from "../../sharding/database.ts";
import { prefixRange } from "../../sharding/prefix_range.ts";
import { eventText, settle, WatchFixture } from "./watch_fixture.ts";

const ranges: readonly KeyRange[] = [
  {},
  prefixRange("a"),
  { start: "b", end: "b\0" },
  { start: "aa", end: "c" },
];
const drafts = fc.uniqueArray(
  fc.tuple(
    fc.constantFrom("a", "aa", "b", "c"),
    fc.oneof(fc.constantFrom("x", "y"), fc.constant(null), fc.constant({ expire: true as const })),
  ),
  { selector: ([key]) => key, minLength: 1, maxLength: 4 },
);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.array(drafts, { minLength: 1, maxLength: 3 }) },
  fc.record({ open: fc.nat(3), back: fc.nat(8), isNow: fc.boolean(), withPrevious: fc.boolean() }),
  { weight: 3, arbitrary: fc.record({ take: fc.nat(9) }) },
  fc.record({ vacuum: fc.nat(6) }),
  fc.record({ close: fc.nat(9) }),
  fc.record({ settle: fc.nat(30) }),
  fc.constant({ look: true }),
);

/** A watch, and what it was told. */
interface Observed {
  readonly watch: Watch;
  readonly range: KeyRange;
  readonly withPrevious: boolean;
  readonly after: number;
  readonly mayReset: boolean;
  readonly batches: (WatchBatch | undefined)[];
  isAsked: boolean;
}

function take(observed: Observed): void {
  if (observed.isAsked) return;
  observed.isAsked = true;
  void observed.watch.next().then((batch) => {
    observed.isAsked = false;
    observed.batches.push(batch);
  });
}

/** Checks what a watch was told against the history. */
function check(fixture: WatchFixture, observed: Observed, isDrained: boolean): void {
  const { range, withPrevious, after, mayReset, batches } = observed;
  const expected = fixture.expected(range, { after, withPrevious });
  const seen: string[] = [];
  let isReset = false;
  for (const batch of batches) {
    if (batch?.kind === "reset") {
      equal(mayReset && batch.reason, "vacuumed");
      isReset = true;
    }
    if (batch?.kind !== "events") continue;
    seen.push(...batch.events.map((event) => eventText(event, withPrevious)));
    const next = expected[seen.length];
    equal(next?.split(" ")[0] === seen.at(-1)?.split(" ")[0], false, "a commit was torn");
  }
  deepEqual(seen, expected.slice(0, seen.length));
  if (isDrained && !isReset) equal(seen.length, expected.length);
}

/** Runs them, and checks every watch against the history. */
async function runSteps(steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]) {
  const fixture = new WatchFixture({ queueEventCountMax: 3, pieceEventCountMax: 2 });
  const all: Observed[] = [];
  let closed: Observed[] = [];
  const open = (range: KeyRange, from: number | undefined, withPrevious: boolean) => {
    const after = from ?? fixture.closedVersion;
    const mayReset = after < fixture.horizons.userVersion;
    const watch = fixture.watch({ range, from, withPrevious });
    all.push({ watch, range, withPrevious, after, mayReset, batches: [], isAsked: false });
  };
  for (const one of steps) {
    if (Array.isArray(one)) fixture.apply(...one);
    else if ("open" in one) {
      const back = fixture.history.at(-1 - one.back)?.version ?? 1_000_000;
      open(ranges[one.open], one.isNow ? undefined : back, one.withPrevious);
    } else if ("take" in one) {
      for (const observed of all.slice(one.take, one.take + 2)) take(observed);
    } else if ("vacuum" in one) {
      fixture.vacuum(fixture.history.at(-1 - one.vacuum)?.version ?? 0);
    } else if ("close" in one && one.close < all.length) {
      const [observed] = all.splice(one.close, 1);
      observed.watch.close();
      closed = [...closed, observed];
      if (!observed.isAsked) open(observed.range, observed.watch.version, observed.withPrevious);
    } else if ("settle" in one) {
      for (let turn = 0; turn < one.settle; turn++) await Promise.resolve();
    } else if ("look" in one) {
      fixture.clock.advance(1_000);
    }
  }
  for (let count = 0; count < 200; count++) {
    for (const observed of all) if (observed.batches.at(-1)?.kind !== "reset") take(observed);
    await settle();
    if (all.every((observed) => observed.isAsked || isOver(observed))) break;
  }
  for (const observed of [...all, ...closed]) check(fixture, observed, all.includes(observed));
  await fixture.hub.close();
  equal(fixture.holds.size, 0);
  equal(fixture.hub.statistics().queuedBytes, 0);
}

const isOver = ({ batches }: Observed) => batches.at(-1)?.kind === "reset";

/** Checks that every watch hears the whole history of its range, in order and in whole commits. */
export async function everyWatchHearsItsHistory(runCount: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), runSteps),
    { numRuns: runCount },
  );
}
