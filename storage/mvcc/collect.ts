/**
 * Which entries a merge of sstables may drop: VACUUM's rule, entry by entry.
 *
 * | space | may go |
 * | --- | --- |
 * | user | what lies behind the newest entry of its key at or below the key's horizon and behind as many newer ones as its rule counts, one where it counts none; that newest one too, where it is a tombstone, no deeper file may hold the key, and so much is newer that all behind it goes as well |
 * | change, request | all at or below the horizon of the space |
 * | expiry | all that is due at or below the horizon of the space, whole keys at once |
 *
 * A key of any other space is kept: a later version of this program may have written it.
 *
 * Only entries seen in this merge are counted, so a rule keeps more than it counts until all of a key
 * meets in one merge, and never less.
 *
 * Invariants:
 *
 *  1. Whoever reads a key at its horizon or above sees the same before and after.
 *  2. Of the entries that a rule counts nothing goes but a tombstone behind which nothing is left.
 *
 * @module
 */
import { EntryKind } from "../cursor.ts";
import type { Horizons } from "../key_space.ts";
import { changeSpace, expirySpace, requestSpace, userSpace } from "../key_space.ts";
import { dueOf } from "./expiry.ts";
import { ruleOf } from "./retention.ts";

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
  /** The key's. */
  #horizon = 0;
  /** How many newest entries of the key stay; 1 by time, as its newest stays anyway. */
  #keptCount = 1;
  /** Entries of the key that came before. */
  #newerCount = 0;
  /** Whether an entry of the key at or below its horizon has been seen. */
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
      case expirySpace:
        return dueOf(key) <= this.#horizons.expiryVersion;
      default:
        return false;
    }
  }

  #dropsUser(key: string, version: number, kind: EntryKind): boolean {
    if (key !== this.#key) this.#begin(key);
    const newerCount = this.#newerCount++;
    if (this.#isSettled) return newerCount >= this.#keptCount;
    if (version > this.#horizon) return false;
    this.#isSettled = true;
    // The entry behind it has this one before it too.
    const isAllBehindGone = newerCount + 1 >= this.#keptCount;
    return kind === EntryKind.tombstone && isAllBehindGone && !this.#isDeeper(key);
  }

  #begin(key: string): void {
    const rule = ruleOf(this.#horizons, key);
    this.#key = key;
    this.#horizon = rule?.version ?? this.#horizons.userVersion;
    this.#keptCount = Math.max(1, rule?.versionCount ?? 1);
    this.#newerCount = 0;
    this.#isSettled = false;
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
