/**
 * @module
 */
import { deepEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { packMessage, unpackMessage } from "../../../server/wire/message_pack.ts";

Deno.test("unpackMessage() undoes packMessage() for all that JSON can say", () => {
  fc.assert(fc.property(fc.json(), (text) => {
    const value = JSON.parse(text.replaceAll("__proto__", "proto"));
    deepEqual(JSON.stringify(unpackMessage(packMessage(value))), JSON.stringify(value));
  }));
});

const refused: Record<string, number[]> = {
  "nothing": [],
  "a list longer than the bytes": [0xdd, 0x01, 0xff, 0xff, 0xff],
  "a map longer than the bytes": [0xdf, 0xff, 0xff, 0xff, 0xff],
  "text longer than the bytes": [0xdb, 0x00, 0x00, 0x00, 0x02, 0x61],
  "bytes longer than the bytes": [0xc5, 0x00, 0x02, 0x61],
  "a length that is cut": [0xc6, 0x00],
  "a number that is cut": [0xcb, 0x00],
  "an extension": [0xd4, 0x01, 0x00],
  "an extension with a length": [0xc7, 0x00, 0x01],
  "the byte that is never used": [0xc1],
  "bytes behind the value": [0xc0, 0xc0],
  "short text that is not UTF-8": [0xa2, 0x61, 0xff],
  "long text that is not UTF-8": [0xd9, 0x02, 0xc3, 0x28],
  "the one name that an object cannot have": [
    0x81,
    0xa9,
    ...new TextEncoder().encode("__proto__"),
    0,
  ],
};
for (const [name, bytes] of Object.entries(refused)) {
  Deno.test(`unpackMessage() refuses ${name}`, () => {
    throws(() => unpackMessage(Uint8Array.from(bytes)), { code: "invalid_request" });
  });
}

Deno.test("unpackMessage() refuses deep nesting without using the stack up", () => {
  throws(() => unpackMessage(new Uint8Array(1_000_000).fill(0x91)), { code: "invalid_request" });
});

Deno.test("unpackMessage() answers or refuses any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        unpackMessage(bytes);
      } catch (error) {
        deepEqual((error as { code?: string }).code, "invalid_request");
      }
    }),
    { numRuns: 3_000 },
  );
});
