/**
 * The version source of a group that stands alone: wall time, made strictly rising.
 *
 * A version is a time in microseconds since the Unix epoch: max(now, last + 1). A commit takes one,
 * a batch of n commits takes a run of n in one call. Every run comes with the end of a **window**:
 * the largest version that may be read at, promised or closed until the next run. The window goes
 * into the log with the batch; whoever takes over, a restart included, begins above it, so that no
 * commit ever lands at or below a version at which somebody has already looked.
 *
 * A wall clock that jumps back stops nothing: versions count on by ones until it has caught up. One
 * that jumps ahead is believed, since a lone node has nobody to ask.
 *
 * Invariants:
 *
 *  1. Every version handed out is larger than all before it and than the window it began above.
 *  2. A window's end never falls and lies at most `windowMicros` above the last version.
 *  3. Nothing is handed out at or below a version that was closed, and what is closed never falls. It
 *     holds over a restart as far as the limit was the end of a window in the log.
 *
 * Source: the timestamp oracles of Percolator (Peng and Dabek, 2010) and of TiKV's placement driver,
 * which reserve time ahead in the same way.
 *
 * @module
 */
import type { Clock } from "../env/mod.ts";
import { invariant } from "../env/mod.ts";

/** How far ahead of the last version a window reaches, in microseconds: 200 ms. */
export const windowMicros = 200_000;

/** Versions for one batch. */
export interface VersionRun {
  /** The first; the others follow by ones. */
  readonly base: number;
  /** The end of the window, itself included: what comes after a restart lies above it. */
  readonly windowEnd: number;
}

/** Whoever hands out versions. */
export interface VersionSource {
  /** Returns a run of `count` versions, from 1, above all that were handed out before. */
  take(count: number): VersionRun;
  /** Makes every later run begin above `version`. */
  startAbove(version: number): void;
  /** Returns the version that a commit now would have at least: of the wall clock, or beyond it. */
  now(): number;
  /**
   * Closes the past: makes every later run begin above the version that it returns, which is now's
   * or `limit`, whichever is less.
   *
   * @param limit The end of a window that is in the log: else a restart could begin below. Where more
   * was handed out or closed before, it returns that.
   */
  close(limit: number): number;
}

/** A {@linkcode VersionSource} over the wall clock of this machine. */
export class VersionClock implements VersionSource {
  readonly #clock: Clock;
  #last: number;
  #windowEnd: number;

  /** @param startAbove The largest version that may have been seen before: the old window's end. */
  constructor(clock: Clock, startAbove: number = 0) {
    this.#clock = clock;
    this.#last = startAbove;
    this.#windowEnd = startAbove;
  }

  /** The largest version handed out, begun above or closed. */
  get last(): number {
    return this.#last;
  }

  take(count: number): VersionRun {
    invariant(Number.isSafeInteger(count) && count >= 1, () => `A run has 1 or more: ${count}`);
    const base = Math.max(this.#clock.wallMicros(), this.#last + 1);
    this.#last = base + count - 1;
    this.#windowEnd = Math.max(this.#windowEnd, this.#last + windowMicros);
    invariant(Number.isSafeInteger(this.#windowEnd), () => `Versions end: ${this.#windowEnd}`);
    return { base, windowEnd: this.#windowEnd };
  }

  startAbove(version: number): void {
    invariant(
      Number.isSafeInteger(version) && version >= 0,
      () => `A version is a safe integer from 0 up: ${version}`,
    );
    this.#last = Math.max(this.#last, version);
    this.#windowEnd = Math.max(this.#windowEnd, version);
  }

  now(): number {
    return Math.max(this.#clock.wallMicros(), this.#last);
  }

  close(limit: number): number {
    invariant(
      Number.isSafeInteger(limit) && limit >= 0,
      () => `A version is a safe integer from 0 up: ${limit}`,
    );
    this.#last = Math.max(this.#last, Math.min(this.now(), limit));
    return this.#last;
  }
}
