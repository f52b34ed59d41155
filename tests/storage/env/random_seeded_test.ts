import { deepEqual, equal, notDeepEqual, ok, throws } from "node:assert/strict";
import { InvariantError, SeededRandom } from "../../../storage/env/mod.ts";

const draw = (random: { below(bound: number): number }, count: number) =>
  Array.from({ length: count }, () => random.below(1_000));

Deno.test("SeededRandom draws the same numbers from the same seed, for ever", () => {
  // Golden: seeds kept in files must go on meaning the same run.
  deepEqual(draw(new SeededRandom(1), 6), [91, 506, 888, 487, 434, 507]);
  deepEqual(draw(new SeededRandom(1), 50), draw(new SeededRandom(1), 50));
});

Deno.test("SeededRandom tells neighbouring, huge and negative seeds apart", () => {
  const seeds = [0, 1, 2, -1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
  const first = seeds.map((seed) => draw(new SeededRandom(seed), 4).join());
  equal(new Set(first).size, seeds.length);
  throws(() => new SeededRandom(0.5), InvariantError);
});

Deno.test("SeededRandom.below() covers its range evenly and refuses a bound out of range", () => {
  const random = new SeededRandom(7);
  const counts = new Array<number>(10).fill(0);
  for (let round = 0; round < 10_000; round++) counts[random.below(10)]++;
  for (const count of counts) ok(count > 850 && count < 1_150, `uneven: ${counts}`);
  equal(random.below(1), 0);
  throws(() => random.below(0), InvariantError);
  throws(() => random.below(2 ** 32 + 1), InvariantError);
});

Deno.test("SeededRandom.fraction() stays in [0, 1), and bytes() uses all values", () => {
  const random = new SeededRandom(8);
  for (let round = 0; round < 1_000; round++) {
    const value = random.fraction();
    ok(value >= 0 && value < 1);
  }
  equal(new Set(random.bytes(10_000)).size, 256);
});

Deno.test("SeededRandom.fork() depends on seed and label, not on what was drawn before", () => {
  const fresh = new SeededRandom(9);
  const used = new SeededRandom(9);
  draw(used, 10);
  deepEqual(draw(fresh.fork("disk"), 5), draw(used.fork("disk"), 5));
  notDeepEqual(draw(fresh.fork("disk"), 5), draw(fresh.fork("clock"), 5));
  notDeepEqual(draw(fresh.fork("disk"), 5), draw(new SeededRandom(10).fork("disk"), 5));
});
