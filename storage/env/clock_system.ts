/**
 * The Clock of a real process.
 *
 * @module
 */
import type { Clock, Timer } from "./clock.ts";

/** A {@linkcode Clock} over the host's clocks and timers. */
export class SystemClock implements Clock {
  wallMicros(): number {
    return Math.floor((performance.timeOrigin + performance.now()) * 1000) + this.#driftMicros();
  }

  monotonicMs(): number {
    return performance.now();
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, delayMs));
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const handle = setTimeout(fire, delayMs);
    return { cancel: () => clearTimeout(handle) };
  }

  defer(run: () => void): void {
    setImmediate(run);
  }

  yield(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** `performance` does not follow changes of the wall clock: add back what has built up. */
  #driftMicros(): number {
    const behindMs = Date.now() - (performance.timeOrigin + performance.now());
    return Math.abs(behindMs) < 2 ? 0 : Math.round(behindMs * 1000);
  }
}
