import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { prefixRange } from "../../sharding/prefix_range.ts";
import { anyKey } from "./arbitraries.ts";

Deno.test("prefixRange() ends where the last byte that can rise has risen", () => {
  deepEqual(prefixRange("ab"), { start: "ab", end: "ac" });
  deepEqual(prefixRange("a\xff\xff"), { start: "a\xff\xff", end: "b" });
  deepEqual(prefixRange("\xff"), { start: "\xff" });
  deepEqual(prefixRange(""), { start: "" });
});

Deno.test("prefixRange() holds exactly the keys that begin with the prefix", () => {
  const byte = fc.constantFrom("\x00", "a", "b", "\xfe", "\xff");
  const key = fc.oneof(fc.array(byte, { maxLength: 4 }).map((bytes) => bytes.join("")), anyKey);
  fc.assert(fc.property(key, key, (prefix, one) => {
    const { start = "", end } = prefixRange(prefix);
    equal(one >= start && (end === undefined || one < end), one.startsWith(prefix));
  }));
});
