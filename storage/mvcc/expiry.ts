/**
 * When a value is no more: from the version that it names itself, for every reader alike.
 *
 * What is stored in a value is the state machine's, so it brings the rule that finds the expiry in
 * the bytes. The version that is read at decides, never a clock: a value is there at every version
 * before its expiry and at none from it on, on every replica and at every time.
 *
 * The tombstone that takes an expired value's place comes later, and VACUUM goes by that: a value
 * that has expired is dropped as one that was deleted.
 *
 * @module
 */
import { expirySpace, userSpace } from "../key_space.ts";

/**
 * Returns the version from which on the value [valueStart, valueEnd) of `source` is no more;
 * `Infinity` where it stays. Asked about values of user keys only.
 */
export type ExpiryRule = (source: Uint8Array, valueStart: number, valueEnd: number) => number;

const versionSizeBytes = 8;
const userSpaceCode = userSpace.charCodeAt(0);

/** Where a value is. */
export interface PlacedValue {
  readonly source: Uint8Array;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/**
 * Tells whether a key's value is no more for who reads at `version`. Without a rule nothing expires.
 * Every value that is read comes by, so it takes what it needs as it is.
 */
export function isExpired(
  rule: ExpiryRule | undefined,
  key: string,
  value: PlacedValue,
  version: number,
): boolean {
  return rule !== undefined && key.charCodeAt(0) === userSpaceCode &&
    rule(value.source, value.valueStart, value.valueEnd) <= version;
}

/** Returns the version that a key of the index of expiries names; `Infinity` where it is cut. */
export function dueOf(indexKey: string): number {
  const end = expirySpace.length + versionSizeBytes;
  if (indexKey.length < end) return Infinity;
  let due = 0;
  for (let index = expirySpace.length; index < end; index++) {
    due = due * 256 + indexKey.charCodeAt(index);
  }
  return due;
}
