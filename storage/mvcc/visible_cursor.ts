/**
 * What a reader at one version sees: of every key the newest value at or below it, unless it has
 * expired by then.
 *
 * Stands over the merge of all sources, where a key's entries come newest first. Forward, the first
 * entry of a key at or below the version decides. Backward, the entries come oldest first, so the
 * last one at or below the version does, and it is remembered while the walk goes beyond it.
 *
 * Where very much was deleted, the way to the next value is long. Who must not keep others waiting
 * gives a `pauseAfterCount` and calls `resume` when the others had their turn.
 *
 * @module
 */
import type { Cursor } from "../cursor.ts";
import { EntryKind, versionMax } from "../cursor.ts";
import type { ExpiryRule } from "./expiry.ts";
import { isExpired } from "./expiry.ts";

const noBytes = new Uint8Array(0);

/** Steps over entries that do not count, before a seek is tried instead. */
const skippedCountMax = 12;

/** What a {@linkcode VisibleCursor} walks, and where. */
export interface VisibleRange {
  /** The first tree key that may be shown. */
  readonly start: string;
  /** The first tree key behind; undefined for no end. */
  readonly end: string | undefined;
  /** The version that is read at. */
  readonly version: number;
  /** Whether to begin at the end and go back. */
  readonly reverse?: boolean;
  /** How many keys without a value it passes before it pauses; no bound if not given. */
  readonly pauseAfterCount?: number;
}

/** What a {@linkcode VisibleCursor} goes by besides. */
export interface VisibleOptions extends VisibleRange {
  /** When values expire; never if not given. */
  readonly expiryOf?: ExpiryRule;
  /** The version at which values must not have expired; that of the range if not given. */
  readonly expiryVersion?: number;
  /** Called once, by `close()`. */
  readonly release?: () => void;
}

/** Walks live values in key order, one a key. Stands on the first as soon as it is made. */
export class VisibleCursor {
  /** Whether it stands on a value. The fields below mean something only then. */
  isValid = false;
  /** Whether it has stopped on its way to the next value: `resume` goes on. Not valid then. */
  isPaused = false;
  /** The tree key. */
  key = "";
  /** The version of the value. */
  version = 0;
  /** The buffer that holds the value. Not to be modified; never reused for other bytes. */
  source: Uint8Array = noBytes;
  /** Where the value starts in `source`. */
  valueStart = 0;
  /** Where the value ends in `source`. */
  valueEnd = 0;
  readonly #inner: Cursor;
  readonly #start: string;
  readonly #end: string | undefined;
  readonly #readVersion: number;
  readonly #expiryOf: ExpiryRule | undefined;
  readonly #expiryVersion: number;
  readonly #isReverse: boolean;
  readonly #pauseAfterCount: number;
  #release: (() => void) | undefined;

  /** @param inner All entries. Not used by anybody else from now on. */
  constructor(inner: Cursor, options: VisibleOptions) {
    this.#inner = inner;
    this.#start = options.start;
    this.#end = options.end;
    this.#readVersion = options.version;
    this.#expiryOf = options.expiryOf;
    this.#expiryVersion = options.expiryVersion ?? options.version;
    this.#isReverse = options.reverse ?? false;
    this.#pauseAfterCount = options.pauseAfterCount ?? Infinity;
    this.#release = options.release;
    if (!this.#isReverse) {
      inner.seek(options.start, versionMax);
      this.#showForward();
    } else {
      if (options.end === undefined) inner.seekToLast();
      else inner.seekBefore(options.end, versionMax);
      this.#showReverse();
    }
  }

  /** Goes to the next value: of a larger key, or of a smaller one in reverse. Only if `isValid`. */
  next(): void {
    if (this.#isReverse) return this.#showReverse();
    this.#inner.next();
    this.#skipKey(this.key);
    this.#showForward();
  }

  /** Goes on after a pause. Only if `isPaused`. */
  resume(): void {
    this.isPaused = false;
    if (this.#isReverse) this.#showReverse();
    else this.#showForward();
  }

  /** Lets go of the files under it. It shows nothing any more. May be called again. */
  close(): void {
    this.isValid = false;
    this.isPaused = false;
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }

  /** Goes on to the next key that has a value; the inner cursor stands on some key's first entry. */
  #showForward(): void {
    const inner = this.#inner;
    const end = this.#end;
    const readVersion = this.#readVersion;
    let newerCount = 0;
    let passedCount = 0;
    while (inner.isValid && (end === undefined || inner.key < end)) {
      if (passedCount >= this.#pauseAfterCount) return this.#pause();
      if (inner.version > readVersion) {
        passedCount++;
        if (++newerCount % skippedCountMax === 0) inner.seek(inner.key, readVersion);
        else inner.next();
        continue;
      }
      const key = inner.key;
      if (this.#isLive()) return this.#show();
      passedCount++;
      inner.next();
      this.#skipKey(key);
    }
    this.isValid = false;
  }

  /** Leaves the rest of a key's entries behind. */
  #skipKey(key: string): void {
    const inner = this.#inner;
    for (let count = 0; inner.isValid && inner.key === key; count++) {
      if (count === skippedCountMax) return inner.seek(key, -1);
      inner.next();
    }
  }

  /** Goes back to the next key that has a value; the inner cursor stands on some key's last entry. */
  #showReverse(): void {
    const inner = this.#inner;
    let passedCount = 0;
    while (inner.isValid && inner.key >= this.#start) {
      if (passedCount >= this.#pauseAfterCount) return this.#pause();
      passedCount++;
      const key = inner.key;
      const isVisible = this.#showNewestBackward(key);
      for (let count = 0; inner.isValid && inner.key === key; count++) {
        if (count === skippedCountMax) inner.seekBefore(key, versionMax);
        else inner.previous();
      }
      if (isVisible) return;
    }
    this.isValid = false;
  }

  /** Shows what is visible of a key, whose oldest entry the inner cursor stands on, if anything is. */
  #showNewestBackward(key: string): boolean {
    const inner = this.#inner;
    let isVisible = false;
    for (let count = 0; inner.isValid && inner.key === key; count++) {
      if (inner.version > this.#readVersion) break;
      const isDecided = count === skippedCountMax;
      if (isDecided) inner.seek(key, this.#readVersion);
      isVisible = this.#isLive();
      if (isVisible) this.#show();
      if (isDecided) {
        inner.seekBefore(key, versionMax);
        break;
      }
      inner.previous();
    }
    return isVisible;
  }

  /** Tells whether the entry under the inner cursor is a value that has not expired. */
  #isLive(): boolean {
    const inner = this.#inner;
    if (inner.kind !== EntryKind.value) return false;
    const expiryOf = this.#expiryOf;
    return expiryOf === undefined || !isExpired(expiryOf, inner.key, inner, this.#expiryVersion);
  }

  #pause(): void {
    this.isValid = false;
    this.isPaused = true;
  }

  #show(): void {
    const inner = this.#inner;
    this.isValid = true;
    this.key = inner.key;
    this.version = inner.version;
    this.source = inner.source;
    this.valueStart = inner.valueStart;
    this.valueEnd = inner.valueEnd;
  }
}
