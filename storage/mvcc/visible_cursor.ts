/**
 * What a reader at one version sees: of every key the newest value at or below it.
 *
 * Stands over the merge of all sources, where a key's entries come newest first. Forward, the first
 * entry of a key at or below the version decides. Backward, the entries come oldest first, so the
 * last one at or below the version does, and it is remembered while the walk goes beyond it.
 *
 * @module
 */
import type { Cursor } from "../cursor.ts";
import { EntryKind, versionMax } from "../cursor.ts";

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
}

/** Walks live values in key order, one a key. Stands on the first as soon as it is made. */
export class VisibleCursor {
  /** Whether it stands on a value. The fields below mean something only then. */
  isValid = false;
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
  readonly #isReverse: boolean;
  #release: (() => void) | undefined;

  /**
   * @param inner All entries. Not used by anybody else from now on.
   * @param options `release` is called once, by `close()`.
   */
  constructor(inner: Cursor, options: VisibleRange & { readonly release?: () => void }) {
    this.#inner = inner;
    this.#start = options.start;
    this.#end = options.end;
    this.#readVersion = options.version;
    this.#isReverse = options.reverse ?? false;
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

  /** Lets go of the files under it. It shows nothing any more. May be called again. */
  close(): void {
    this.isValid = false;
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
    while (inner.isValid && (end === undefined || inner.key < end)) {
      if (inner.version > readVersion) {
        if (++newerCount % skippedCountMax === 0) inner.seek(inner.key, readVersion);
        else inner.next();
        continue;
      }
      const key = inner.key;
      if (inner.kind === EntryKind.value) return this.#show();
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
    while (inner.isValid && inner.key >= this.#start) {
      const key = inner.key;
      let isVisible = false;
      while (inner.isValid && inner.version <= this.#readVersion && inner.key === key) {
        isVisible = inner.kind === EntryKind.value;
        if (isVisible) this.#show();
        inner.previous();
      }
      for (let count = 0; inner.isValid && inner.key === key; count++) {
        if (count === skippedCountMax) inner.seekBefore(key, versionMax);
        else inner.previous();
      }
      if (isVisible) return;
    }
    this.isValid = false;
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
