import { deepEqual, equal } from "node:assert/strict";
import { durationMicrosMax, refusalOf, versionCountMax } from "../../sharding/command_check.ts";
import type { Command } from "../../sharding/database.ts";
import { rulePrefixSizeBytesMax } from "../../sharding/retention_rules.ts";
import { putLiving } from "./applied_store.ts";
import { putText, transaction } from "./entry_building.ts";

Deno.test("refusalOf() holds values to the limit, exactly", () => {
  equal(refusalOf(putText("a", "12345"), 5), undefined);
  deepEqual(refusalOf(putText("a", "123456"), 5), { outcome: "value_too_large", key: "a" });
  const value = { bytes: new Uint8Array(6), contentType: "a/b" };
  const append = transaction({ mutations: [{ op: "append", key: "b", value }] });
  deepEqual(refusalOf(append, 5), { outcome: "value_too_large", key: "b" });
  equal(refusalOf(append, 6), undefined);
});

Deno.test("refusalOf() refuses content types that are too long", () => {
  equal(refusalOf(putText("a", "", "x".repeat(255)), 5), undefined);
  equal(refusalOf(putText("a", "", "x".repeat(256)), 5)?.outcome, "invalid");
});

Deno.test("refusalOf() refuses operands that are not finite", () => {
  for (const operand of [NaN, Infinity, -Infinity]) {
    const result = refusalOf(transaction({ mutations: [{ op: "min", key: "n", operand }] }), 5);
    equal(result?.outcome, "invalid");
  }
  equal(refusalOf(transaction({ mutations: [{ op: "min", key: "n", operand: 0 }] }), 5), undefined);
});

Deno.test("refusalOf() has nothing against deletes", () => {
  equal(refusalOf({ kind: "delete", key: "a" }, 0), undefined);
  equal(refusalOf(transaction({ mutations: [{ op: "delete", key: "a" }] }), 0), undefined);
});

Deno.test("refusalOf() has nothing against rules taken back and ranges removed", () => {
  equal(refusalOf({ kind: "remove_retention", prefix: "" }, 0), undefined);
  equal(refusalOf({ kind: "delete_range", range: {}, keyCountMax: 1 }, 0), undefined);
});

const text = { bytes: new Uint8Array(0), contentType: "a/b" };
const lived: { name: string; command(ttlMicros: number | undefined): Command }[] = [
  { name: "a put", command: (ttl) => putLiving("a", "", ttl as number) },
  {
    name: "a set",
    command: (ttlMicros) =>
      transaction({ mutations: [{ op: "set", key: "a", value: { ...text, ttlMicros } }] }),
  },
  {
    name: "an append behind others",
    command: (ttlMicros) =>
      transaction({
        mutations: [
          { op: "delete", key: "z" },
          { op: "append", key: "a", value: { ...text, ttlMicros } },
        ],
      }),
  },
  {
    name: "an add",
    command: (ttlMicros) =>
      transaction({ mutations: [{ op: "add", key: "a", operand: 1, ttlMicros }] }),
  },
  {
    name: "a revert",
    command: (ttlMicros) => ({ kind: "revert", key: "a", toVersion: 1, ttlMicros }),
  },
];
for (const { name, command } of lived) {
  Deno.test(`refusalOf() bounds the time that ${name} lets a value live`, () => {
    for (const ttlMicros of [undefined, 1, durationMicrosMax]) {
      equal(refusalOf(command(ttlMicros), 5), undefined);
    }
    for (const ttlMicros of [0, -1, 1.5, NaN, durationMicrosMax + 1]) {
      const refusal = refusalOf(command(ttlMicros), 5);
      equal(refusal?.outcome === "invalid" && refusal.key, "a", String(ttlMicros));
    }
  });
}

Deno.test("refusalOf() bounds rules: their prefix, their duration and their count", () => {
  const outcome = (prefix: string, rule: object) =>
    refusalOf({ kind: "set_retention", prefix, rule } as Command, 0)?.outcome;
  const duration = (retentionMicros: number) => ({ kind: "duration", retentionMicros });
  const versions = (versionCount: number) => ({ kind: "versions", versionCount });
  equal(outcome("x", duration(0)), undefined);
  equal(outcome("x".repeat(rulePrefixSizeBytesMax), duration(durationMicrosMax)), undefined);
  equal(outcome("x", versions(1)), undefined);
  equal(outcome("x", versions(versionCountMax)), undefined);
  equal(outcome("", duration(0)), "invalid");
  equal(outcome("x".repeat(rulePrefixSizeBytesMax + 1), duration(0)), "invalid");
  for (const wrong of [-1, 0.5, durationMicrosMax + 1]) {
    equal(outcome("x", duration(wrong)), "invalid");
  }
  for (const wrong of [0, 1.5, versionCountMax + 1]) {
    equal(outcome("x", versions(wrong)), "invalid");
  }
});
