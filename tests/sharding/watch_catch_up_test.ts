import { deepEqual, equal } from "node:assert/strict";
import type { KeyRange } from "../../sharding/database.ts";
import { ShardError } from "../../sharding/errors.ts";
import { prefixRange } from "../../sharding/prefix_range.ts";
import { CatchUp, type CatchUpPiece } from "../../sharding/watch_catch_up.ts";
import { DiskError } from "../../storage/env/mod.ts";
import { type Draft, eventText, settle, WatchFixture } from "./watch_fixture.ts";

interface Given {
  readonly after: number;
  readonly range?: KeyRange;
  readonly withPrevious?: boolean;
  readonly isWanted?: () => boolean;
}

/** Asks for pieces; what each came to is in `answers`. */
class Asking {
  readonly fixture: WatchFixture;
  readonly catchUp: CatchUp;
  readonly answers: (CatchUpPiece | unknown)[] = [];

  constructor(fixture: WatchFixture) {
    this.fixture = fixture;
    const options = { pieceEventCountMax: 3, pieceSizeBytesMax: 10_000 };
    this.catchUp = new CatchUp({
      store: fixture,
      replica: fixture,
      clock: fixture.clock,
      options,
    });
  }

  want(given: Given): number {
    const slot = this.answers.push(undefined) - 1;
    this.catchUp.want({
      range: {},
      withPrevious: false,
      isWanted: () => true,
      isProgressDue: () => false,
      take: (piece) => this.answers[slot] = piece,
      fail: (error) => this.answers[slot] = error,
      ...given,
    });
    return slot;
  }

  piece(slot: number): CatchUpPiece {
    return this.answers[slot] as CatchUpPiece;
  }

  shown(slot: number): string[] {
    return this.piece(slot).events.map((event) => eventText(event).slice(8));
  }
}

Deno.test("CatchUp begins in the middle of a record, and ends a piece behind a commit", async () => {
  const fixture = new WatchFixture();
  fixture.apply([["a", "1"]], [["b", "2"], ["c", "3"]], [["d", "4"]], [["e", "5"]]);
  const asking = new Asking(fixture);
  const slot = asking.want({ after: 1_000_010 });
  await asking.catchUp.settled();
  deepEqual(asking.shown(slot), ["set b 2", "set c 3", "set d 4"]);
  const { through, isNewest } = asking.piece(slot);
  deepEqual([through, isNewest], [1_000_030, false]);
});

Deno.test("CatchUp goes by bytes too", async () => {
  const fixture = new WatchFixture();
  fixture.apply([["a", "x".repeat(12_000)]], [["b", "2"]]);
  const asking = new Asking(fixture);
  const slot = asking.want({ after: 0 });
  await asking.catchUp.settled();
  equal(asking.piece(slot).events.length, 1);
});

Deno.test("CatchUp serves each from its own position, whatever it reads for others", async () => {
  const fixture = new WatchFixture();
  for (const value of ["1", "2", "3", "4", "5"]) fixture.apply([["a", value], ["b", value]]);
  const asking = new Asking(fixture);
  const ahead = asking.want({ after: 1_000_040, range: prefixRange("a") });
  const behind = asking.want({ after: 1_000_020, range: prefixRange("b") });
  const full = asking.want({ after: 1_000_010 });
  const empty = asking.want({ after: 1_000_000, range: prefixRange("z") });
  await asking.catchUp.settled();
  deepEqual(asking.shown(ahead), ["set a 5"]);
  deepEqual(asking.shown(behind), ["set b 3", "set b 4", "set b 5"]);
  deepEqual(asking.shown(full), ["set a 2", "set b 2", "set a 3", "set b 3"]);
  deepEqual([asking.piece(ahead).isNewest, asking.piece(full).isNewest], [true, false]);
  deepEqual([asking.piece(empty).events.length, asking.piece(empty).through], [0, 1_000_050]);
});

Deno.test("CatchUp reads what comes while it reads, before it says that nothing is behind", async () => {
  const fixture = new WatchFixture();
  fixture.apply([["k0", "v"]], [["k1", "v"]]);
  const asking = new Asking(fixture);
  let isAsked = false;
  const slot = asking.want({
    after: 0,
    isWanted: () => {
      // A commit comes while the cursor stands on what was newest when it was opened.
      if (isAsked && fixture.history.length === 2) fixture.apply([["late", "v"]]);
      isAsked = true;
      return true;
    },
  });
  await asking.catchUp.settled();
  equal(asking.piece(slot).events.length, 3);
  equal(asking.piece(slot).through, 1_000_030);
});

Deno.test("CatchUp takes in who comes meanwhile: at once, or with the next sweep", async () => {
  const fixture = new WatchFixture();
  for (let count = 0; count < 40; count++) fixture.apply([["a", "1"], ["b", "2"]]);
  fixture.clock.stepMs = 1;
  const asking = new Asking(fixture);
  asking.want({ after: 1_000_000, range: prefixRange("z") });
  while (fixture.clock.yieldCount < 5) await Promise.resolve();
  const behind = asking.want({ after: 1_000_000, range: prefixRange("a") });
  const ahead = asking.want({ after: 1_000_390, range: prefixRange("b") });
  await asking.catchUp.settled();
  equal(asking.piece(behind).events[0].version, 1_000_010);
  deepEqual(asking.shown(ahead), ["set b 2"]);
});

Deno.test("CatchUp gives what there is after a while, though the piece is not full", async () => {
  const fixture = new WatchFixture();
  fixture.apply([["a", "1"]]);
  for (let count = 0; count < 200; count++) fixture.apply([["b", "2"]]);
  fixture.clock.stepMs = 1;
  const asking = new Asking(fixture);
  const slot = asking.want({ after: 0, range: prefixRange("a") });
  await asking.catchUp.settled();
  equal(asking.piece(slot).events.length, 1);
  equal(asking.piece(slot).isNewest, false);
});

Deno.test("CatchUp reads no more for who does not want it any more, in a long commit too", async () => {
  const fixture = new WatchFixture();
  fixture.apply(Array.from({ length: 100 }, (_, index): Draft => [`k${index}`, "v"]));
  fixture.clock.stepMs = 1;
  const asking = new Asking(fixture);
  let isWanted = true;
  const slot = asking.want({ after: 0, isWanted: () => isWanted });
  while (fixture.entryCount < 20) await Promise.resolve();
  isWanted = false;
  await settle();
  await asking.catchUp.settled();
  equal(asking.answers[slot], undefined);
  equal(fixture.entryCount < 100, true);
});

Deno.test("CatchUp tells of a failure only whom it concerns", async () => {
  const fixture = new WatchFixture();
  fixture.apply([["a", "1"]]);
  fixture.failure = new DiskError("io", "planted");
  const asking = new Asking(fixture);
  const full = asking.want({ after: 0, withPrevious: true });
  const plain = asking.want({ after: 0 });
  await asking.catchUp.settled();
  const failure = asking.answers[full];
  equal(failure instanceof ShardError && failure.code, "storage_failed");
  deepEqual(asking.shown(plain), ["set a 1"]);
});
