/**
 * A deeper level seen as one sorted sequence: its tables stand in key order and share no key, so one
 * of them at a time is enough.
 *
 * Invariant: a valid cursor stands on the same entry as the cursor of its table.
 *
 * @module
 */
import type { Cursor } from "../cursor.ts";
import { EntryKind } from "../cursor.ts";
import { firstTableFor } from "./version_set.ts";
import type { LiveTable } from "./version_set.ts";

const noBytes = new Uint8Array(0);

/** Stands on an entry of a level, or beyond either end. Calls throw StorageError `corruption`, `io`. */
export class LevelCursor implements Cursor {
  isValid = false;
  key = "";
  version = 0;
  kind: EntryKind = EntryKind.tombstone;
  source: Uint8Array = noBytes;
  valueStart = 0;
  valueEnd = 0;
  readonly #tables: readonly LiveTable[];
  readonly #fillCache: boolean;
  #slot = -1;
  #inner: Cursor | undefined;

  /**
   * @param tables In key order, disjoint, at least one; held by the caller.
   * @param options `fillCache` is whether the blocks it reads are kept; true if not given.
   */
  constructor(tables: readonly LiveTable[], options: { fillCache?: boolean } = {}) {
    this.#tables = tables;
    this.#fillCache = options.fillCache ?? true;
  }

  seek(key: string, version: number): void {
    const inner = this.#use(firstTableFor(this.#tables, key));
    inner?.seek(key, version);
    this.#showForward(inner);
  }

  seekBefore(key: string, version: number): void {
    const slot = firstTableFor(this.#tables, key);
    if (slot === this.#tables.length) return this.seekToLast();
    const inner = this.#use(slot);
    inner?.seekBefore(key, version);
    this.#showReverse(inner);
  }

  seekToFirst(): void {
    const inner = this.#use(0);
    inner?.seekToFirst();
    this.#showForward(inner);
  }

  seekToLast(): void {
    const inner = this.#use(this.#tables.length - 1);
    inner?.seekToLast();
    this.#showReverse(inner);
  }

  next(): void {
    this.#inner?.next();
    this.#showForward(this.#inner);
  }

  previous(): void {
    this.#inner?.previous();
    this.#showReverse(this.#inner);
  }

  #use(slot: number): Cursor | undefined {
    if (slot !== this.#slot) {
      this.#slot = slot;
      this.#inner = this.#tables[slot]?.reader.cursor({ fillCache: this.#fillCache });
    }
    return this.#inner;
  }

  #showForward(standing: Cursor | undefined): void {
    let inner = standing;
    while (inner !== undefined && !inner.isValid) {
      inner = this.#use(this.#slot + 1);
      inner?.seekToFirst();
    }
    this.#show(inner);
  }

  #showReverse(standing: Cursor | undefined): void {
    let inner = standing;
    while (inner !== undefined && !inner.isValid) {
      inner = this.#use(this.#slot - 1);
      inner?.seekToLast();
    }
    this.#show(inner);
  }

  #show(inner: Cursor | undefined): void {
    if (inner === undefined) {
      this.isValid = false;
      return;
    }
    this.isValid = true;
    this.key = inner.key;
    this.version = inner.version;
    this.kind = inner.kind;
    this.source = inner.source;
    this.valueStart = inner.valueStart;
    this.valueEnd = inner.valueEnd;
  }
}
