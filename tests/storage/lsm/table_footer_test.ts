import { deepEqual, equal, ok, throws } from "node:assert/strict";
import * as zlib from "node:zlib";
import { ByteReader, ByteWriter, MalformedBytesError } from "../../../storage/env/mod.ts";
import { StorageError } from "../../../storage/errors.ts";
import { checksumSeed } from "../../../storage/lsm/physical_block.ts";
import type { TableProperties } from "../../../storage/lsm/table_footer.ts";
import {
  decodeFooter,
  decodeProperties,
  encodeFooter,
  encodeProperties,
  footerSizeBytes,
} from "../../../storage/lsm/table_footer.ts";

const place = { tableNumber: 9, offset: 600, path: "000009.sst" };
const footer = {
  filter: { offset: 500, sizeBytes: 20 },
  index: { offset: 520, sizeBytes: 30 },
  properties: { offset: 550, sizeBytes: 50 },
};

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    ok(error instanceof StorageError, String(error));
    return error.code;
  }
  return "none";
}

Deno.test("decodeFooter() returns what encodeFooter() wrote", () => {
  const bytes = encodeFooter(footer, place);
  equal(bytes.length, footerSizeBytes);
  deepEqual(decodeFooter(bytes, place), footer);
});

Deno.test("decodeFooter() finds every flipped bit", () => {
  const bytes = encodeFooter(footer, place);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >>> 3] ^= 1 << (bit & 7);
    equal(codeOf(() => decodeFooter(flipped, place)), "corruption", `bit ${bit}`);
  }
});

Deno.test("decodeFooter() refuses the footer of another table or of a file of another size", () => {
  const bytes = encodeFooter(footer, place);
  equal(codeOf(() => decodeFooter(bytes, { ...place, tableNumber: 8 })), "corruption");
  equal(codeOf(() => decodeFooter(bytes, { ...place, offset: 601 })), "corruption");
});

Deno.test("decodeFooter() names a format that it cannot read", () => {
  const bytes = encodeFooter(footer, place);
  const view = new DataView(bytes.buffer);
  view.setUint32(footerSizeBytes - 16, 3, true);
  const covered = bytes.subarray(0, footerSizeBytes - 12);
  view.setUint32(footerSizeBytes - 12, zlib.crc32(covered, checksumSeed(9, 600)), true);
  equal(codeOf(() => decodeFooter(bytes, place)), "unsupported_format");
});

const gaps = [
  { ...footer, filter: { offset: 500, sizeBytes: 19 } },
  { ...footer, index: { offset: 520, sizeBytes: 31 } },
  { ...footer, properties: { offset: 550, sizeBytes: 49 } },
  { ...footer, filter: { offset: 511, sizeBytes: 9 } },
];
for (const [index, gap] of gaps.entries()) {
  Deno.test(`decodeFooter() refuses parts that leave a gap, overlap or hold nothing, ${index}`, () => {
    equal(codeOf(() => decodeFooter(encodeFooter(gap, place), place)), "corruption");
  });
}

const properties: TableProperties = {
  entryCount: 5,
  tombstoneCount: 1,
  shadowedCount: 2,
  shadowedBytes: 2 ** 40,
  oldestVersion: 0,
  newestVersion: 2 ** 53 - 1,
  keyCount: 3,
  blockCount: 1,
  keyBytes: 30,
  valueBytes: 40,
  smallestKey: "",
  largestKey: "k\xff\x00",
  deaths: [
    { cause: 1, entryCount: 2, sizeBytes: 2 ** 40, keyCount: 1, points: [0, 7, 2 ** 53 - 1] },
    { cause: 2, entryCount: 1, sizeBytes: 4, keyCount: 1, points: [2 ** 50] },
  ],
};

Deno.test("decodeProperties() returns what encodeProperties() wrote, and skips unknown tags", () => {
  const out = new ByteWriter();
  out.varint(200);
  out.latin1Prefixed("a sketch of a later format");
  out.bytes(encodeProperties(properties));
  out.varint(14);
  out.bytesPrefixed(new Uint8Array(0));
  deepEqual(decodeProperties(new ByteReader(out.view())), properties);
});

Deno.test("decodeProperties() refuses a missing or a mis-sized field", () => {
  const bytes = encodeProperties(properties);
  throws(() => decodeProperties(new ByteReader(bytes.slice(10))), MalformedBytesError);
  throws(() => decodeProperties(new ByteReader(bytes.slice(0, -1))), MalformedBytesError);
  const longer = new ByteWriter();
  longer.varint(1);
  longer.bytesPrefixed(new Uint8Array(9));
  longer.bytes(bytes.subarray(10));
  throws(() => decodeProperties(new ByteReader(longer.view())), MalformedBytesError);
});
