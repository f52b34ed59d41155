/**
 * The Clock seam: time as the database sees it.
 *
 * Wall time is for versions and log lines only; whatever measures a duration uses monotonic time.
 * A simulation passes a virtual clock, so nothing below `server/` may ask the host for the time.
 *
 * @module
 */

/** A timer that was set and has not fired, or has been cancelled. */
export interface Timer {
  /** Stops the timer. Harmless after it fired. */
  cancel(): void;
}

/** Time, and the means to wait for it. */
export interface Clock {
  /** Microseconds since the Unix epoch, as a safe integer. May jump either way. */
  wallMicros(): number;
  /** Milliseconds since an unknown start, with fractions. Never falls. */
  monotonicMs(): number;
  /** Resolves after `delayMs` milliseconds. */
  sleep(delayMs: number): Promise<void>;
  /** Calls `fire` once after `delayMs` milliseconds. `fire` must not throw. */
  setTimer(delayMs: number, fire: () => void): Timer;
  /** Calls `run` once the events already waiting have been handled. `run` must not throw. */
  defer(run: () => void): void;
  /** Resolves once the events already waiting have been handled: lets others run in a long loop. */
  yield(): Promise<void>;
}
