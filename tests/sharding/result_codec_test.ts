import { deepEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import type { CommandResult } from "../../sharding/database.ts";
import { decodeResult, encodeResult } from "../../sharding/result_codec.ts";
import {
  ByteReader,
  ByteWriter,
  InvariantError,
  MalformedBytesError,
} from "../../storage/env/mod.ts";
import { rememberedResult } from "./arbitraries.ts";
import { survivesDamage } from "./codec_properties.ts";

function encoded(result: CommandResult): Uint8Array {
  const out = new ByteWriter();
  encodeResult(out, result);
  return out.copy();
}

const golden: { result: CommandResult; bytes: number[] }[] = [
  {
    result: { outcome: "committed", version: 5, deletedCount: 1, reads: [undefined] },
    bytes: [1, 5, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0],
  },
  { result: { outcome: "condition_failed", current: undefined }, bytes: [2, 0] },
  { result: { outcome: "check_failed", failedChecks: [0, 3] }, bytes: [3, 2, 0, 3] },
  { result: { outcome: "invalid", key: "a", reason: "b" }, bytes: [4, 1, 0x61, 1, 0x62] },
  { result: { outcome: "value_too_large", key: "a" }, bytes: [5, 1, 0x61] },
  { result: { outcome: "too_many_keys", limit: 7 }, bytes: [6, 7] },
  {
    result: { outcome: "version_vacuumed", oldestVersion: 258 },
    bytes: [7, 2, 1, 0, 0, 0, 0, 0, 0],
  },
  { result: { outcome: "no_value", key: "a" }, bytes: [8, 1, 0x61] },
  { result: { outcome: "too_many_rules", limit: 7 }, bytes: [9, 7] },
];
for (const { result, bytes } of golden) {
  Deno.test(`encodeResult() writes ${result.outcome} as format 1 promises`, () => {
    deepEqual([...encoded(result)], bytes);
  });
}

Deno.test("decodeResult() gives back every result, reads included", () => {
  fc.assert(fc.property(rememberedResult, (result) => {
    deepEqual(decodeResult(new ByteReader(encoded(result))), result);
  }));
});

Deno.test("encodeResult() refuses a mismatch, which is never remembered", () => {
  throws(() => encoded({ outcome: "request_mismatch" }), InvariantError);
});

Deno.test("decodeResult() refuses outcomes that are not known and bytes behind the end", () => {
  for (const bytes of [[0], [10], [6, 7, 0], [2, 2]]) {
    throws(() => decodeResult(new ByteReader(Uint8Array.from(bytes))), MalformedBytesError);
  }
});

Deno.test("decodeResult() survives damage", () => {
  survivesDamage(rememberedResult.map(encoded), (bytes) => {
    decodeResult(new ByteReader(bytes));
  });
});
