import { deepEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { decodeMachineState, encodeMachineState } from "../../sharding/machine_state.ts";
import { MalformedBytesError } from "../../storage/env/mod.ts";
import { survivesDamage } from "./codec_properties.ts";

Deno.test("encodeMachineState() writes format 1", () => {
  deepEqual([...encodeMachineState({ windowEnd: 258 })], [1, 2, 1, 0, 0, 0, 0, 0, 0]);
});

Deno.test("decodeMachineState() gives back the state, and that of an empty replica", () => {
  deepEqual(decodeMachineState(new Uint8Array(0)), { windowEnd: 0 });
  fc.assert(fc.property(fc.maxSafeNat(), (windowEnd) => {
    deepEqual(decodeMachineState(encodeMachineState({ windowEnd })), { windowEnd });
  }));
});

Deno.test("decodeMachineState() refuses another format and bytes behind the end", () => {
  throws(() => decodeMachineState(Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0)), MalformedBytesError);
  throws(
    () => decodeMachineState(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
    MalformedBytesError,
  );
});

Deno.test("decodeMachineState() survives damage", () => {
  survivesDamage(fc.maxSafeNat().map((windowEnd) => encodeMachineState({ windowEnd })), (bytes) => {
    decodeMachineState(bytes);
  });
});
