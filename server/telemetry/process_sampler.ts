/**
 * How the process itself does: how late its event loop runs, what garbage costs it, and its memory
 * and CPU time.
 *
 * Lateness is what a timer that should fire every half second loses. Beside the histogram there is
 * the highest since the last look: one long pause is what a client feels, and an average hides it.
 *
 * @module
 */
import process from "node:process";
import {
  type Clock,
  DurationHistogram,
  type DurationStatistics,
  type Timer,
} from "../../storage/env/mod.ts";
import { GarbageMeter } from "./garbage_meter.ts";

const samplePeriodMs = 500;

/** What a look at the process finds. */
export interface ProcessSample {
  readonly eventLoopDelaySecondsMax: number;
  /** How late each timer was, since the start. */
  readonly eventLoopDelay: DurationStatistics;
  /** How long garbage collections took since the start, by kind. */
  readonly garbage: ReadonlyMap<string, DurationStatistics>;
  readonly residentSizeBytes: number;
  readonly heapUsedBytes: number;
  readonly externalBytes: number;
  readonly cpuUserSeconds: number;
  readonly cpuSystemSeconds: number;
}

/** Watches the process until it is closed. */
export class ProcessSampler {
  readonly #clock: Clock;
  readonly #garbage = new GarbageMeter();
  readonly #delays = new DurationHistogram();
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
      eventLoopDelay: this.#delays.statistics(),
      garbage: this.#garbage.statistics(),
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
    this.#garbage.close();
  }

  #tick(): void {
    const now = this.#clock.monotonicMs();
    this.#delays.observe(now - this.#dueMs);
    this.#delayMsMax = Math.max(this.#delayMsMax, now - this.#dueMs);
    this.#dueMs = now + samplePeriodMs;
    this.#garbage.look();
    this.#timer = this.#clock.setTimer(samplePeriodMs, () => this.#tick());
  }
}
