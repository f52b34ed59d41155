/**
 * The line of merges before one executor: one runs, others wait, and a throttled one makes haste while
 * an urgent one stands behind it. All trees of a node share the executor, so a slow VACUUM of one
 * must not hold up the level 0 of another.
 *
 * Invariants:
 *
 *  1. At most one job runs; jobs start in the order they came.
 *  2. A job that was lifted, or has an urgent one behind it, is not throttled.
 *
 * @module
 */
import { invariant } from "./env/mod.ts";
import type { CompactionJob, CompactionOutcome } from "./compaction_executor.ts";

/** A merge that was started. */
export interface RunningCompaction {
  /** Settles with it. */
  readonly outcome: Promise<CompactionOutcome>;
  /** Takes its limit away. */
  lift(): void;
}

/** Starts jobs one after the other. */
export class CompactionQueue {
  /** Resolves once the job before is over, however it ended. */
  #previous: Promise<unknown> = Promise.resolve();
  #running: RunningCompaction | undefined;
  #urgentCount = 0;
  readonly #lifted = new WeakSet<CompactionJob>();

  /**
   * Starts a job when its turn has come.
   *
   * @param start Given whether the job goes without its limit; may throw.
   */
  run(
    job: CompactionJob,
    start: (isLifted: boolean) => RunningCompaction,
  ): Promise<CompactionOutcome> {
    const isUrgent = job.ioBytesPerSecond === 0;
    if (isUrgent) {
      this.#urgentCount++;
      this.#running?.lift();
    }
    const outcome = this.#previous.then(() => {
      if (isUrgent) this.#urgentCount--;
      invariant(this.#running === undefined, "One merge runs at a time");
      const running = start(this.#urgentCount > 0 || this.#lifted.has(job));
      this.#running = running;
      return running.outcome.finally(() => this.#running = undefined);
    });
    this.#previous = outcome.catch(() => {});
    return outcome;
  }

  /** Lets a job, and the one that runs before it, go without limit. */
  lift(job: CompactionJob): void {
    this.#lifted.add(job);
    this.#running?.lift();
  }
}
