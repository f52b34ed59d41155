/**
 * Whether writers may go on: holds them up while flushes and compactions fall behind, and refuses
 * them while those cannot get on.
 *
 * @module
 */
import type { WorkLane } from "./background.ts";
import type { EngineCounters } from "./engine_statistics.ts";
import type { Clock } from "./env/mod.ts";
import { StorageError } from "./errors.ts";

/** What an {@linkcode Admission} looks at. */
export interface AdmissionConfig {
  /** For pauses. */
  readonly clock: Clock;
  /** Whose failures keep writers out. */
  readonly lanes: readonly WorkLane[];
  /** Where the time is added up that writers were held up. */
  readonly counters: EngineCounters;
  /** How long the next write waits; `Infinity` until something has changed. */
  stallMs(): number;
  /** Resolves once something may have changed. */
  progress(): Promise<void>;
  /** Throws where the engine takes no more work at all. */
  checkUsable(): void;
}

/** The gate of a tree's writers. */
export class Admission {
  readonly #config: AdmissionConfig;

  constructor(config: AdmissionConfig) {
    this.#config = config;
  }

  /** As `Engine.admission()`. */
  enter(): Promise<void> | undefined {
    this.#config.checkUsable();
    this.#checkRoom();
    const delayMs = this.#config.stallMs();
    return delayMs === 0 ? undefined : this.#wait(delayMs);
  }

  async #wait(firstDelayMs: number): Promise<void> {
    const { clock, counters } = this.#config;
    const startMs = clock.monotonicMs();
    counters.stallCount++;
    try {
      if (firstDelayMs === Infinity) await this.#waitForProgress();
      else await clock.sleep(firstDelayMs);
    } finally {
      counters.stallMs += clock.monotonicMs() - startMs;
    }
  }

  async #waitForProgress(): Promise<void> {
    const { lanes, stallMs, progress, checkUsable } = this.#config;
    while (stallMs() === Infinity) {
      const failure = lanes.map((lane) => lane.failure).find((one) => one !== undefined);
      if (failure !== undefined) throw repeated(failure);
      await progress();
      checkUsable();
      this.#checkRoom();
    }
  }

  /** Every write that is refused for want of room has the work tried again. */
  #checkRoom(): void {
    for (const lane of this.#config.lanes) {
      const { failure } = lane;
      if (failure?.code !== "disk_full") continue;
      lane.retry();
      throw repeated(failure);
    }
  }
}

/** Returns a failure as a new error: one that is thrown many times has a stack each time. */
export function repeated(failure: StorageError): StorageError {
  const { code, message, oldestVersion } = failure;
  return new StorageError(code, message, { cause: failure, oldestVersion });
}
