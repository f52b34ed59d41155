import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  decodeValue,
  encodeHead,
  encodeValue,
  expiresAtOf,
  expiryOf,
  settledEnvelope,
  valueBodyStart,
  valueContentType,
  valueExpiry,
  valueWriter,
} from "../../sharding/value.ts";
import { ByteWriter, MalformedBytesError } from "../../storage/env/mod.ts";
import { livingValue } from "./arbitraries.ts";
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

Deno.test("encodeHead() writes expiry and writer in front of the type, each under its flag", () => {
  const head = (given: Parameters<typeof encodeHead>[1]) => {
    const out = new ByteWriter();
    encodeHead(out, given);
    return [...out.view()];
  };
  const expiry = 0x01_0203_0405;
  const expiryBytes = [5, 4, 3, 2, 1, 0, 0, 0];
  deepEqual(head({ contentType: "text/plain" }), [3]);
  deepEqual(head({ contentType: "text/plain", expiry }), [0x43, ...expiryBytes]);
  deepEqual(head({ contentType: "text/plain", writer: "n/" }), [0x83, 2, 0x6e, 0x2f]);
  deepEqual(head({ contentType: "a/b", expiry, writer: "n" }), [
    0xc0,
    ...expiryBytes,
    1,
    0x6e,
    3,
    0x61,
    0x2f,
    0x62,
  ]);
});

const writer = fc.oneof(
  fc.constantFrom("", "node1/admin", "n/\xc3\xa4"),
  // Around the length from which on the length itself takes two bytes.
  fc.integer({ min: 120, max: 140 }).map((length) => "w".repeat(length)),
);

Deno.test("decodeValue() and its siblings give back what was put", () => {
  fc.assert(fc.property(livingValue, writer, fc.maxSafeNat(), (value, name, version) => {
    const out = new ByteWriter();
    out.u8(0xee);
    encodeValue(out, value, name);
    const source = out.copy();
    const { bytes, contentType, ttlMicros } = value;
    const want = { bytes, contentType, version, expiresAt: ttlMicros };
    deepEqual(decodeValue(source.subarray(1), version), want);
    equal(valueExpiry(source, 1, source.length), ttlMicros ?? Infinity);
    equal(expiresAtOf(source, 1, source.length), ttlMicros);
    equal(valueWriter(source, 1, source.length), name);
    equal(valueContentType(source, 1, source.length), contentType);
    equal(valueBodyStart(source, 1, source.length), source.length - bytes.length);
  }));
});

Deno.test("settledEnvelope() counts a time to live from the version, and copies only then", () => {
  const plain = encoded("text/plain", Uint8Array.of(7));
  const place = { start: 0, end: plain.length, version: 1_000 };
  equal(settledEnvelope(plain, place).buffer, plain.buffer);
  const out = new ByteWriter();
  out.u8(0xee);
  encodeValue(out, { bytes: Uint8Array.of(7), contentType: "a/b", ttlMicros: 2 ** 33 }, "n/t");
  const source = out.copy();
  const before = source.slice();
  const version = 2 ** 32 - 1;
  const settled = settledEnvelope(source, { start: 1, end: source.length, version });
  deepEqual(source, before);
  equal(valueExpiry(settled, 0, settled.length), version + 2 ** 33);
  equal(valueWriter(settled, 0, settled.length), "n/t");
  deepEqual(settled.subarray(9), source.subarray(10));
});

Deno.test("expiryOf() stays among the versions there are", () => {
  equal(expiryOf(5, 10), 15);
  equal(expiryOf(Number.MAX_SAFE_INTEGER - 3, 10), Number.MAX_SAFE_INTEGER - 1);
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
  { name: "an expiry that is cut off", bytes: [0x41, 1, 2, 3, 4, 5, 6, 7] },
  { name: "an expiry that is no safe integer", bytes: [0x41, 0, 0, 0, 0, 0, 0, 0x20, 0] },
  { name: "a writer without a length", bytes: [0x81] },
  { name: "a writer that is cut off", bytes: [0x81, 2, 0x61] },
  { name: "a long writer that is cut off", bytes: [0x81, 0x80, 0x01, 0x61] },
  { name: "a code that is not known", bytes: [17, 1] },
  { name: "a content type that is cut off", bytes: [0, 5, 0x61] },
];
for (const { name, bytes } of refused) {
  Deno.test(`decodeValue() refuses ${name}`, () => {
    throws(() => decodeValue(Uint8Array.from(bytes), 1), MalformedBytesError);
  });
}

Deno.test("decodeValue() survives damage", () => {
  const written = fc.tuple(livingValue, writer).map(([value, name]) => {
    const out = new ByteWriter();
    encodeValue(out, value, name);
    return out.copy();
  });
  survivesDamage(written, (bytes) => {
    decodeValue(bytes, 1);
    valueWriter(bytes, 0, bytes.length);
  });
});
