import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  ByteReader,
  ByteWriter,
  InvariantError,
  latin1Bytes,
  latin1Decode,
  latin1Encode,
  MalformedBytesError,
} from "../../../storage/env/mod.ts";

const latin1 = fc.uint8Array({ maxLength: 300 }).map((bytes) => String.fromCharCode(...bytes));

/** One value and how it is written and read. */
const fields = fc.oneof(
  fc.record({ kind: fc.constant("u8" as const), value: fc.nat(0xff) }),
  fc.record({ kind: fc.constant("u16" as const), value: fc.nat(0xffff) }),
  fc.record({ kind: fc.constant("u32" as const), value: fc.nat(0xffffffff) }),
  fc.record({
    kind: fc.constantFrom("u64" as const, "varint" as const),
    value: fc.maxSafeNat(),
  }),
  fc.record({ kind: fc.constant("latin1Prefixed" as const), value: latin1 }),
  fc.record({
    kind: fc.constant("bytesPrefixed" as const),
    value: fc.uint8Array({ maxLength: 300 }),
  }),
);

type FieldOf<A> = A extends fc.Arbitrary<infer Field> ? Field : never;

function write(out: ByteWriter, field: FieldOf<typeof fields>): void {
  switch (field.kind) {
    case "latin1Prefixed":
      return out.latin1Prefixed(field.value);
    case "bytesPrefixed":
      return out.bytesPrefixed(field.value);
    default:
      return out[field.kind](field.value);
  }
}

Deno.test("ByteReader reads back whatever ByteWriter wrote, and nothing cut short", () => {
  fc.assert(fc.property(fc.array(fields, { maxLength: 20 }), (list) => {
    const out = new ByteWriter(16);
    for (const field of list) write(out, field);
    const source = out.copy();
    const reader = new ByteReader(source);
    for (const field of list) deepEqual(reader[field.kind](), field.value);
    reader.expectEnd();
    const cut = new ByteReader(source, 0, Math.max(0, source.length - 1));
    if (list.length > 0) {
      throws(() => list.forEach((field) => cut[field.kind]()), MalformedBytesError);
    }
  }));
});

Deno.test("ByteReader takes any bytes without leaving its bounds", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 40 }),
    fc.array(fc.constantFrom("u8", "u16", "u32", "u64", "varint", "bytesPrefixed"), {
      maxLength: 12,
    }),
    (source, calls) => {
      const reader = new ByteReader(source);
      try {
        for (const call of calls) reader[call as "u8"]();
      } catch (error) {
        if (!(error instanceof MalformedBytesError)) throw error;
      }
      equal(reader.position <= source.length, true);
    },
  ));
});

const varints = [
  { value: 0, bytes: [0] },
  { value: 127, bytes: [127] },
  { value: 128, bytes: [128, 1] },
  { value: 2 ** 31, bytes: [128, 128, 128, 128, 8] },
  {
    value: Number.MAX_SAFE_INTEGER,
    bytes: [255, 255, 255, 255, 255, 255, 255, 15],
  },
];
for (const { value, bytes } of varints) {
  Deno.test(`ByteWriter.varint() writes ${value} in ${bytes.length} bytes`, () => {
    const out = new ByteWriter();
    out.varint(value);
    deepEqual([...out.view()], bytes);
    equal(new ByteReader(out.view()).varint(), value);
  });
}

Deno.test("ByteReader refuses integers that are not safe", () => {
  const nines = new Uint8Array(9).fill(0xff);
  throws(() => new ByteReader(nines).varint(), MalformedBytesError);
  throws(() => new ByteReader(nines).u64(), MalformedBytesError);
  throws(() => new ByteReader(Uint8Array.of(1, 2)).expectEnd(), /2 bytes too many/);
  throws(() => new ByteReader(Uint8Array.of(1, 2)).u32(), /Ends 2 bytes too early/);
});

Deno.test("ByteWriter overwrites, truncates and forgets, and keeps what it should", () => {
  const out = new ByteWriter(16);
  out.u32(1);
  out.u64(2);
  out.bytes(new Uint8Array(100).fill(7));
  out.u32At(0, 0xdeadbeef);
  out.u64At(4, 2 ** 40 + 5);
  out.truncate(20);
  const reader = new ByteReader(out.view());
  equal(reader.u32(), 0xdeadbeef);
  equal(reader.u64(), 2 ** 40 + 5);
  deepEqual(reader.bytes(8), new Uint8Array(8).fill(7));
  throws(() => out.truncate(21), InvariantError);
  out.clear();
  equal(out.length, 0);
});

Deno.test("ByteReader reads inside a view, not from the start of its buffer", () => {
  const whole = Uint8Array.of(9, 9, 1, 0, 0, 0, 9);
  const reader = new ByteReader(whole.subarray(2, 6));
  equal(reader.u32(), 1);
  equal(reader.remaining, 0);
  const inner = new ByteReader(whole, 2, 3);
  equal(inner.u8(), 1);
  throws(() => inner.u8(), MalformedBytesError);
});

Deno.test("latin1 text keeps every byte value and orders as its bytes do", () => {
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, index) => index));
  const bytes = latin1Bytes(all);
  deepEqual([...bytes], Array.from({ length: 256 }, (_, index) => index));
  equal(latin1Decode(bytes, 0, 256), all);
  equal(latin1Decode(bytes, 250, 256), all.slice(250));
  const target = new Uint8Array(4);
  equal(latin1Encode("\u00ffa", target, 1), 3);
  deepEqual([...target], [0, 255, 97, 0]);
});
