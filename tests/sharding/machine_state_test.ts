import { deepEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { decodeMachineState, encodeMachineState } from "../../sharding/machine_state.ts";
import { MalformedBytesError } from "../../storage/env/mod.ts";
import { survivesDamage } from "./codec_properties.ts";

const state = fc.record({
  windowEnd: fc.maxSafeNat(),
  expiryPosition: fc.constantFrom("", "e\0\0\0\0\0\0\0\x07k", "e\xff"),
});

Deno.test("encodeMachineState() writes format 2", () => {
  deepEqual(
    [...encodeMachineState({ windowEnd: 258, expiryPosition: "e\xff" })],
    [2, 2, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0xff],
  );
});

Deno.test("decodeMachineState() gives back the state, and that of an empty replica", () => {
  deepEqual(decodeMachineState(new Uint8Array(0)), { windowEnd: 0, expiryPosition: "" });
  fc.assert(fc.property(state, (given) => {
    deepEqual(decodeMachineState(encodeMachineState(given)), given);
  }));
});

Deno.test("decodeMachineState() refuses another format, a cut and bytes behind the end", () => {
  for (const bytes of [[1, ...Array(8).fill(0)], Array(9).fill(2), [2, ...Array(10).fill(0)]]) {
    throws(() => decodeMachineState(Uint8Array.from(bytes)), MalformedBytesError);
  }
});

Deno.test("decodeMachineState() survives damage", () => {
  survivesDamage(state.map(encodeMachineState), (bytes) => void decodeMachineState(bytes));
});
