/**
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { entryJson, entryObject } from "../../../server/wire/entries.ts";

const bytes = fc.uint8Array({ maxLength: 20 });
const types = fc.constantFrom("application/json", "text/plain", "image/png", 'a/b;c="d"');

Deno.test("entryJson() is the JSON of entryObject() for any bytes, on one line", () => {
  const expiry = fc.constantFrom(undefined, 1_790_000_000_000_001);
  fc.assert(fc.property(bytes, bytes, types, expiry, (keyBytes, value, contentType, expiresAt) => {
    const key = String.fromCharCode(...keyBytes);
    const stored = { bytes: value, contentType, version: 77, expiresAt };
    const text = entryJson(key, stored);
    equal(text.includes("\n"), false);
    const { keyBase64, valueBase64, ...rest } = JSON.parse(text);
    const object = entryObject(key, stored);
    const shown = { ...rest };
    if (keyBase64 !== undefined) shown.key = Uint8Array.fromBase64(keyBase64);
    if (valueBase64 !== undefined) shown.value = Uint8Array.fromBase64(valueBase64);
    deepEqual(shown, object);
  }));
});

Deno.test("entryJson() leaves the value out of keys only, and puts a lead in front", () => {
  const stored = {
    bytes: new Uint8Array(0),
    contentType: "text/plain",
    version: 1,
    expiresAt: 1_790_000_000_000_001,
  };
  equal(
    entryJson("a", stored, { isKeysOnly: true, lead: '"status":200' }),
    '{"status":200,"key":"a","contentType":"text/plain",' +
      '"versionstamp":"00000000000000010000","expiresAt":"2026-09-21T14:13:20.000001Z"}',
  );
});
