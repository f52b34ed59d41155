/**
 * @module
 */
import { equal } from "node:assert/strict";
import fc from "fast-check";
import {
  parseConditionVersion,
  parseVersionstamp,
  versionNever,
  versionstampText,
} from "../../../server/wire/versionstamps.ts";

Deno.test("versionstampText() is 16 digits of the version and four zeros", () => {
  equal(versionstampText(0), "00000000000000000000");
  const digits = BigInt(1_790_000_000_000_000).toString(16).padStart(16, "0");
  equal(versionstampText(1_790_000_000_000_000), `${digits}0000`);
  equal(versionstampText(2 ** 32 + 0x0102), "00000001000001020000");
  equal(versionstampText(2 ** 32 - 1), "00000000ffffffff0000");
});

Deno.test("parseVersionstamp() undoes versionstampText(), and text order is version order", () => {
  const version = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  fc.assert(fc.property(version, version, (left, right) => {
    equal(parseVersionstamp(versionstampText(left)), left);
    equal(left < right, versionstampText(left) < versionstampText(right));
  }));
});

for (
  const text of [
    "",
    "0",
    "0".repeat(19),
    "0".repeat(21),
    "0".repeat(16) + "0001",
    "f".repeat(16) +
    "0000",
    "00000000000000AB0000",
    " 0000000000000000000",
  ]
) {
  Deno.test(`parseVersionstamp() refuses "${text}"`, () =>
    equal(parseVersionstamp(text), undefined));
}

Deno.test("parseConditionVersion() takes any 20 digits, and knows which no commit has", () => {
  equal(parseConditionVersion("000000000000000a0000"), 10);
  for (const text of ["00000000000000000001", "f".repeat(20), "ffffffffffffffff0000"]) {
    equal(parseConditionVersion(text), versionNever);
  }
  for (const text of ["", "*", "F".repeat(20), "0".repeat(19), "0".repeat(21)]) {
    equal(parseConditionVersion(text), undefined);
  }
});
