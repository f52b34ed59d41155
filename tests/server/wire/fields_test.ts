/**
 * @module
 */
import { deepEqual, throws } from "node:assert/strict";
import { base64Bytes, listField, objectFields } from "../../../server/wire/fields.ts";

Deno.test("objectFields() takes objects with known fields only", () => {
  const known = new Set(["a"]);
  deepEqual(objectFields({ a: 1 }, "x", known), { a: 1 });
  for (const value of [null, 1, "a", [], { b: 1 }, new Uint8Array(1)]) {
    throws(() => objectFields(value, "x", known), { code: "invalid_request" });
  }
  throws(() => objectFields({ b: 1 }, "x[0]", known), /x\[0\]\.b/);
});

Deno.test("listField() takes lists up to its limit", () => {
  deepEqual(listField({}, "a", 2), []);
  deepEqual(listField({ a: [1, 2] }, "a", 2), [1, 2]);
  throws(() => listField({ a: [1, 2, 3] }, "a", 2), { code: "invalid_request" });
  throws(() => listField({ a: null }, "a", 2), { code: "invalid_request" });
});

Deno.test("base64Bytes() takes padded standard base64 only", () => {
  deepEqual(base64Bytes("/w==", "x"), Uint8Array.of(255));
  for (const value of ["/w", "_w==", "/x==", "a", 1, null]) {
    throws(() => base64Bytes(value, "x"), { code: "invalid_request" });
  }
});
