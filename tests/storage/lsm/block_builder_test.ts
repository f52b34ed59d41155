import { deepEqual, equal, throws } from "node:assert/strict";
import { EntryKind } from "../../../storage/cursor.ts";
import { InvariantError, latin1Bytes } from "../../../storage/env/mod.ts";
import { BlockBuilder, treeKeySizeBytesMax } from "../../../storage/lsm/block_builder.ts";

const noBytes = new Uint8Array(0);

function builder(restartInterval: number): BlockBuilder {
  return new BlockBuilder({ restartInterval, capacityBytes: 64 });
}

Deno.test("BlockBuilder.finish() lays entries and restarts out as the format says", () => {
  const block = builder(2);
  const source = latin1Bytes("..one..");
  block.add("kab", 0x01_02030405, EntryKind.value, source, 2, 5);
  block.add("kac", 7, EntryKind.tombstone, noBytes, 0, 0);
  block.add("kad", 2 ** 53 - 1, EntryKind.value, noBytes, 0, 0);
  equal(block.entryCount, 3);
  const expectedSize = block.sizeBytes;
  const payload = block.finish();
  equal(payload.length, expectedSize);
  deepEqual(
    payload.toHex(),
    [
      "000303" + "05040302010000" + "01" + "6b6162" + "6f6e65",
      "020100" + "07000000000000" + "00" + "63",
      "000300" + "ffffffffffff1f" + "01" + "6b6164",
      "00000000" + "1d000000" + "02000000",
    ].join(""),
  );
});

Deno.test("BlockBuilder.finish() starts the next block empty", () => {
  const block = builder(16);
  block.add("kb", 1, EntryKind.value, noBytes, 0, 0);
  const first = block.finish().toHex();
  equal(block.entryCount, 0);
  // Smaller than the last key of the block before: blocks know nothing of each other.
  block.add("ka", 1, EntryKind.value, noBytes, 0, 0);
  equal(block.finish().toHex(), first.replace("6b62", "6b61"));
});

Deno.test("BlockBuilder.add() shares all of a key between its versions", () => {
  const block = builder(16);
  block.add("key", 9, EntryKind.value, noBytes, 0, 0);
  const before = block.sizeBytes;
  block.add("key", 8, EntryKind.value, noBytes, 0, 0);
  equal(block.sizeBytes - before, 3 + 8);
});

const unordered = [
  { name: "an older key", key: "ka", version: 9 },
  { name: "a prefix of the key", key: "k", version: 9 },
  { name: "the same entry", key: "kb", version: 5 },
  { name: "a newer version", key: "kb", version: 6 },
];
for (const { name, key, version } of unordered) {
  for (const interval of [1, 16]) {
    Deno.test(`BlockBuilder.add() refuses ${name} behind an entry, interval ${interval}`, () => {
      const block = builder(interval);
      block.add("kb", 5, EntryKind.value, noBytes, 0, 0);
      throws(() => block.add(key, version, EntryKind.value, noBytes, 0, 0), InvariantError);
    });
  }
}

Deno.test("BlockBuilder.add() refuses a key or a version that readers would refuse", () => {
  const long = "k".repeat(treeKeySizeBytesMax + 1);
  throws(() => builder(1).add(long, 1, EntryKind.value, noBytes, 0, 0), InvariantError);
  throws(() => builder(1).add("k", 2 ** 53, EntryKind.value, noBytes, 0, 0), InvariantError);
  throws(() => builder(1).add("k", -1, EntryKind.value, noBytes, 0, 0), InvariantError);
});

Deno.test("BlockBuilder.finish() refuses an empty block", () => {
  throws(() => builder(1).finish(), InvariantError);
});
