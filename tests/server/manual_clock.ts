/**
 * A Clock that stands still until a test moves it.
 *
 * @module
 */
import type { Clock, Timer } from "../../storage/env/mod.ts";

interface Waiting {
  readonly dueMs: number;
  readonly fire: () => void;
}

/** A {@linkcode Clock} moved by hand. */
export class ManualClock implements Clock {
  #nowMs = 1_000;
  readonly #startMicros = 1_790_000_000_000_000;
  readonly #waiting = new Set<Waiting>();

  wallMicros(): number {
    return this.#startMicros + Math.floor(this.#nowMs * 1_000);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.setTimer(delayMs, resolve));
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const waiting = { dueMs: this.#nowMs + delayMs, fire };
    this.#waiting.add(waiting);
    return { cancel: () => void this.#waiting.delete(waiting) };
  }

  defer(run: () => void): void {
    queueMicrotask(run);
  }

  yield(): Promise<void> {
    return Promise.resolve();
  }

  /** How many timers are set. */
  get timerCount(): number {
    return this.#waiting.size;
  }

  /** Moves time on and fires what is due, in order. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#waiting].filter(({ dueMs }) => dueMs <= endMs)
        .sort((left, right) => left.dueMs - right.dueMs)[0];
      if (due === undefined) break;
      this.#waiting.delete(due);
      this.#nowMs = Math.max(this.#nowMs, due.dueMs);
      due.fire();
    }
    this.#nowMs = endMs;
  }
}
