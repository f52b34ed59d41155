/**
 * What every codec promises of bytes that are not what was written.
 *
 * @module
 */
import fc from "fast-check";
import { MalformedBytesError } from "../../storage/env/mod.ts";

/**
 * Cuts and changes bytes in many ways: decoding either succeeds or says that they are malformed.
 *
 * @param decode Must not keep the bytes.
 */
export function survivesDamage(
  written: fc.Arbitrary<Uint8Array>,
  decode: (bytes: Uint8Array) => void,
): void {
  const damage = fc.array(fc.record({ place: fc.nat(), value: fc.integer({ min: 0, max: 255 }) }), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(written, fc.nat(), damage, (bytes, cut, changes) => {
      const damaged = bytes.slice(0, cut % (bytes.length + 1));
      for (const { place, value } of changes) {
        if (damaged.length > 0) damaged[place % damaged.length] = value;
      }
      refusesOrReads(() => decode(damaged));
      const whole = bytes.slice();
      for (const { place, value } of changes) whole[place % whole.length] = value;
      refusesOrReads(() => decode(whole));
    }),
    { numRuns: 500 },
  );
}

function refusesOrReads(decode: () => void): void {
  try {
    decode();
  } catch (error) {
    if (!(error instanceof MalformedBytesError)) throw error;
  }
}
