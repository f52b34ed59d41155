import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { EntryKind } from "../../../storage/cursor.ts";
import { ByteReader, ByteWriter, MalformedBytesError } from "../../../storage/env/mod.ts";
import {
  areSketchesEqual,
  deadShare,
  DeathCause,
  DeathTally,
  decodeSketches,
  encodeSketches,
} from "../../../storage/lsm/death_sketch.ts";
import type { DeathSketch } from "../../../storage/lsm/death_sketch.ts";

const { value, tombstone } = EntryKind;

Deno.test("DeathTally tells of each space when its entries die", () => {
  const tally = new DeathTally();
  const due = `e${"\0".repeat(6)}\x01\x02`;
  tally.add("c1", 7, value, -1, 20);
  tally.add(due, 3, value, -1, 9);
  tally.add("e cut", 3, value, -1, 5);
  tally.add("ka", 9, value, -1, 100);
  tally.add("ka", 8, tombstone, 9, 2);
  tally.add("ka", 5, value, 8, 30);
  tally.add("kb", 4, tombstone, -1, 2);
  tally.add("r1", 6, value, -1, 40);
  tally.add("x unknown", 6, value, 9, 40);
  deepEqual(tally.finish(), [
    { cause: DeathCause.shadowed, entryCount: 1, sizeBytes: 30, keyCount: 1, points: [8] },
    { cause: DeathCause.tombstone, entryCount: 2, sizeBytes: 4, keyCount: 2, points: [4, 8] },
    { cause: DeathCause.change, entryCount: 1, sizeBytes: 20, keyCount: 1, points: [7] },
    { cause: DeathCause.request, entryCount: 1, sizeBytes: 40, keyCount: 1, points: [6] },
    {
      cause: DeathCause.expiry,
      entryCount: 2,
      sizeBytes: 14,
      keyCount: 2,
      points: [258, Number.MAX_SAFE_INTEGER],
    },
  ]);
});

function sketchOf(deaths: readonly { version: number; sizeBytes: number }[]): DeathSketch {
  const tally = new DeathTally();
  for (const [index, { version, sizeBytes }] of deaths.entries()) {
    tally.add(`k${Math.floor(index / 3)}`, 0, value, version, sizeBytes);
  }
  return tally.finish()[0];
}

const death = fc.record({
  version: fc.oneof(fc.nat({ max: 1_000 }), fc.maxSafeNat()),
  sizeBytes: fc.integer({ min: 1, max: 3_000 }),
});

Deno.test("deadShare() is exact at both ends, and never falls with a rising horizon", () => {
  fc.assert(fc.property(fc.array(death, { minLength: 1, maxLength: 300 }), (deaths) => {
    const sketch = sketchOf(deaths);
    const versions = deaths.map(({ version }) => version).sort((left, right) => left - right);
    const [first, last] = [versions[0], versions[versions.length - 1]];
    ok(sketch.points.length <= 9);
    equal(deadShare(sketch, first - 1), 0);
    equal(deadShare(sketch, last), 1);
    if (last < 2 ** 40) ok(deadShare(sketch, last - 1) < 1);
    let before = 0;
    for (const version of versions) {
      const share = deadShare(sketch, version);
      ok(share >= before && share <= 1);
      before = share;
    }
  }));
});

Deno.test("deadShare() is near the share of bytes that are dead, of many deaths too", () => {
  // The first half in order of keys dies late and is large: an even sample of entries would be off.
  const deaths = Array.from({ length: 40_000 }, (_, index) => ({
    version: 1_000_000 - index * 10 + (index * 7_919) % 5_000,
    sizeBytes: index < 20_000 ? 500 : 50,
  }));
  const sketch = sketchOf(deaths);
  const total = deaths.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  equal(sketch.sizeBytes, total);
  for (let horizon = 590_000; horizon < 1_010_000; horizon += 9_000) {
    const dead = deaths.filter(({ version }) => version <= horizon)
      .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const share = deadShare(sketch, horizon);
    ok(Math.abs(share - dead / total) < 0.08, `${horizon}: ${share}, want ${dead / total}`);
  }
});

const sketches: DeathSketch[] = [
  {
    cause: 1,
    entryCount: 9,
    sizeBytes: 2 ** 45,
    keyCount: 3,
    points: [1, 1, 2 ** 52, 2 ** 53 - 1],
  },
  { cause: 77, entryCount: 1, sizeBytes: 0, keyCount: 1, points: [0] },
];

function encoded(given: readonly DeathSketch[]): Uint8Array {
  const out = new ByteWriter();
  encodeSketches(given, out);
  return out.copy();
}

Deno.test("decodeSketches() reads what was written, a cause of a later format too", () => {
  deepEqual(decodeSketches(new ByteReader(encoded(sketches))), sketches);
  ok(areSketchesEqual(sketches, structuredClone(sketches)));
  for (const field of ["cause", "entryCount", "sizeBytes", "keyCount"] as const) {
    const [first, second] = sketches;
    const other = [{ ...first, [field]: first[field] + 1 }, second];
    ok(!areSketchesEqual(sketches, other), field);
  }
  ok(!areSketchesEqual(sketches, sketches.slice(1)));
  ok(!areSketchesEqual(sketches, [sketches[0], { ...sketches[1], points: [1] }]));
  ok(!areSketchesEqual(sketches, [sketches[0], { ...sketches[1], points: [0, 0] }]));
});

const [good] = sketches;
const malformed: { name: string; given: readonly DeathSketch[] }[] = [
  { name: "causes that do not rise", given: [good, good] },
  { name: "a sketch of nothing", given: [{ ...good, entryCount: 0 }] },
  { name: "more keys than entries", given: [{ ...good, keyCount: 10 }] },
  { name: "no points", given: [{ ...good, points: [] }] },
  { name: "too many points", given: [{ ...good, points: new Array<number>(10).fill(1) }] },
];
for (const { name, given } of malformed) {
  Deno.test(`decodeSketches() refuses ${name}`, () => {
    throws(() => decodeSketches(new ByteReader(encoded(given))), MalformedBytesError);
  });
}
