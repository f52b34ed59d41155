import { deepEqual, equal, throws } from "node:assert/strict";
import { nodeOptions, nodeOptionsDefault } from "../../sharding/mod.ts";
import { InvariantError } from "../../storage/env/mod.ts";

Deno.test("nodeOptions() lays what is given over the defaults", () => {
  deepEqual(nodeOptions(), nodeOptionsDefault);
  equal(nodeOptions({ retentionMs: 0 }).retentionMs, 0);
  equal(nodeOptions({ retentionMs: 0 }).blockCacheBytes, nodeOptionsDefault.blockCacheBytes);
});

const refused = [
  { retentionMs: -1 },
  { retentionMs: NaN },
  { upkeepMs: 0 },
  { watchCountMax: 0 },
  { watchLagMsMax: 0 },
  { valueSizeBytesMax: 0 },
  { valueSizeBytesMax: 16_777_217 },
  { memoryBudgetBytes: 0 },
  { blockCacheBytes: -1 },
];
for (const given of refused) {
  Deno.test(`nodeOptions() refuses ${JSON.stringify(given)}`, () => {
    throws(() => nodeOptions(given), InvariantError);
  });
}
