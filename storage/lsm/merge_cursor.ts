/**
 * Many sorted sources seen as one.
 *
 * A binary heap of the sources that still stand on an entry; its root is the smallest. Neighbouring
 * entries mostly come from one source, so the smaller of the root's two children is remembered: as
 * long as the root stays before it, one comparison is all that a step costs.
 *
 * Where two sources hold the same (key, version), the one given first wins and the other's entry is
 * skipped: give the newest source first.
 *
 * Invariants:
 *
 *  1. Going forward, every source stands at or behind the current entry; going back, at or before.
 *  2. The heap holds exactly the sources that stand on an entry.
 *
 * @module
 */
import type { Cursor } from "../cursor.ts";
import { EntryKind } from "../cursor.ts";

const noBytes = new Uint8Array(0);

/**
 * Returns one cursor over all of `sources`, newest source first. It stands nowhere yet.
 *
 * @param sources Not used by anybody else from now on.
 */
export function mergeCursor(sources: readonly Cursor[]): Cursor {
  return sources.length === 1 ? sources[0] : new MergeCursor(sources);
}

/** A cursor that tells which of its sources it shows. */
export interface RankedCursor extends Cursor {
  /** The place of the source among those it was made of. */
  readonly rank: number;
}

/** Returns one cursor over all of `sources`, as `mergeCursor` does, that tells where entries are from. */
export function rankedMergeCursor(sources: readonly Cursor[]): RankedCursor {
  return new MergeCursor(sources);
}

interface RankedSource {
  readonly cursor: Cursor;
  /** Its place among the sources: the smaller wins a tie. */
  readonly rank: number;
}

class MergeCursor implements RankedCursor {
  isValid = false;
  key = "";
  version = 0;
  kind: EntryKind = EntryKind.tombstone;
  source: Uint8Array = noBytes;
  valueStart = 0;
  valueEnd = 0;
  rank = 0;
  readonly #sources: readonly RankedSource[];
  readonly #heap: RankedSource[] = [];
  /** The second smallest: the smaller child of the root. */
  #runnerUp: RankedSource | undefined;
  #isReverse = false;

  constructor(sources: readonly Cursor[]) {
    this.#sources = sources.map((cursor, rank) => ({ cursor, rank }));
  }

  seek(key: string, version: number): void {
    for (const { cursor } of this.#sources) cursor.seek(key, version);
    this.#rebuild(false);
  }

  seekBefore(key: string, version: number): void {
    for (const { cursor } of this.#sources) cursor.seekBefore(key, version);
    this.#rebuild(true);
  }

  seekToFirst(): void {
    for (const { cursor } of this.#sources) cursor.seekToFirst();
    this.#rebuild(false);
  }

  seekToLast(): void {
    for (const { cursor } of this.#sources) cursor.seekToLast();
    this.#rebuild(true);
  }

  next(): void {
    // A turn: stand all sources where a forward walk to the current entry would have left them.
    if (this.#isReverse) this.seek(this.key, this.version);
    const { key, version } = this;
    const heap = this.#heap;
    do {
      heap[0].cursor.next();
      this.#settleRoot();
    } while (
      heap.length > 0 && heap[0].cursor.version === version && heap[0].cursor.key === key
    );
    this.#show();
  }

  previous(): void {
    if (!this.#isReverse) return this.seekBefore(this.key, this.version);
    const { key, version } = this;
    const heap = this.#heap;
    do {
      heap[0].cursor.previous();
      this.#settleRoot();
    } while (
      heap.length > 0 && heap[0].cursor.version === version && heap[0].cursor.key === key
    );
    this.#show();
  }

  #rebuild(isReverse: boolean): void {
    this.#isReverse = isReverse;
    const heap = this.#heap;
    heap.length = 0;
    for (const source of this.#sources) if (source.cursor.isValid) heap.push(source);
    for (let slot = (heap.length >> 1) - 1; slot >= 0; slot--) this.#siftDown(slot);
    this.#chooseRunnerUp();
    this.#show();
  }

  /** Restores the heap after its root has moved. */
  #settleRoot(): void {
    const heap = this.#heap;
    if (heap[0].cursor.isValid) {
      if (this.#runnerUp === undefined || this.#isBefore(heap[0], this.#runnerUp)) return;
    } else {
      const last = heap.pop();
      if (heap.length > 0 && last !== undefined) heap[0] = last;
    }
    this.#siftDown(0);
    this.#chooseRunnerUp();
  }

  #siftDown(start: number): void {
    const heap = this.#heap;
    for (let slot = start;;) {
      let child = 2 * slot + 1;
      if (child >= heap.length) return;
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1], heap[child])) child++;
      if (this.#isBefore(heap[slot], heap[child])) return;
      const moved = heap[slot];
      heap[slot] = heap[child];
      heap[child] = moved;
      slot = child;
    }
  }

  #chooseRunnerUp(): void {
    const heap = this.#heap;
    this.#runnerUp = heap.length > 2 && this.#isBefore(heap[2], heap[1]) ? heap[2] : heap[1];
  }

  #isBefore(left: RankedSource, right: RankedSource): boolean {
    const leftCursor = left.cursor;
    const rightCursor = right.cursor;
    if (leftCursor.key === rightCursor.key) {
      if (leftCursor.version === rightCursor.version) return left.rank < right.rank;
      return (leftCursor.version > rightCursor.version) !== this.#isReverse;
    }
    return (leftCursor.key < rightCursor.key) !== this.#isReverse;
  }

  #show(): void {
    if (this.#heap.length === 0) {
      this.isValid = false;
      return;
    }
    const { cursor, rank } = this.#heap[0];
    this.rank = rank;
    this.isValid = true;
    this.key = cursor.key;
    this.version = cursor.version;
    this.kind = cursor.kind;
    this.source = cursor.source;
    this.valueStart = cursor.valueStart;
    this.valueEnd = cursor.valueEnd;
  }
}
