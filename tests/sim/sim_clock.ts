/**
 * The clock of one simulated process, over the scheduler that all of them share.
 *
 * @module
 */
import type { Clock, Timer } from "../../storage/env/mod.ts";
import type { Scheduler } from "./scheduler.ts";

/** Microseconds since the Unix epoch at which every simulation begins. */
export const wallStartMicros = Date.UTC(2026, 10, 1) * 1_000;

/** How far work may take a clock ahead of the events that are due. */
const aheadMsMax = 5;

/** A {@linkcode Clock} in virtual time. */
export class SimClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #startMs: number;
  readonly #workMs: number;
  #monotonicMs = 0;
  #jumpMicros = 0;
  #isStopped = false;

  /**
   * @param options.workMs How much time goes by from one look at the monotonic clock to the next
   * though nothing happens, so that who gives way after a while comes to do so; and how much others
   * take then. 0 if not given.
   */
  constructor(scheduler: Scheduler, options: { workMs?: number } = {}) {
    this.#scheduler = scheduler;
    this.#startMs = scheduler.nowMs;
    this.#workMs = options.workMs ?? 0;
  }

  wallMicros(): number {
    return wallStartMicros + Math.floor(this.#scheduler.nowMs * 1_000) + this.#jumpMicros;
  }

  monotonicMs(): number {
    const dueMs = this.#scheduler.nowMs - this.#startMs;
    if (this.#workMs === 0) return dueMs;
    const workedMs = Math.min(this.#monotonicMs + this.#workMs, dueMs + aheadMsMax);
    this.#monotonicMs = Math.max(this.#monotonicMs, dueMs, workedMs);
    return this.#monotonicMs;
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
    return this.sleep(this.#workMs);
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
