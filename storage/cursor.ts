/**
 * How sorted entries are walked: the one interface of memtables, sstables and their merge.
 *
 * Order: tree key ascending, then version descending, so that the newest version of a key comes
 * first. An entry's value is a piece of a shared buffer, because a view of its own would cost an
 * allocation for every entry that is only skipped.
 *
 * @module
 */

/** What an entry says about its key. On disk since format 1: never renumber. */
export const EntryKind = {
  /** The key has no value from this version on. */
  tombstone: 0,
  /** The key has this value from this version on. */
  value: 1,
} as const;

/** One of {@linkcode EntryKind}. */
export type EntryKind = typeof EntryKind[keyof typeof EntryKind];

/** Stands on one entry of a sorted sequence, or beyond either end. */
export interface Cursor {
  /** Whether it stands on an entry. The fields below mean something only then. */
  isValid: boolean;
  /** The tree key. */
  key: string;
  /** The version. */
  version: number;
  /** What the entry says. */
  kind: EntryKind;
  /** The buffer that holds the value. Not to be modified; never reused for other bytes. */
  source: Uint8Array;
  /** Where the value starts in `source`. */
  valueStart: number;
  /** Where the value ends in `source`. */
  valueEnd: number;

  /** Goes to the first entry at or behind (key, version) in the order above. */
  seek(key: string, version: number): void;
  /** Goes to the last entry before (key, version) in the order above. */
  seekBefore(key: string, version: number): void;
  /** Goes to the first entry. */
  seekToFirst(): void;
  /** Goes to the last entry. */
  seekToLast(): void;
  /** Goes one entry on. Only where `isValid`. */
  next(): void;
  /** Goes one entry back. Only where `isValid`. */
  previous(): void;
}

/** A version larger than every version: `seek(key, versionMax)` finds a key's newest entry. */
export const versionMax = Number.MAX_SAFE_INTEGER;
