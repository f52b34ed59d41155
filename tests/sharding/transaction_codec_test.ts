import { deepEqual, equal, throws } from "node:assert/strict";
import { decodeTransaction, encodeTransaction } from "../../sharding/transaction_codec.ts";
import {
  ByteReader,
  ByteWriter,
  InvariantError,
  MalformedBytesError,
} from "../../storage/env/mod.ts";

const context = { valueSizeBytesMax: 1 };
const empty = { kind: "transaction" as const, checks: [], mutations: [], reads: [] };

function decoded(bytes: number[]) {
  const source = Uint8Array.from(bytes);
  return decodeTransaction(new ByteReader(source), source);
}

Deno.test("decodeTransaction() reads an empty transaction", () => {
  const out = new ByteWriter();
  encodeTransaction(out, empty, { valueSizeBytesMax: 77 });
  const { checks, mutations, reads, valueSizeBytesMax } = decoded([...out.view()]);
  deepEqual([checks, mutations, reads, valueSizeBytesMax], [[], [], [], 77]);
});

for (const operand of [0.1 + 0.2, -1e300, 5e-324, Number.MAX_SAFE_INTEGER]) {
  Deno.test(`decodeTransaction() gives back the operand ${operand} to the last bit`, () => {
    const out = new ByteWriter();
    encodeTransaction(out, { ...empty, mutations: [{ op: "max", key: "k", operand }] }, context);
    const want = [{ op: "max", treeKey: "kk", operand, ttlMicros: undefined }];
    deepEqual(decoded([...out.view()]).mutations, want);
  });
}

Deno.test("encodeTransaction() refuses an operand that is not finite", () => {
  for (const operand of [NaN, Infinity, -Infinity]) {
    const mutations = [{ op: "add" as const, key: "k", operand }];
    throws(
      () => encodeTransaction(new ByteWriter(), { ...empty, mutations }, context),
      InvariantError,
    );
  }
});

Deno.test("encodeTransaction() writes a time to live behind a number, and inside a value", () => {
  const out = new ByteWriter();
  const value = { bytes: Uint8Array.of(7), contentType: "text/plain", ttlMicros: 258 };
  const mutations = [
    { op: "add" as const, key: "n", operand: 1, ttlMicros: 300 },
    { op: "append" as const, key: "t", value },
  ];
  encodeTransaction(out, { ...empty, mutations }, { ...context, writer: "w" });
  deepEqual([...out.view()], [
    ...[1, 0, 0, 0, 0, 2],
    ...[0x14, 2, 0x6b, 0x6e, 1, 0x31, 0xac, 2],
    // The envelope says of itself that it expires, and who wrote it.
    ...[0x03, 2, 0x6b, 0x74, 12, 0xc3, 2, 1, 0, 0, 0, 0, 0, 0, 1, 0x77, 7],
    0,
  ]);
  const [add, append] = decoded([...out.view()]).mutations;
  deepEqual(add, { op: "add", treeKey: "kn", operand: 1, ttlMicros: 300 });
  equal(append.op === "append" && append.value.end - append.value.start, 12);
});

const poison = [
  { name: "an empty key in a read", given: { reads: [""] } },
  {
    name: "a key too long in a check",
    given: { checks: [{ key: "x".repeat(2_049), version: 1 }] },
  },
  {
    name: "an empty key in a mutation",
    given: { mutations: [{ op: "delete" as const, key: "" }] },
  },
  { name: "a version that is no integer", given: { checks: [{ key: "a", version: NaN }] } },
];
for (const { name, given } of poison) {
  Deno.test(`encodeTransaction() refuses ${name}, which no replica could read back`, () => {
    throws(
      () => encodeTransaction(new ByteWriter(), { ...empty, ...given }, context),
      InvariantError,
    );
  });
}

const refused = [
  { name: "a check of a form that is not known", bytes: [0, 0, 0, 0, 1, 2, 0x6b, 0x61, 2, 0, 0] },
  { name: "an operation that is not known", bytes: [0, 0, 0, 0, 0, 1, 7, 2, 0x6b, 0x61, 0] },
  { name: "a flag that is not known", bytes: [0, 0, 0, 0, 0, 1, 0x22, 2, 0x6b, 0x61, 0] },
  {
    name: "a time to live that is cut off",
    bytes: [0, 0, 0, 0, 0, 1, 0x14, 2, 0x6b, 0x61, 1, 0x31],
  },
  { name: "an operand that is no number", bytes: [0, 0, 0, 0, 0, 1, 4, 2, 0x6b, 0x61, 1, 0x78, 0] },
  { name: "an empty operand", bytes: [0, 0, 0, 0, 0, 1, 4, 2, 0x6b, 0x61, 0, 0] },
  { name: "a set without a value", bytes: [0, 0, 0, 0, 0, 1, 1, 2, 0x6b, 0x61, 0, 0] },
  { name: "a read of a key without a tag", bytes: [0, 0, 0, 0, 0, 0, 1, 2, 0x61, 0x61] },
  { name: "bytes behind its end", bytes: [0, 0, 0, 0, 0, 0, 0, 0] },
];
for (const { name, bytes } of refused) {
  Deno.test(`decodeTransaction() refuses ${name}`, () => {
    throws(() => decoded(bytes), MalformedBytesError);
  });
}
