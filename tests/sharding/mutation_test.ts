import { deepEqual, equal } from "node:assert/strict";
import { AppendBuffers, evaluateMutation, type MutationOutcome } from "../../sharding/mutation.ts";
import { decodeValue, encodeValue } from "../../sharding/value.ts";
import { ByteWriter } from "../../storage/env/mod.ts";

function envelope(text: string, contentType = "application/json"): Uint8Array {
  const out = new ByteWriter();
  encodeValue(out, { bytes: new TextEncoder().encode(text), contentType });
  return out.copy();
}

function slice(text: string, contentType: string) {
  const source = envelope(text, contentType);
  return { source, start: 0, end: source.length };
}

function shown(outcome: MutationOutcome): string {
  if (outcome.kind !== "value") return outcome.kind;
  const { bytes, contentType } = decodeValue(outcome.envelope, 0);
  return `${contentType}: ${new TextDecoder().decode(bytes)}`;
}

const numbers = [
  { name: "adds", op: "add", before: "40", operand: 2, want: "application/json: 42" },
  {
    name: "adds fractions",
    op: "add",
    before: "0.1",
    operand: 0.2,
    want: "application/json: 0.30000000000000004",
  },
  { name: "takes the smaller", op: "min", before: "5", operand: 3, want: "application/json: 3" },
  { name: "keeps the smaller", op: "min", before: "2", operand: 3, want: "application/json: 2" },
  { name: "takes the larger", op: "max", before: "-5", operand: -3, want: "application/json: -3" },
  {
    name: "starts from the operand",
    op: "add",
    before: undefined,
    operand: 1.5,
    want: "application/json: 1.5",
  },
  {
    name: "allows space around a number",
    op: "add",
    before: " 1\n",
    operand: 1,
    want: "application/json: 2",
  },
  { name: "refuses text in JSON", op: "add", before: '"1"', operand: 1, want: "invalid" },
  { name: "refuses null", op: "max", before: "null", operand: 1, want: "invalid" },
  { name: "refuses an array of one number", op: "add", before: "[1]", operand: 1, want: "invalid" },
  { name: "refuses what is no JSON", op: "add", before: "1x", operand: 1, want: "invalid" },
  { name: "refuses an empty value", op: "add", before: "", operand: 1, want: "invalid" },
  {
    name: "refuses a number beyond all bounds",
    op: "min",
    before: "1e999",
    operand: 1,
    want: "invalid",
  },
  {
    name: "refuses a result beyond all bounds",
    op: "add",
    before: "1.7e308",
    operand: 1.7e308,
    want: "invalid",
  },
] as const;
for (const { name, op, before, operand, want } of numbers) {
  Deno.test(`evaluateMutation() ${op} ${name}`, () => {
    const current = before === undefined ? undefined : envelope(before);
    equal(shown(evaluateMutation({ op, treeKey: "k", operand }, current, 1_000)), want);
  });
}

Deno.test("evaluateMutation() counts on JSON only, whatever its parameters", () => {
  const add = { op: "add", treeKey: "k", operand: 1 } as const;
  equal(shown(evaluateMutation(add, envelope("1", "text/plain"), 9)), "invalid");
  equal(
    shown(evaluateMutation(add, envelope("1", "application/json; charset=utf-8"), 9)),
    "application/json; charset=utf-8: 2",
  );
});

Deno.test("evaluateMutation() takes a number that no double holds for none", () => {
  const largest = { op: "max" as const, treeKey: "k", operand: 0 };
  equal(shown(evaluateMutation(largest, envelope("-1e2110"), 100)), "invalid");
});

Deno.test("evaluateMutation() appends bytes and keeps the content type there was", () => {
  const value = slice("cd", "a/b");
  const append = { op: "append", treeKey: "k", value } as const;
  equal(shown(evaluateMutation(append, envelope("ab", "text/csv"), 4)), "text/csv: abcd");
  equal(shown(evaluateMutation(append, undefined, 4)), "a/b: cd");
});

Deno.test("evaluateMutation() holds every value to the limit, exactly", () => {
  const value = slice("cd", "a/b");
  const append = { op: "append", treeKey: "k", value } as const;
  equal(evaluateMutation(append, envelope("abc", "x/long-one"), 5).kind, "value");
  equal(evaluateMutation(append, envelope("abc", "x/long-one"), 4).kind, "value_too_large");
  equal(evaluateMutation(append, undefined, 1).kind, "value_too_large");
  equal(evaluateMutation({ op: "set", treeKey: "k", value }, undefined, 2).kind, "value");
  equal(evaluateMutation({ op: "set", treeKey: "k", value }, undefined, 1).kind, "value_too_large");
});

Deno.test("evaluateMutation() never changes the value it meets", () => {
  const current = envelope("1");
  const before = current.slice();
  evaluateMutation({ op: "add", treeKey: "k", operand: 1 }, current, 9);
  evaluateMutation({ op: "append", treeKey: "k", value: slice("x", "a/b") }, current, 9);
  deepEqual(current, before);
  deepEqual(evaluateMutation({ op: "delete", treeKey: "k" }, current, 9), { kind: "deleted" });
});

Deno.test("AppendBuffers.append() extends what it returned last, and copies anything else", () => {
  const buffers = new AppendBuffers();
  const stored = envelope("a");
  const first = buffers.append("k", stored, Uint8Array.of(0x62, 0x62, 0x62, 0x62));
  const second = buffers.append("k", first, Uint8Array.of(0x63));
  equal(shown({ kind: "value", envelope: second }), "application/json: abbbbc");
  const other = envelope("z");
  const third = buffers.append("k", other, Uint8Array.of(0x79));
  equal(shown({ kind: "value", envelope: third }), "application/json: zy");
  deepEqual([stored, other], [envelope("a"), envelope("z")]);
});

Deno.test("AppendBuffers.append() does not copy the whole value for each append", () => {
  const buffers = new AppendBuffers();
  let value = buffers.append("k", new Uint8Array(1_000), new Uint8Array(1));
  const memories = new Set<ArrayBufferLike>();
  for (let count = 0; count < 5_000; count++) {
    value = buffers.append("k", value, new Uint8Array(1));
    memories.add(value.buffer);
  }
  equal(value.length, 6_001);
  equal(memories.size <= 4, true, `${memories.size} buffers`);
});
