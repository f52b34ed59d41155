/**
 * Versionstamps as text: 20 lower-case hex digits, the version in eight bytes big-endian and two
 * zero bytes.
 *
 * Every answer carries at least one, so the digits of the version's high half, which change every
 * 71 minutes, are kept from call to call.
 *
 * @module
 */

/** A version that no commit has: a condition on it never holds. */
export const versionNever = 0;

const pattern = /^[0-9a-f]{16}0000$/;
const patternOfAny = /^[0-9a-f]{20}$/;
const highUnit = 2 ** 32;

let highKept = -1;
let highDigits = "";
/** Every byte's two digits: printing a number costs more than two look-ups. */
const twoDigits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Returns the versionstamp of a version, a safe integer from 0 up. */
export function versionstampText(version: number): string {
  const high = Math.floor(version / highUnit);
  if (high !== highKept) {
    highKept = high;
    highDigits = high.toString(16).padStart(8, "0");
  }
  const low = version >>> 0;
  return highDigits + twoDigits[low >>> 24] + twoDigits[(low >>> 16) & 0xff] +
    twoDigits[(low >>> 8) & 0xff] + twoDigits[low & 0xff] + "0000";
}

/** Returns the version of a versionstamp; `undefined` where the text is none. */
export function parseVersionstamp(text: string): number | undefined {
  if (!pattern.test(text)) return undefined;
  const version = Number.parseInt(text.slice(0, 16), 16);
  return Number.isSafeInteger(version) ? version : undefined;
}

/**
 * Returns the version that a condition names, `versionNever` for a versionstamp that no commit has;
 * `undefined` where the text is no versionstamp.
 */
export function parseConditionVersion(text: string): number | undefined {
  return patternOfAny.test(text) ? parseVersionstamp(text) ?? versionNever : undefined;
}
