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
import type { RunningCompaction } from "./compaction_queue.ts";
import { CompactionQueue } from "./compaction_queue.ts";
import { StorageError } from "./errors.ts";
import { IoPacer } from "./io_pacer.ts";
import { compact } from "./lsm/compaction.ts";

/** A {@linkcode CompactionExecutor} without a thread of its own. */
export class InlineCompactionExecutor implements CompactionExecutor {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #queue = new CompactionQueue();
  #isClosed = false;
  /** Ends the pause of the merge that runs. */
  #wake: () => void = () => {};

  /** @param config `clock` says how to give way. */
  constructor(config: { disk: Disk; clock: Clock }) {
    this.#disk = config.disk;
    this.#clock = config.clock;
  }

  run(job: CompactionJob): Promise<CompactionOutcome> {
    return this.#queue.run(job, (isLifted) => this.#start(job, isLifted));
  }

  lift(job: CompactionJob): void {
    this.#queue.lift(job);
  }

  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  #start(job: CompactionJob, isLifted: boolean): RunningCompaction {
    if (this.#isClosed) throw new StorageError("closed", "Cannot merge: the executor was closed");
    const pacer = new IoPacer(isLifted ? 0 : job.ioBytesPerSecond);
    const lift = () => {
      pacer.lift();
      this.#wake();
    };
    return { outcome: this.#merge(job, pacer), lift };
  }

  async #merge(job: CompactionJob, pacer: IoPacer): Promise<CompactionOutcome> {
    const result = await compact(job, {
      disk: this.#disk,
      isCancelled: () => this.#isClosed,
      pause: (ioBytes) => this.#pause(pacer, ioBytes),
    });
    return { ...result, throttledMs: pacer.throttledMs };
  }

  async #pause(pacer: IoPacer, ioBytes: number): Promise<void> {
    const startMs = this.#clock.monotonicMs();
    const delayMs = pacer.delayMs(ioBytes, startMs);
    if (delayMs === 0) return this.#clock.yield();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.setTimer(delayMs, resolve);
    this.#wake = () => {
      timer.cancel();
      resolve();
    };
    await promise;
    this.#wake = () => {};
    pacer.throttledMs += this.#clock.monotonicMs() - startMs;
  }
}
