import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  decodeValue,
  encodeValue,
  valueBodyStart,
  valueContentType,
} from "../../sharding/value.ts";
import { ByteWriter, MalformedBytesError } from "../../storage/env/mod.ts";
import { newValue } from "./arbitraries.ts";
import { survivesDamage } from "./codec_properties.ts";

function encoded(contentType: string, bytes: Uint8Array): Uint8Array {
  const out = new ByteWriter();
  encodeValue(out, { bytes, contentType });
  return out.copy();
}

// On disk since format 1: a code that moves makes old values lie about their type.
const golden = [
  { contentType: "application/octet-stream", code: 1 },
  { contentType: "application/json", code: 2 },
  { contentType: "text/plain", code: 3 },
  { contentType: "text/plain;charset=utf-8", code: 4 },
  { contentType: "text/plain; charset=utf-8", code: 5 },
  { contentType: "text/plain;charset=UTF-8", code: 6 },
  { contentType: "text/plain; charset=UTF-8", code: 7 },
  { contentType: "text/html", code: 8 },
  { contentType: "text/html; charset=utf-8", code: 9 },
  { contentType: "application/msgpack", code: 10 },
  { contentType: "application/x-ndjson", code: 11 },
  { contentType: "text/csv", code: 12 },
  { contentType: "application/xml", code: 13 },
  { contentType: "image/png", code: 14 },
  { contentType: "image/jpeg", code: 15 },
  { contentType: "application/x-www-form-urlencoded", code: 16 },
];
for (const { contentType, code } of golden) {
  Deno.test(`encodeValue() writes ${contentType} as the one byte ${code}`, () => {
    deepEqual([...encoded(contentType, Uint8Array.of(7))], [code, 7]);
    equal(decodeValue(Uint8Array.of(code, 7), 1).contentType, contentType);
  });
}

Deno.test("encodeValue() writes any other content type in full", () => {
  deepEqual([...encoded("a/b", Uint8Array.of(9))], [0, 3, 0x61, 0x2f, 0x62, 9]);
});

Deno.test("decodeValue() gives back what was put", () => {
  fc.assert(fc.property(newValue, fc.maxSafeNat(), (value, version) => {
    deepEqual(decodeValue(encoded(value.contentType, value.bytes), version), { ...value, version });
  }));
});

Deno.test("valueBodyStart() and valueContentType() work on a piece of a larger buffer", () => {
  const inner = encoded("x/y", Uint8Array.of(1, 2, 3));
  const buffer = new Uint8Array(inner.length + 20).fill(0xff);
  buffer.set(inner, 10);
  equal(valueBodyStart(buffer, 10, 10 + inner.length), 10 + inner.length - 3);
  equal(valueContentType(buffer, 10, 10 + inner.length), "x/y");
});

const refused = [
  { name: "an empty envelope", bytes: [] },
  { name: "the flag of an expiry that it does not know", bytes: [0x41, 1] },
  { name: "the reserved flag", bytes: [0x81, 1] },
  { name: "a code that is not known", bytes: [17, 1] },
  { name: "a content type that is cut off", bytes: [0, 5, 0x61] },
];
for (const { name, bytes } of refused) {
  Deno.test(`decodeValue() refuses ${name}`, () => {
    throws(() => decodeValue(Uint8Array.from(bytes), 1), MalformedBytesError);
  });
}

Deno.test("decodeValue() survives damage", () => {
  const written = newValue.map((value) => encoded(value.contentType, value.bytes));
  survivesDamage(written, (bytes) => decodeValue(bytes, 1));
});
