import { equal } from "node:assert/strict";
import { dueOf, isExpired } from "../../../storage/mvcc/expiry.ts";

const value = { source: Uint8Array.of(9, 7, 9), valueStart: 1, valueEnd: 2 };
const firstByte = (source: Uint8Array, valueStart: number) => source[valueStart];

Deno.test("isExpired() is true from the version on that the value names", () => {
  equal(isExpired(firstByte, "ka", value, 6), false);
  equal(isExpired(firstByte, "ka", value, 7), true);
});

Deno.test("isExpired() asks of user keys only, and never without a rule", () => {
  for (const key of ["c", "e", "r", ""]) equal(isExpired(firstByte, key, value, 8), false);
  equal(isExpired(undefined, "ka", value, 8), false);
});

Deno.test("dueOf() reads eight bytes, the first the highest, and takes a cut key for none", () => {
  equal(dueOf("e\0\x06\x60\x8b\x01\x5f\x30\0ka"), 1_795_000_000_000_000);
  equal(dueOf("e\0\0\0\0\0\0\x01\x02"), 258);
  equal(dueOf("e\0\0\0\0\0\0\0"), Infinity);
});
