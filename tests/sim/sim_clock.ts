/**
 * The clock of one simulated process, over the scheduler that all of them share.
 *
 * @module
 */
import type { Clock, Timer } from "../../storage/env/mod.ts";
import type { Scheduler } from "./scheduler.ts";

/** Microseconds since the Unix epoch at which every simulation begins. */
export const wallStartMicros = Date.UTC(2026, 10, 1) * 1_000;

/** A {@linkcode Clock} in virtual time. */
export class SimClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #startMs: number;
  #jumpMicros = 0;
  #isStopped = false;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.#startMs = scheduler.nowMs;
  }

  wallMicros(): number {
    return wallStartMicros + Math.floor(this.#scheduler.nowMs * 1_000) + this.#jumpMicros;
  }

  monotonicMs(): number {
    return this.#scheduler.nowMs - this.#startMs;
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.setTimer(delayMs, resolve));
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    return this.#scheduler.after(Math.max(0, delayMs), () => {
      if (!this.#isStopped) fire();
    });
  }

  defer(run: () => void): void {
    this.setTimer(0, run);
  }

  yield(): Promise<void> {
    return this.sleep(0);
  }

  /** Moves the wall clock, either way. Monotonic time does not notice. */
  jump(byMs: number): void {
    this.#jumpMicros += Math.round(byMs * 1_000);
  }

  /** The process is gone: none of its timers fires any more. */
  stop(): void {
    this.#isStopped = true;
  }
}
