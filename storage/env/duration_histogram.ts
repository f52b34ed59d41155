/**
 * A histogram of durations: how often something took how long, in buckets of fixed bounds.
 *
 * One observation costs a short walk and three additions, so that a hot loop can afford it. Reading
 * it turns it into plain numbers, which travel inside a room's statistics up to whoever shows them.
 *
 * @module
 */

/** Upper bounds of the buckets, in milliseconds. One more bucket takes what is longer. */
export const durationBoundsMs: readonly number[] = [
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  25,
  50,
  100,
  250,
  500,
  1_000,
  2_500,
  5_000,
  10_000,
];

/** A histogram as plain numbers. */
export interface DurationStatistics {
  /** How many fell into each bucket, the unbounded one last. */
  readonly bucketCounts: readonly number[];
  /** All durations together, in milliseconds. */
  readonly sumMs: number;
  /** The longest one, in milliseconds; 0 where there was none. */
  readonly longestMs: number;
}

/** Counts durations. */
export class DurationHistogram {
  readonly #bucketCounts = new Float64Array(durationBoundsMs.length + 1);
  #sumMs = 0;
  #longestMs = 0;

  /** Counts one duration. One below zero, as a clock that was set back yields, counts as zero. */
  observe(durationMs: number): void {
    const atLeastZeroMs = Math.max(0, durationMs);
    let bucket = 0;
    while (bucket < durationBoundsMs.length && atLeastZeroMs > durationBoundsMs[bucket]) bucket++;
    this.#bucketCounts[bucket]++;
    this.#sumMs += atLeastZeroMs;
    if (atLeastZeroMs > this.#longestMs) this.#longestMs = atLeastZeroMs;
  }

  /** Returns the numbers as of now. The caller may keep them. */
  statistics(): DurationStatistics {
    return {
      bucketCounts: [...this.#bucketCounts],
      sumMs: this.#sumMs,
      longestMs: this.#longestMs,
    };
  }
}
