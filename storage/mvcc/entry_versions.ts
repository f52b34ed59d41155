/**
 * All that a tree holds of one key, newest first: values, tombstones, and values that have expired.
 *
 * Stands over the merge of the sources that may hold the key. What its horizon has passed may be
 * gone or not.
 *
 * @module
 */
import type { Cursor } from "../cursor.ts";
import type { EntryKind } from "../cursor.ts";

/** Walks one key's entries. Stands on the first as soon as it is made. */
export class EntryVersions {
  readonly #inner: Cursor;
  readonly #key: string;
  #release: (() => void) | undefined;
  #isClosed = false;

  /**
   * @param inner All entries of the key. Not used by anybody else from now on.
   * @param options.from The version to begin at or below.
   * @param options.release Called once, by `close()`.
   */
  constructor(inner: Cursor, options: { key: string; from: number; release: () => void }) {
    this.#inner = inner;
    this.#key = options.key;
    this.#release = options.release;
    inner.seek(options.key, options.from);
  }

  /** Whether it stands on an entry. The fields below mean something only then. */
  get isValid(): boolean {
    return !this.#isClosed && this.#inner.isValid && this.#inner.key === this.#key;
  }

  /** The entry's version. */
  get version(): number {
    return this.#inner.version;
  }

  /** What the entry says. */
  get kind(): EntryKind {
    return this.#inner.kind;
  }

  /** The buffer that holds the value. Not to be modified; never reused for other bytes. */
  get source(): Uint8Array {
    return this.#inner.source;
  }

  /** Where the value starts in `source`. */
  get valueStart(): number {
    return this.#inner.valueStart;
  }

  /** Where the value ends in `source`. */
  get valueEnd(): number {
    return this.#inner.valueEnd;
  }

  /** Goes to the next older entry. Only if `isValid`. */
  next(): void {
    this.#inner.next();
  }

  /** Lets go of the files under it. It shows nothing any more. May be called again. */
  close(): void {
    this.#isClosed = true;
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}
