import { deepEqual, equal } from "node:assert/strict";
import type { LoggedMutation } from "../../sharding/command.ts";
import { AppendBuffers, evaluateMutation, type MutationOutcome } from "../../sharding/mutation.ts";
import { decodeValue, encodeHead, encodeValue, valueWriter } from "../../sharding/value.ts";
import { ByteWriter } from "../../storage/env/mod.ts";

function envelope(text: string, contentType = "application/json", ttlMicros?: number): Uint8Array {
  const out = new ByteWriter();
  encodeValue(out, { bytes: new TextEncoder().encode(text), contentType, ttlMicros }, "n/then");
  return out.copy();
}

function slice(text: string, contentType: string, ttlMicros?: number) {
  const source = envelope(text, contentType, ttlMicros);
  return { source, start: 0, end: source.length };
}

/** Evaluates a mutation at version 100, written by `n/now`. */
function evaluate(
  mutation: LoggedMutation,
  current: Uint8Array | undefined,
  valueSizeBytesMax: number,
  buffers = new AppendBuffers(),
): MutationOutcome {
  const context = { version: 100, writer: "n/now", valueSizeBytesMax, buffers };
  return evaluateMutation(mutation, current, context);
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
    equal(
      shown(evaluate({ op, treeKey: "k", operand, ttlMicros: undefined }, current, 1_000)),
      want,
    );
  });
}

Deno.test("evaluateMutation() counts on JSON only, whatever its parameters", () => {
  const add = { op: "add", treeKey: "k", operand: 1, ttlMicros: undefined } as const;
  equal(shown(evaluate(add, envelope("1", "text/plain"), 9)), "invalid");
  equal(
    shown(evaluate(add, envelope("1", "application/json; charset=utf-8"), 9)),
    "application/json; charset=utf-8: 2",
  );
});

Deno.test("evaluateMutation() takes a number that no double holds for none", () => {
  const largest = { op: "max" as const, treeKey: "k", operand: 0, ttlMicros: undefined };
  equal(shown(evaluate(largest, envelope("-1e2110"), 100)), "invalid");
});

Deno.test("evaluateMutation() appends bytes and keeps the content type there was", () => {
  const value = slice("cd", "a/b");
  const append = { op: "append", treeKey: "k", value } as const;
  equal(shown(evaluate(append, envelope("ab", "text/csv"), 4)), "text/csv: abcd");
  equal(shown(evaluate(append, undefined, 4)), "a/b: cd");
});

Deno.test("evaluateMutation() holds every value to the limit, exactly", () => {
  const value = slice("cd", "a/b");
  const append = { op: "append", treeKey: "k", value } as const;
  equal(evaluate(append, envelope("abc", "x/long-one"), 5).kind, "value");
  equal(evaluate(append, envelope("abc", "x/long-one"), 4).kind, "value_too_large");
  equal(evaluate(append, undefined, 1).kind, "value_too_large");
  equal(evaluate({ op: "set", treeKey: "k", value }, undefined, 2).kind, "value");
  equal(evaluate({ op: "set", treeKey: "k", value }, undefined, 1).kind, "value_too_large");
});

Deno.test("evaluateMutation() never changes the value it meets", () => {
  const current = envelope("1");
  const before = current.slice();
  evaluate({ op: "add", treeKey: "k", operand: 1, ttlMicros: undefined }, current, 9);
  evaluate({ op: "append", treeKey: "k", value: slice("x", "a/b") }, current, 9);
  deepEqual(current, before);
  deepEqual(evaluate({ op: "delete", treeKey: "k" }, current, 9), { kind: "deleted" });
});

/** Where a mutation leaves a value to end, and who wrote it. */
function endOf(outcome: MutationOutcome): [number | undefined, string] {
  if (outcome.kind !== "value") throw new Error(outcome.kind);
  const { envelope } = outcome;
  return [decodeValue(envelope, 0).expiresAt, valueWriter(envelope, 0, envelope.length)];
}

