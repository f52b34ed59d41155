import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  decodeVersionstamp,
  encodeVersionstamp,
  formatVersionstamp,
  parseVersionstamp,
} from "../../../storage/mvcc/versionstamp.ts";
import { InvariantError } from "../../../storage/env/mod.ts";

const version = fc.maxSafeNat();

const golden = [
  { version: 0, text: "00000000000000000000" },
  { version: 1, text: "00000000000000010000" },
  { version: 0x1_0000_0000, text: "00000001000000000000" },
  { version: 1_795_000_000_000_000, text: "0006608b015f30000000" },
  { version: Number.MAX_SAFE_INTEGER, text: "001fffffffffffff0000" },
];
for (const { version, text } of golden) {
  Deno.test(`formatVersionstamp() writes ${version} as ${text}`, () => {
    equal(formatVersionstamp(version), text);
    equal(parseVersionstamp(text), version);
  });
}

Deno.test("encodeVersionstamp() writes the version big-endian and two zero bytes", () => {
  deepEqual([...encodeVersionstamp(0x0102_0304_0506)], [0, 0, 1, 2, 3, 4, 5, 6, 0, 0]);
});

const refused = [
  { name: "an empty text", text: "" },
  { name: "19 digits", text: "0000000000000001000" },
  { name: "21 digits", text: "000000000000000100000" },
  { name: "upper-case digits", text: "00000000000000FF0000" },
  { name: "trailing bytes that are not zero", text: "00000000000000010001" },
  { name: "a letter that is no digit", text: "000000000000000g0000" },
  { name: "a line break at the end", text: "00000000000000010000\n" },
  { name: "more than a safe integer", text: "00200000000000000000" },
];
for (const { name, text } of refused) {
  Deno.test(`parseVersionstamp() refuses ${name}`, () => equal(parseVersionstamp(text), undefined));
}

Deno.test("decodeVersionstamp() refuses other lengths, trailing bytes and unsafe integers", () => {
  equal(decodeVersionstamp(new Uint8Array(9)), undefined);
  equal(decodeVersionstamp(new Uint8Array(11)), undefined);
  equal(decodeVersionstamp(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 1, 0)), undefined);
  equal(decodeVersionstamp(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 0, 1)), undefined);
  equal(decodeVersionstamp(Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0)), undefined);
});

Deno.test("formatVersionstamp() refuses what is no version", () => {
  for (const wrong of [-1, 1.5, NaN, 2 ** 53]) {
    throws(() => formatVersionstamp(wrong), InvariantError);
    throws(() => encodeVersionstamp(wrong), InvariantError);
  }
});

Deno.test("versionstamps come back as they were and keep the order of versions", () => {
  fc.assert(fc.property(version, version, (left, right) => {
    equal(parseVersionstamp(formatVersionstamp(left)), left);
    equal(decodeVersionstamp(encodeVersionstamp(left)), left);
    equal(formatVersionstamp(left) < formatVersionstamp(right), left < right);
  }));
});
