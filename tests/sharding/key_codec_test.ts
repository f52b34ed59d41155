import { equal, throws } from "node:assert/strict";
import { decodeUserKey, encodeUserKey, encodeVersion } from "../../sharding/key_codec.ts";
import {
  ByteReader,
  ByteWriter,
  InvariantError,
  MalformedBytesError,
} from "../../storage/env/mod.ts";

const keys = [
  { name: "one byte", key: "\0" },
  { name: "the largest bytes", key: "\xff\xff" },
  { name: "the longest", key: "x".repeat(2_048) },
];
for (const { name, key } of keys) {
  Deno.test(`decodeUserKey() gives back a key of ${name} behind its tag`, () => {
    const out = new ByteWriter();
    encodeUserKey(out, key);
    equal(decodeUserKey(new ByteReader(out.copy())), `k${key}`);
  });
}

Deno.test("encodeUserKey() refuses what no replica could read back", () => {
  for (const key of ["", "x".repeat(2_049)]) {
    throws(() => encodeUserKey(new ByteWriter(), key), InvariantError);
  }
});

Deno.test("decodeUserKey() refuses a tag alone and another space", () => {
  for (const bytes of [[1, 0x6b], [0], [2, 0x63, 0x61]]) {
    throws(() => decodeUserKey(new ByteReader(Uint8Array.from(bytes))), MalformedBytesError);
  }
});

Deno.test("encodeVersion() takes safe integers only", () => {
  const out = new ByteWriter();
  encodeVersion(out, Number.MAX_SAFE_INTEGER);
  equal(new ByteReader(out.copy()).u64(), Number.MAX_SAFE_INTEGER);
  for (const version of [NaN, -1, 0.5, 2 ** 53]) {
    throws(() => encodeVersion(new ByteWriter(), version), InvariantError);
  }
});