const ends = [
  {
    name: "an append keeps the end there is",
    op: "append",
    before: 150,
    own: undefined,
    want: 150,
  },
  { name: "an append brings its own", op: "append", before: 150, own: 7, want: 107 },
  { name: "an append gives one to what had none", op: "append", own: 7, want: 107 },
  { name: "an append leaves a lasting value lasting", op: "append", own: undefined },
  { name: "an add keeps the end there is", op: "add", before: 150, own: undefined, want: 150 },
  { name: "an add brings its own", op: "add", before: 150, own: 7, want: 107 },
  { name: "a set begins anew", op: "set", before: 150, own: undefined },
  { name: "a set brings its own", op: "set", before: 150, own: 7, want: 107 },
] as const;
for (const { name, op, own, ...rest } of ends) {
  Deno.test(`evaluateMutation() of ${name}`, () => {
    const before = "before" in rest ? rest.before : undefined;
    const want = "want" in rest ? rest.want : undefined;
    const current = envelope("1", "application/json", before);
    const mutation: LoggedMutation = op === "add"
      ? { op, treeKey: "k", operand: 1, ttlMicros: own }
      : { op, treeKey: "k", value: slice("2", "a/b", own) };
    // What is set carries its writer itself.
    deepEqual(endOf(evaluate(mutation, current, 9)), [want, op === "set" ? "n/then" : "n/now"]);
  });
}

Deno.test("evaluateMutation() lets a number live from nothing on, and an append", () => {
  const add = { op: "add", treeKey: "k", operand: 1, ttlMicros: 5 } as const;
  deepEqual(endOf(evaluate(add, undefined, 9)), [105, "n/now"]);
  const append = { op: "append", treeKey: "k", value: slice("2", "a/b", 5) } as const;
  deepEqual(endOf(evaluate(append, undefined, 9)), [105, "n/then"]);
});

Deno.test("evaluateMutation() gives a run of appends the end of the last that brought one", () => {
  const buffers = new AppendBuffers();
  let current: Uint8Array | undefined;
  const append = (text: string, ttlMicros?: number) => {
    const value = slice(text, "a/b", ttlMicros);
    const outcome = evaluate({ op: "append", treeKey: "k", value }, current, 99, buffers);
    if (outcome.kind === "value") current = outcome.envelope;
    return outcome;
  };
  append("a");
  append("b", 50);
  append("c");
  const last = append("d", 20);
  deepEqual([shown(last), endOf(last)[0]], ["a/b: abcd", 120]);
  const kept = append("e");
  deepEqual([shown(kept), endOf(kept)[0]], ["a/b: abcde", 120]);
});

/** A head that says nothing but a type. */
const head = (out: ByteWriter) => encodeHead(out, { contentType: "application/json" });

Deno.test("AppendBuffers.append() extends what it returned last, and copies anything else", () => {
  const buffers = new AppendBuffers();
  const stored = envelope("a");
  const first = buffers.append("k", {
    current: stored,
    added: Uint8Array.of(0x62, 0x62, 0x62, 0x62),
    head,
  });
  const second = buffers.append("k", { current: first, added: Uint8Array.of(0x63), head });
  equal(shown({ kind: "value", envelope: second }), "application/json: abbbbc");
  const other = envelope("z");
  const third = buffers.append("k", { current: other, added: Uint8Array.of(0x79), head });
  equal(shown({ kind: "value", envelope: third }), "application/json: zy");
  deepEqual([stored, other], [envelope("a"), envelope("z")]);
});

Deno.test("AppendBuffers.append() does not copy the whole value for each append", () => {
  const buffers = new AppendBuffers();
  const large = envelope("1".repeat(1_000));
  let value = buffers.append("k", { current: large, added: new Uint8Array(1), head });
  const memories = new Set<ArrayBufferLike>();
  for (let count = 0; count < 5_000; count++) {
    value = buffers.append("k", { current: value, added: new Uint8Array(1), head });
    memories.add(value.buffer);
  }
  equal(decodeValue(value, 0).bytes.length, 6_001);
  equal(memories.size <= 4, true, `${memories.size} buffers`);
});
