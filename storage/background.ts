/**
 * Work behind the requests: a lane runs one job after the other, as long as there is one.
 *
 * A tree has two, one for flushes and one for compactions, because a memtable must not wait for the
 * disk behind a merge that takes seconds. How a job's failure is met:
 *
 * | failure | what follows |
 * | --- | --- |
 * | `disk_full`, `io` | nothing was lost; the job is tried again, after a pause that doubles |
 * | `corruption` | the lane halts: the damage stays, and reads of all that is sound go on |
 * | `closed` | the lane halts: the process is on its way out |
 * | anything else | reported as fatal: `sync_failed`, or we are wrong |
 *
 * @module
 */
import type { Clock, Logger, Timer } from "./env/mod.ts";
import { StorageError } from "./errors.ts";

const retryMsMin = 100;
const retryMsMax = 5_000;

/** What a {@linkcode WorkLane} does. */
export interface WorkLaneConfig {
  /** For log lines. */
  readonly name: string;
  /** For pauses. */
  readonly clock: Clock;
  /** Receives failures. */
  readonly logger: Logger;
  /** Does one job; resolves to false where there is none. */
  step(): Promise<boolean>;
  /** Called after every job, done or failed. */
  onProgress(): void;
  /** Called once, with a failure that nothing can go on from. */
  onFatal(error: unknown): void;
}

/** Runs jobs one at a time. */
export class WorkLane {
  readonly #config: WorkLaneConfig;
  #running: Promise<void> | undefined;
  #isWoken = false;
  #isStopped = false;
  #failure: StorageError | undefined;
  #retryMs = retryMsMin;
  #retryTimer: Timer | undefined;
  #failedAtMs = 0;

  constructor(config: WorkLaneConfig) {
    this.#config = config;
  }

  /** Why the last job failed, while that still holds up the lane. */
  get failure(): StorageError | undefined {
    return this.#failure;
  }

  /** Whether a job is running or about to. */
  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  /** Says that there may be a job. A lane that waits after a failure goes on waiting. */
  wake(): void {
    this.#isWoken = true;
    if (this.#failure === undefined) this.#start();
  }

  /** Tries a failed job again, unless it failed a moment ago or cannot ever succeed. */
  retry(): void {
    if (this.#failure === undefined || this.#failure.code === "corruption") return;
    if (this.#config.clock.monotonicMs() - this.#failedAtMs < retryMsMin) return;
    this.#start();
  }

  /** Begins no more jobs. */
  halt(): void {
    this.#isStopped = true;
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
  }

  /** Begins no more jobs; resolves when the running one has ended. */
  async stop(): Promise<void> {
    this.halt();
    await this.#running;
  }

  #start(): void {
    if (this.#running !== undefined || this.#isStopped) return;
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    this.#running = this.#run();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    // The caller is in the middle of a request: let it finish first.
    await this.#config.clock.yield();
    try {
      do {
        this.#isWoken = false;
        while (!this.#isStopped && await this.#config.step()) this.#succeeded();
      } while (this.#isWoken && !this.#isStopped);
      this.#succeeded();
    } catch (error) {
      this.#failed(error);
    }
    this.#running = undefined;
    this.#config.onProgress();
  }

  #succeeded(): void {
    this.#failure = undefined;
    this.#retryMs = retryMsMin;
    this.#config.onProgress();
  }

  #failed(error: unknown): void {
    // Whatever the job needed has been closed: the engine is next.
    if (error instanceof StorageError && error.code === "closed") return this.halt();
    const { name, clock, logger, onFatal } = this.#config;
    if (!(error instanceof StorageError) || !isBearable(error)) {
      this.halt();
      onFatal(error);
      return;
    }
    this.#failure = error;
    this.#failedAtMs = clock.monotonicMs();
    logger.log("error", `${name}_failed`, { code: error.code, message: error.message });
    if (error.code === "corruption" || this.#isStopped) return;
    this.#retryTimer = clock.setTimer(this.#retryMs, () => this.#start());
    this.#retryMs = Math.min(this.#retryMs * 2, retryMsMax);
  }
}

/** Tells whether nothing was lost and work can go on elsewhere. */
export function isBearable(error: StorageError): boolean {
  return error.code === "disk_full" || error.code === "io" || error.code === "corruption";
}
