/**
 * The keys that begin with a prefix, as a range.
 *
 * @module
 */
import type { KeyRange } from "./database.ts";

/** Returns the range of the keys that begin with `prefix`, one character a byte. */
export function prefixRange(prefix: string): KeyRange {
  let length = prefix.length;
  while (length > 0 && prefix.charCodeAt(length - 1) === 0xff) length--;
  if (length === 0) return { start: prefix };
  const last = String.fromCharCode(prefix.charCodeAt(length - 1) + 1);
  return { start: prefix, end: prefix.slice(0, length - 1) + last };
}
