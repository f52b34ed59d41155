import { equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { InvariantError } from "../../../storage/env/mod.ts";
import {
  BloomFilter,
  BloomFilterBuilder,
  isBloomFilter,
} from "../../../storage/lsm/bloom_filter.ts";
import { keyArbitrary } from "./table_fixture.ts";

function filterBytes(keys: readonly string[], bitsPerKey: number): Uint8Array {
  const builder = new BloomFilterBuilder(bitsPerKey);
  for (const key of keys) builder.add(key);
  const bytes = builder.finish();
  equal(bytes.length, builder.sizeBytes);
  return bytes;
}

Deno.test("BloomFilter.mayContain() never denies a key that was added", () => {
  fc.assert(
    fc.property(fc.array(keyArbitrary), fc.integer({ min: 1, max: 64 }), (keys, bitsPerKey) => {
      const filter = new BloomFilter(filterBytes(keys, bitsPerKey));
      for (const key of keys) ok(filter.mayContain(key), JSON.stringify(key));
    }),
  );
});

for (
  const { bitsPerKey, falseMax } of [{ bitsPerKey: 10, falseMax: 0.013 }, {
    bitsPerKey: 16,
    falseMax: 0.002,
  }]
) {
  Deno.test(`BloomFilter.mayContain() of ${bitsPerKey} bits a key is wrong at most ${falseMax} of the time`, () => {
    const count = 40_000;
    const keys = Array.from({ length: count }, (_, index) => `kuser/${index * 2}`);
    const filter = new BloomFilter(filterBytes(keys, bitsPerKey));
    for (const key of keys) ok(filter.mayContain(key));
    let falseCount = 0;
    for (let index = 0; index < count; index++) {
      if (filter.mayContain(`kuser/${index * 2 + 1}`)) falseCount++;
    }
    ok(falseCount / count < falseMax, `${falseCount} of ${count}`);
  });
}

Deno.test("BloomFilter.mayContain() tells apart keys that differ in order or in one bit only", () => {
  const filter = new BloomFilter(filterBytes(["ab"], 64));
  for (const key of ["ba", "a", "b", "abb", "aab", "\x00ab", "ab\x00", "aB", "\xe1b", ""]) {
    equal(filter.mayContain(key), false, JSON.stringify(key));
  }
});

Deno.test("BloomFilterBuilder.finishInSteps() ends with the same filter, some keys a step", () => {
  const builder = new BloomFilterBuilder(10);
  const keys = Array.from({ length: 1_000 }, (_, index) => `k${index}`);
  for (const key of keys) builder.add(key);
  const steps = [...builder.finishInSteps(64)];
  equal(steps.length, 16);
  equal(steps[15].toHex(), filterBytes(keys, 10).toHex());
  equal([...new BloomFilterBuilder(10).finishInSteps(64)].length, 1);
});

Deno.test("BloomFilterBuilder.finish() makes the bytes of format 1", () => {
  // A change here makes keys of older files disappear: it needs a new format version.
  equal(filterBytes(["kapple", "kpear", "", "\xff\x00"], 10).toHex(), "07b30c163ac7d04821");
});

Deno.test("isBloomFilter() refuses bytes without bits or without probes", () => {
  equal(isBloomFilter(new Uint8Array([7])), false);
  equal(isBloomFilter(new Uint8Array([0, 1])), false);
  equal(isBloomFilter(new Uint8Array([31, 1])), false);
  equal(isBloomFilter(new Uint8Array([30, 1])), true);
  throws(() => new BloomFilter(new Uint8Array(0)), InvariantError);
});
