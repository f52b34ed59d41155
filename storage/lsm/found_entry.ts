/**
 * What a point lookup in a memtable or an sstable finds.
 *
 * @module
 */
import type { EntryKind } from "../cursor.ts";

/** One entry. Its value is a piece of a shared buffer that is never reused for other bytes. */
export interface FoundEntry {
  /** The version. */
  readonly version: number;
  /** What the entry says. */
  readonly kind: EntryKind;
  /** The buffer that holds the value. Not to be modified. */
  readonly source: Uint8Array;
  /** Where the value starts in `source`. */
  readonly valueStart: number;
  /** Where the value ends in `source`. */
  readonly valueEnd: number;
}
