/**
 * Versionstamps as text: 20 lower-case hex digits, the version in eight bytes big-endian and two
 * zero bytes.
 *
 * Every answer carries at least one, so the digits of the version's high half, which change every
 * 71 minutes, are kept from call to call.
 *
 * @module
 */

const pattern = /^[0-9a-f]{16}0000$/;
const highUnit = 2 ** 32;

let highKept = -1;
let highDigits = "";

/** Returns the versionstamp of a version, a safe integer from 0 up. */
export function versionstampText(version: number): string {
  const high = Math.floor(version / highUnit);
  if (high !== highKept) {
    highKept = high;
    highDigits = high.toString(16).padStart(8, "0");
  }
  // Two halves of 16 bits: a small integer prints far faster than a number above 2^31.
  const low = version >>> 0;
  return highDigits + fourDigits(low >>> 16) + fourDigits(low & 0xffff) + "0000";
}

/** Returns the version of a versionstamp; `undefined` where the text is none. */
export function parseVersionstamp(text: string): number | undefined {
  if (!pattern.test(text)) return undefined;
  const version = Number.parseInt(text.slice(0, 16), 16);
  return Number.isSafeInteger(version) ? version : undefined;
}

function fourDigits(value: number): string {
  const digits = value.toString(16);
  if (digits.length === 4) return digits;
  return digits.length === 3 ? "0" + digits : digits.length === 2 ? "00" + digits : "000" + digits;
}
