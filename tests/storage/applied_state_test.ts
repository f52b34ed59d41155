import { deepEqual, doesNotThrow, throws } from "node:assert/strict";
import type { AppliedState } from "../../storage/applied_state.ts";
import {
  checkFollows,
  decodeAppliedState,
  encodeAppliedState,
  machineSizeBytesMax,
} from "../../storage/applied_state.ts";
import {
  ByteReader,
  ByteWriter,
  InvariantError,
  MalformedBytesError,
} from "../../storage/env/mod.ts";
import type { Horizons } from "../../storage/key_space.ts";
import { countRule, retiredRule, timeRule } from "./mvcc/rule_fixture.ts";

const horizons: Horizons = {
  userVersion: 30,
  expiryVersion: 25,
  rules: [timeRule("k", 31), { ...countRule("ka", 32, 7), countedFrom: 28 }, retiredRule("kb", 33)],
  changeVersion: 20,
  requestVersion: 10,
};

function stateOf(given: Partial<AppliedState> = {}): AppliedState {
  const machine = new Uint8Array([1, 2, 3]);
  return { index: 7, term: 2, lastVersion: 40, horizons, machine, ...given };
}

function encoded(state: AppliedState): Uint8Array {
  const out = new ByteWriter();
  encodeAppliedState(state, out);
  return out.copy();
}

Deno.test("decodeAppliedState() reads what was written, into memory of its own", () => {
  const bytes = encoded(stateOf());
  const found = decodeAppliedState(new ByteReader(bytes));
  bytes.fill(0);
  deepEqual(found, stateOf());
});

Deno.test("encodeAppliedState() lets nothing be read below the horizon of a rule that has just come", () => {
  const rule = countRule("ka", 32, 7);
  const bytes = encoded(stateOf({ horizons: { ...horizons, rules: [rule] } }));
  const found = decodeAppliedState(new ByteReader(bytes));
  deepEqual(found.horizons.rules, [{ ...rule, countedFrom: 32 }]);
});

Deno.test("encodeAppliedState() and decodeAppliedState() refuse a machine that is too large", () => {
  const machine = new Uint8Array(machineSizeBytesMax + 1);
  throws(() => encodeAppliedState(stateOf({ machine }), new ByteWriter()), InvariantError);
  const out = new ByteWriter();
  for (let field = 0; field < 7; field++) out.varint(1);
  out.varint(0);
  out.bytesPrefixed(machine);
  throws(() => decodeAppliedState(new ByteReader(out.view())), { message: /machine of 65537/ });
});

/** Rules as bytes: prefix, form, horizon, and what follows. */
const malformed: { name: string; rules: [string, ...number[]][] }[] = [
  { name: "out of order", rules: [["kb", 2, 1], ["ka", 2, 1]] },
  { name: "of one prefix twice", rules: [["ka", 2, 1], ["ka", 2, 1]] },
  { name: "of another space", rules: [["ra", 2, 1]] },
  { name: "of no space", rules: [["", 2, 1]] },
  { name: "of an unknown form", rules: [["ka", 3, 1]] },
  { name: "that count to 0", rules: [["ka", 1, 1, 0, 0]] },
];
for (const { name, rules } of malformed) {
  Deno.test(`decodeAppliedState() refuses rules ${name}`, () => {
    const out = new ByteWriter();
    for (let field = 0; field < 7; field++) out.varint(1);
    out.varint(rules.length);
    for (const [prefix, form, ...numbers] of rules) {
      out.latin1Prefixed(prefix);
      out.u8(form);
      for (const number of numbers) out.varint(number);
    }
    out.varint(0);
    throws(() => decodeAppliedState(new ByteReader(out.view())), MalformedBytesError);
  });
}

Deno.test("decodeAppliedState() ends at the end of the bytes, however many rules there shall be", () => {
  const out = new ByteWriter();
  for (let field = 0; field < 7; field++) out.varint(1);
  out.varint(Number.MAX_SAFE_INTEGER);
  throws(() => decodeAppliedState(new ByteReader(out.view())), MalformedBytesError);
});

const last = stateOf();
const wrong: { name: string; next: AppliedState }[] = [
  { name: "the same index", next: stateOf() },
  { name: "an older term", next: stateOf({ index: 8, term: 1 }) },
  { name: "an older version", next: stateOf({ index: 8, lastVersion: 39 }) },
  { name: "a watermark that falls", next: fallen({ userVersion: 29 }) },
  { name: "a horizon of expiry that falls", next: fallen({ expiryVersion: 24 }) },
  { name: "a horizon of changes that falls", next: fallen({ changeVersion: 19 }) },
  { name: "a horizon of requests that falls", next: fallen({ requestVersion: 9 }) },
  { name: "a rule that is lost", next: fallen({ rules: [] }) },
];

function fallen(given: Partial<Horizons>): AppliedState {
  return stateOf({ index: 8, horizons: { ...horizons, ...given } });
}

for (const { name, next } of wrong) {
  Deno.test(`checkFollows() refuses ${name}`, () => {
    throws(() => checkFollows(next, last), InvariantError);
  });
}

Deno.test("checkFollows() lets an index follow with all else the same", () => {
  doesNotThrow(() => checkFollows(stateOf({ index: 8 }), last));
});
