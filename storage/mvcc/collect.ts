/**
 * Which entries a merge of sstables may drop: VACUUM's rule, entry by entry.
 *
 * | space | may go |
 * | --- | --- |
 * | user | what lies behind the newest entry of its key at or below the watermark; that newest one too, where it is a tombstone and no deeper file may hold the key |
 * | change, request | all at or below the horizon of the space |
 *
 * A key of any other space is kept: a later version of this program may have written it.
 *
 * Invariant: whoever reads at the watermark or above sees the same before and after.
 *
 * @module
 */
import { EntryKind } from "../cursor.ts";
import type { Horizons } from "../key_space.ts";
import { changeSpace, requestSpace, userSpace } from "../key_space.ts";

/** A closed range of tree keys. */
export interface KeyRange {
  /** The first key in it. */
  readonly smallestKey: string;
  /** The last key in it. */
  readonly largestKey: string;
}

/** Decides about the entries of one merge, which are shown to it in cursor order. */
export class Collector {
  readonly #horizons: Horizons;
  readonly #deeperRanges: readonly KeyRange[];
  #deeperSlot = 0;
  #key: string | undefined;
  /** Whether an entry of the key at or below the watermark has been seen. */
  #isSettled = false;

  /** @param deeperRanges What files deeper than the result's level may hold; in any order. */
  constructor(options: { horizons: Horizons; deeperRanges: readonly KeyRange[] }) {
    this.#horizons = options.horizons;
    this.#deeperRanges = joined(options.deeperRanges);
  }

  /** Tells whether an entry may be dropped. */
  drops(key: string, version: number, kind: EntryKind): boolean {
    switch (key[0]) {
      case userSpace:
        return this.#dropsUser(key, version, kind);
      case changeSpace:
        return version <= this.#horizons.changeVersion;
      case requestSpace:
        return version <= this.#horizons.requestVersion;
      default:
        return false;
    }
  }

  #dropsUser(key: string, version: number, kind: EntryKind): boolean {
    if (key !== this.#key) {
      this.#key = key;
      this.#isSettled = false;
    }
    if (this.#isSettled) return true;
    if (version > this.#horizons.userVersion) return false;
    this.#isSettled = true;
    return kind === EntryKind.tombstone && !this.#isDeeper(key);
  }

  /** Tells whether a deeper file may hold the key. Keys come rising, so the ranges are walked. */
  #isDeeper(key: string): boolean {
    const ranges = this.#deeperRanges;
    while (this.#deeperSlot < ranges.length && ranges[this.#deeperSlot].largestKey < key) {
      this.#deeperSlot++;
    }
    return this.#deeperSlot < ranges.length && ranges[this.#deeperSlot].smallestKey <= key;
  }
}

/** Returns the ranges in key order with those that overlap made one. */
function joined(ranges: readonly KeyRange[]): KeyRange[] {
  const sorted = [...ranges].sort((left, right) => left.smallestKey < right.smallestKey ? -1 : 1);
  const result: KeyRange[] = [];
  for (const range of sorted) {
    const last = result.at(-1);
    if (last === undefined || last.largestKey < range.smallestKey) {
      result.push(range);
    } else if (last.largestKey < range.largestKey) {
      result[result.length - 1] = { smallestKey: last.smallestKey, largestKey: range.largestKey };
    }
  }
  return result;
}
