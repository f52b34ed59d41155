/**
 * Where each entry of one group stands in the node log.
 *
 * Five numbers an entry in one typed array: a log of 256 MiB may hold millions of small entries, and
 * an object each would cost more memory than the memtable.
 *
 * Invariants:
 *
 *  1. Indexes [first, last] are there without gaps; terms never fall from one to the next.
 *  2. Adding an index that is there replaces it and forgets all behind it (Raft §5.3).
 *
 * @module
 */
import { invariant } from "../storage/env/mod.ts";
import { frameAlignmentBytes } from "../storage/log/mod.ts";

/** Where an entry stands. */
export interface EntryLocation {
  readonly term: number;
  /** The segment's number. */
  readonly segment: number;
  /** Where its frame starts in the segment. */
  readonly framePosition: number;
  /** Where its payload starts in the frame's body. */
  readonly start: number;
  /** Where its payload ends in the frame's body. */
  readonly end: number;
}

const stride = 5;
const numberMax = 0xffffffff;

/** Indexes to places, for one group. */
export class LogIndex {
  #slots = new Uint32Array(16 * stride);
  #head = 0;
  #count = 0;
  #first = 1;

  /** The lowest index held; meaningless where `count` is 0. */
  get first(): number {
    return this.#first;
  }

  /** The highest index held; 0 where there is none. */
  get last(): number {
    return this.#count === 0 ? 0 : this.#first + this.#count - 1;
  }

  /** How many are held. */
  get count(): number {
    return this.#count;
  }

  /** Tells whether an entry may be added: it leaves no gap, and its term does not fall. */
  accepts(index: number, term: number): boolean {
    if (this.#count === 0 || index <= this.#first) return true;
    return index <= this.last + 1 && term >= this.#slots[this.#slotOf(index - 1) + 4];
  }

  /** Adds an entry; forgets those from `index` on. */
  add(index: number, location: EntryLocation): void {
    const { segment, framePosition, start, end, term } = location;
    invariant(
      this.accepts(index, term),
      () => `Entry ${index} of term ${term} does not follow entry ${this.last}`,
    );
    invariant(
      segment <= numberMax && end <= numberMax && term <= numberMax,
      () => `Entry ${index} does not fit the index: ${segment}, ${end}, ${term}`,
    );
    if (this.#count === 0 || index <= this.#first) {
      this.#first = index;
      this.#head = 0;
      this.#count = 0;
    }
    this.#count = index - this.#first;
    this.#makeRoom();
    const slot = this.#slotOf(index);
    this.#count++;
    this.#slots[slot] = segment;
    this.#slots[slot + 1] = framePosition / frameAlignmentBytes;
    this.#slots[slot + 2] = start;
    this.#slots[slot + 3] = end;
    this.#slots[slot + 4] = term;
  }

  /** Returns where an entry stands, or undefined where it is not held. */
  locate(index: number): EntryLocation | undefined {
    if (index < this.#first || index > this.last) return undefined;
    const slot = this.#slotOf(index);
    return {
      segment: this.#slots[slot],
      framePosition: this.#slots[slot + 1] * frameAlignmentBytes,
      start: this.#slots[slot + 2],
      end: this.#slots[slot + 3],
      term: this.#slots[slot + 4],
    };
  }

  /** Forgets the entries up to `index`, itself included. */
  dropThrough(index: number): void {
    const dropCount = Math.min(this.#count, Math.max(0, index - this.#first + 1));
    this.#head += dropCount;
    this.#count -= dropCount;
    this.#first += dropCount;
    if (this.#head > this.#count && this.#head >= 1_024) this.#compact(this.#count * 2);
  }

  #slotOf(index: number): number {
    return (this.#head + index - this.#first) * stride;
  }

  #makeRoom(): void {
    if ((this.#head + this.#count + 1) * stride > this.#slots.length) {
      this.#compact((this.#count + 1) * 2);
    }
  }

  #compact(capacity: number): void {
    const slots = new Uint32Array(Math.max(capacity, 16) * stride);
    const start = this.#head * stride;
    slots.set(this.#slots.subarray(start, start + this.#count * stride));
    this.#slots = slots;
    this.#head = 0;
  }
}
