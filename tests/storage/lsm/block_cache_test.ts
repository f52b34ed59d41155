import { equal, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { EntryKind } from "../../../storage/cursor.ts";
import { InvariantError } from "../../../storage/env/mod.ts";
import { BlockCache } from "../../../storage/lsm/block_cache.ts";
import { BlockBuilder } from "../../../storage/lsm/block_builder.ts";
import { Block } from "../../../storage/lsm/block_reader.ts";

function block(valueSizeBytes: number): Block {
  const builder = new BlockBuilder({ restartInterval: 16, capacityBytes: 64 });
  builder.add("k", 1, EntryKind.value, new Uint8Array(valueSizeBytes), 0, valueSizeBytes);
  const bytes = builder.finish().slice();
  return new Block({ bytes, sizeBytes: bytes.length }, { path: "x", offset: 0 });
}

const unit = block(0).chargeBytes;

Deno.test("BlockCache.get() returns what was set, per table and block, and counts", () => {
  const cache = new BlockCache(10 * unit);
  const [left, right] = [cache.register(2), cache.register(2)];
  const [first, second] = [block(0), block(0)];
  cache.set(left, 1, first);
  cache.set(right, 1, second);
  strictEqual(cache.get(left, 1), first);
  strictEqual(cache.get(right, 1), second);
  equal(cache.get(left, 0), undefined);
  equal(cache.hitCount, 2);
  equal(cache.missCount, 1);
  equal(cache.sizeBytes, 2 * unit);
});

Deno.test("BlockCache.set() evicts the oldest block that was not used since", () => {
  const cache = new BlockCache(3 * unit);
  const table = cache.register(5);
  for (let index = 0; index < 3; index++) cache.set(table, index, block(0));
  cache.get(table, 0);
  cache.set(table, 3, block(0));
  ok(cache.get(table, 0) !== undefined);
  equal(cache.get(table, 1), undefined);
  ok(cache.get(table, 2) !== undefined);
  ok(cache.get(table, 3) !== undefined);
});

Deno.test("BlockCache.set() of a block above the capacity keeps the others and not the block", () => {
  const cache = new BlockCache(2 * unit);
  const table = cache.register(2);
  cache.set(table, 0, block(0));
  cache.set(table, 1, block(4 * unit));
  ok(cache.get(table, 0) !== undefined);
  equal(cache.get(table, 1), undefined);
});

Deno.test("BlockCache.set() twice for one place charges once", () => {
  const cache = new BlockCache(10 * unit);
  const table = cache.register(1);
  cache.set(table, 0, block(0));
  const second = block(0);
  cache.set(table, 0, second);
  strictEqual(cache.get(table, 0), second);
  equal(cache.sizeBytes, unit);
  equal(cache.blockCount, 1);
});

Deno.test("BlockCache.drop() gives back one table's bytes only", () => {
  const cache = new BlockCache(10 * unit);
  const [left, right] = [cache.register(3), cache.register(3)];
  for (let index = 0; index < 3; index++) {
    cache.set(left, index, block(0));
    cache.set(right, index, block(0));
  }
  cache.drop(left);
  equal(cache.sizeBytes, 3 * unit);
  equal(cache.get(left, 0), undefined);
  ok(cache.get(right, 2) !== undefined);
  cache.drop(right);
  equal(cache.sizeBytes, 0);
  equal(cache.blockCount, 0);
});

Deno.test("BlockCache of capacity 0 keeps nothing", () => {
  const cache = new BlockCache(0);
  const table = cache.register(1);
  cache.set(table, 0, block(0));
  equal(cache.get(table, 0), undefined);
  throws(() => new BlockCache(-1), InvariantError);
});

Deno.test("BlockCache keeps its bound and never answers with another block", () => {
  const action = fc.record({
    table: fc.nat(2),
    index: fc.nat(9),
    what: fc.constantFrom("get", "get", "set", "set", "drop"),
    size: fc.nat(2_000),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const cache = new BlockCache(8 * unit);
      const tables = [0, 1, 2].map(() => cache.register(10));
      const model = new Map<string, Block>();
      for (const { table, index, what, size } of actions) {
        const place = `${table}/${index}`;
        if (what === "get") {
          const found = cache.get(tables[table], index);
          if (found !== undefined) strictEqual(found, model.get(place));
        } else if (what === "set") {
          const fresh = block(size);
          model.set(place, fresh);
          cache.set(tables[table], index, fresh);
          if (fresh.chargeBytes <= cache.capacityBytes) {
            strictEqual(tables[table].slots[index]?.block, fresh);
          } else model.delete(place);
        } else {
          cache.drop(tables[table]);
          for (let at = 0; at < 10; at++) model.delete(`${table}/${at}`);
        }
        const held = tables.flatMap(({ slots }) => slots).filter((slot) => slot !== undefined);
        equal(cache.sizeBytes, held.reduce((sum, slot) => sum + slot.chargeBytes, 0));
        equal(cache.blockCount, held.length);
        ok(cache.sizeBytes <= cache.capacityBytes);
      }
    }),
  );
});
