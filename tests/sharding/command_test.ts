import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import {
  flatTreeKey,
  requestTreeKey,
  requestTreeKeyAhead,
  treeRange,
} from "../../sharding/command.ts";
import { decodeCommand, encodeCommand } from "../../sharding/command_codec.ts";
import type { LoggedCommand } from "../../sharding/command.ts";

import { ByteWriter } from "../../storage/env/mod.ts";
import { anyKey, command } from "./arbitraries.ts";

const base = { request: undefined, writer: "" };

Deno.test("treeRange() covers the user keys and no other space", () => {
  deepEqual(treeRange({}), { start: "k", end: "l" });
  deepEqual(treeRange({ start: "a", end: "b" }), { start: "ka", end: "kb" });
  deepEqual(treeRange({ start: "", end: "" }), { start: "k", end: "k" });
});

Deno.test("treeRange() cuts bounds longer than any key without moving a key over them", () => {
  const long = fc.tuple(fc.constantFrom("a", "b"), fc.integer({ min: 2_040, max: 2_060 })).map((
    [character, length],
  ) => "a".repeat(length - 1) + character);
  fc.assert(fc.property(long, long, (bound, text) => {
    const key = text.slice(0, 2_048);
    const { start, end } = treeRange({ start: bound, end: bound });
    equal(`k${key}` >= start, key >= bound);
    equal(`k${key}` < end, key < bound);
    equal(start.length <= 2_050, true);
  }));
});

const places: { name: string; command: LoggedCommand; want: string }[] = [
  {
    name: "a delete stands beside its key",
    command: { ...base, kind: "delete", treeKey: "kab", condition: undefined },
    want: "r\0\x02abID",
  },
  {
    name: "a range delete stands beside the empty key, whatever its range",
    command: { ...base, kind: "delete_range", start: "kab", end: "l", keyCountMax: 1 },
    want: "r\0\0ID",
  },
  {
    name: "a transaction stands beside its first mutation",
    command: {
      ...base,
      kind: "transaction",
      checks: [{ treeKey: "kc", version: null }],
      mutations: [{ op: "delete", treeKey: "km" }],
      reads: ["kr"],
      valueSizeBytesMax: 1,
    },
    want: "r\0\x01mID",
  },
  {
    name: "a revert stands beside its key",
    command: {
      ...base,
      kind: "revert",
      treeKey: "kab",
      toVersion: 1,
      condition: undefined,
      ttlMicros: undefined,
    },
    want: "r\0\x02abID",
  },
  {
    name: "a rule stands beside the empty key, whatever its prefix",
    command: { ...base, kind: "retention", prefix: "kab", term: undefined },
    want: "r\0\0ID",
  },
  {
    name: "a long key has its length big-endian",
    command: { ...base, kind: "delete", treeKey: `k${"x".repeat(258)}`, condition: undefined },
    want: `r\x01\x02${"x".repeat(258)}ID`,
  },
];
for (const { name, command, want } of places) {
  Deno.test(`requestTreeKey() of ${name}`, () => equal(requestTreeKey(command, "ID"), want));
}

Deno.test("requestTreeKeyAhead() names what requestTreeKey() will, for every command", () => {
  fc.assert(fc.property(command(anyKey), (given) => {
    const out = new ByteWriter();
    encodeCommand(out, given, { valueSizeBytesMax: 1 });
    const logged = decodeCommand(out.view(), 0, out.length);
    equal(requestTreeKeyAhead(given, "ID"), requestTreeKey(logged, "ID"));
  }));
});

Deno.test("flatTreeKey() is the tag and the key, even of one that is too long", () => {
  fc.assert(fc.property(anyKey, (key) => equal(flatTreeKey(key), `k${key}`)));
  equal(flatTreeKey("x".repeat(2_048)), `k${"x".repeat(2_048)}`);
  equal(flatTreeKey("x".repeat(3_000)), `k${"x".repeat(3_000)}`);
});
