/**
 * @module
 */
import { deepEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { decodeCursor, encodeCursor } from "../../../server/wire/cursor_token.ts";

const key = fc.uint8Array({ maxLength: 40 }).map((bytes) => String.fromCharCode(...bytes));
const bound = fc.option(key, { nil: undefined });
const safe = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const cursor = fc.record({
  range: fc.record({ start: bound, end: bound }),
  isReverse: fc.boolean(),
  isKeysOnly: fc.boolean(),
  version: safe,
  expiresAtMs: safe,
  leaseId: safe,
  lastKey: key,
});

Deno.test("decodeCursor() undoes encodeCursor()", () => {
  fc.assert(fc.property(cursor, (token) => {
    deepEqual(decodeCursor(encodeCursor(token)), token);
  }));
});

Deno.test("decodeCursor() refuses a token with any one character changed or missing", () => {
  fc.assert(fc.property(cursor, fc.nat(), (token, seed) => {
    const text = encodeCursor(token);
    const index = seed % text.length;
    const changed = text.slice(0, index) + (text[index] === "A" ? "g" : "A") +
      text.slice(index + 1);
    throws(() => decodeCursor(changed), { code: "invalid_request" });
    const shorter = text.slice(0, index) + text.slice(index + 1);
    throws(() => decodeCursor(shorter), { code: "invalid_request" });
  }));
});

Deno.test("decodeCursor() refuses what is too long to be ours", () => {
  throws(() => decodeCursor("A".repeat(1_000_000)), { code: "invalid_request" });
});
