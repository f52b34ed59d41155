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

function stateOf(given: Partial<AppliedState> = {}): AppliedState {
  const horizons = { userVersion: 30, changeVersion: 20, requestVersion: 10 };
  const machine = new Uint8Array([1, 2, 3]);
  return { index: 7, term: 2, lastVersion: 40, horizons, machine, ...given };
}

Deno.test("decodeAppliedState() reads what was written, into memory of its own", () => {
  const out = new ByteWriter();
  encodeAppliedState(stateOf(), out);
  const bytes = out.copy();
  const found = decodeAppliedState(new ByteReader(bytes));
  bytes.fill(0);
  deepEqual(found, stateOf());
});

Deno.test("encodeAppliedState() and decodeAppliedState() refuse a machine that is too large", () => {
  const machine = new Uint8Array(machineSizeBytesMax + 1);
  throws(() => encodeAppliedState(stateOf({ machine }), new ByteWriter()), InvariantError);
  const out = new ByteWriter();
  for (let field = 0; field < 6; field++) out.varint(1);
  out.bytesPrefixed(machine);
  throws(() => decodeAppliedState(new ByteReader(out.view())), MalformedBytesError);
});

const last = stateOf();
const wrong: { name: string; next: AppliedState }[] = [
  { name: "the same index", next: stateOf() },
  { name: "an older term", next: stateOf({ index: 8, term: 1 }) },
  { name: "an older version", next: stateOf({ index: 8, lastVersion: 39 }) },
  { name: "a watermark that falls", next: fallen("userVersion") },
  { name: "a horizon of changes that falls", next: fallen("changeVersion") },
  { name: "a horizon of requests that falls", next: fallen("requestVersion") },
];

function fallen(field: keyof AppliedState["horizons"]): AppliedState {
  const { horizons } = stateOf();
  return stateOf({ index: 8, horizons: { ...horizons, [field]: horizons[field] - 1 } });
}

for (const { name, next } of wrong) {
  Deno.test(`checkFollows() refuses ${name}`, () => {
    throws(() => checkFollows(next, last), InvariantError);
  });
}

Deno.test("checkFollows() lets an index follow with all else the same", () => {
  doesNotThrow(() => checkFollows(stateOf({ index: 8 }), last));
});
