import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { requestTreeKey, treeRange } from "../../sharding/command.ts";
import type { LoggedCommand } from "../../sharding/command.ts";

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
    name: "a long key has its length big-endian",
    command: { ...base, kind: "delete", treeKey: `k${"x".repeat(258)}`, condition: undefined },
    want: `r\x01\x02${"x".repeat(258)}ID`,
  },
];
for (const { name, command, want } of places) {
  Deno.test(`requestTreeKey() of ${name}`, () => equal(requestTreeKey(command, "ID"), want));
}
