/**
 * How the process itself does: how late its event loop runs, and its memory and CPU time.
 *
 * Lateness is what a timer that should fire every half second loses. The highest since the last
 * look is what counts: one long pause is what a client feels, and an average hides it.
 *
 * @module
 */
import process from "node:process";
import type { Clock, Timer } from "../../storage/env/mod.ts";

const samplePeriodMs = 500;

/** What a look at the process finds. */
export interface ProcessSample {
  readonly eventLoopDelaySecondsMax: number;
  readonly residentSizeBytes: number;
  readonly heapUsedBytes: number;
  readonly externalBytes: number;
  readonly cpuUserSeconds: number;
  readonly cpuSystemSeconds: number;
}

/** Watches the process until it is closed. */
export class ProcessSampler {
  readonly #clock: Clock;
  #timer: Timer;
  #dueMs: number;
  #delayMsMax = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#dueMs = clock.monotonicMs() + samplePeriodMs;
    this.#timer = clock.setTimer(samplePeriodMs, () => this.#tick());
  }

  /** Returns what it found, and begins a new highest delay. */
  sample(): ProcessSample {
    const delayMs = Math.max(this.#delayMsMax, this.#clock.monotonicMs() - this.#dueMs);
    this.#delayMsMax = 0;
    const memory = Deno.memoryUsage();
    const cpu = process.cpuUsage();
    return {
      eventLoopDelaySecondsMax: Math.max(0, delayMs) / 1_000,
      residentSizeBytes: memory.rss,
      heapUsedBytes: memory.heapUsed,
      externalBytes: memory.external,
      cpuUserSeconds: cpu.user / 1_000_000,
      cpuSystemSeconds: cpu.system / 1_000_000,
    };
  }

  /** Stops watching. */
  close(): void {
    this.#timer.cancel();
  }

  #tick(): void {
    const now = this.#clock.monotonicMs();
    this.#delayMsMax = Math.max(this.#delayMsMax, now - this.#dueMs);
    this.#dueMs = now + samplePeriodMs;
    this.#timer = this.#clock.setTimer(samplePeriodMs, () => this.#tick());
  }
}
