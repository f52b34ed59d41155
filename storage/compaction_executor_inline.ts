/**
 * The CompactionExecutor of a simulation: merges in the calling thread and gives way between steps,
 * so that the order of everything follows from the clock's.
 *
 * @module
 */
import type { Clock, Disk } from "./env/mod.ts";
import type {
  CompactionExecutor,
  CompactionJob,
  CompactionOutcome,
} from "./compaction_executor.ts";
import { StorageError } from "./errors.ts";
import { compact } from "./lsm/compaction.ts";

/** A {@linkcode CompactionExecutor} without a thread of its own. */
export class InlineCompactionExecutor implements CompactionExecutor {
  readonly #disk: Disk;
  readonly #clock: Clock;
  #isClosed = false;
  /** Resolves once the job before is over, however it ended. */
  #previous: Promise<unknown> = Promise.resolve();

  /** @param config `clock` says how to give way. */
  constructor(config: { disk: Disk; clock: Clock }) {
    this.#disk = config.disk;
    this.#clock = config.clock;
  }

  run(job: CompactionJob): Promise<CompactionOutcome> {
    const outcome = this.#previous.then(() => this.#start(job));
    this.#previous = outcome.catch(() => {});
    return outcome;
  }

  close(): void {
    this.#isClosed = true;
  }

  #start(job: CompactionJob): Promise<CompactionOutcome> {
    if (this.#isClosed) throw new StorageError("closed", "Cannot merge: the executor was closed");
    return compact(job, {
      disk: this.#disk,
      isCancelled: () => this.#isClosed,
      pause: () => this.#clock.yield(),
    });
  }
}
