/**
 * What applying a command needs of a replica's tree, and nothing more: `storage`'s Engine has it,
 * and a sorted map in a test can have it too.
 *
 * @module
 */
import type { EntryKind } from "../storage/mod.ts";

/** A live value of a tree key. */
export interface StoreValue {
  readonly version: number;
  /** A view that stays valid; not to be modified. */
  readonly bytes: Uint8Array;
}

/** What the tree holds of a key at a version, a tombstone or a value whose time has passed included. */
export interface StoreEntry {
  readonly version: number;
  readonly kind: EntryKind;
  /** The buffer that holds its bytes; not to be modified. */
  readonly source: Uint8Array;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** How a range of a tree is walked. */
export interface StoreRange {
  /** The first tree key that may be in it. */
  readonly start: string;
  /** The first tree key behind it; open where it is undefined. */
  readonly end: string | undefined;
  /** The version at which it is seen. */
  readonly version: number;
  /** From the end to the start. */
  readonly reverse?: boolean;
  /** How many keys without a value the cursor passes before it pauses; no bound if not given. */
  readonly pauseAfterCount?: number;
}

/** Stands on a live value of a range, on its way to one, or behind the last. */
export interface StoreCursor {
  /** Whether it stands on a value. */
  readonly isValid: boolean;
  /** Whether it has stopped on its way to the next value: `resume` goes on. Not valid then. */
  readonly isPaused: boolean;
  // The fields below mean something only where it is valid.
  readonly key: string;
  readonly version: number;
  /** The buffer that holds the value; not to be modified, never reused for other bytes. */
  readonly source: Uint8Array;
  readonly valueStart: number;
  readonly valueEnd: number;
  /** Goes to the next value. Only if `isValid`. */
  next(): void;
  /** Goes on after a pause. Only if `isPaused`. */
  resume(): void;
  /** Gives back the files that it reads. */
  close(): void;
}

/** Walks all that the tree holds of one key, newest first. */
export interface StoreVersions extends StoreEntry {
  /** Whether it stands on an entry. The other fields mean something only then. */
  readonly isValid: boolean;
  /** Goes to the next older entry. Only if `isValid`. */
  next(): void;
  /** Gives back the files that it reads. */
  close(): void;
}

/** A tree that can be read and is not yet written to. */
export interface ReadStore {
  /** Returns the newest live value, as seen at `version`, at or below `version`; undefined where there is none. */
  get(key: string, version: number): StoreValue | undefined;
  /** Returns the newest entry at or below `version`, whatever it says; undefined where none is. */
  entry(key: string, version: number): StoreEntry | undefined;
  /** Walks the entries of a key from `from` down. What its horizon has passed may be gone or not. */
  versions(key: string, from: number): StoreVersions;
  /** Walks the live values of a range. */
  cursor(range: StoreRange): StoreCursor;
}

/** A tree in the middle of an entry. */
export interface ReplicaStore extends ReadStore {
  /** Adds a version of a key. Copies the bytes; visible to `get` at once. */
  write(
    key: string,
    version: number,
    kind: EntryKind,
    source: Uint8Array,
    start: number,
    end: number,
  ): void;
}
