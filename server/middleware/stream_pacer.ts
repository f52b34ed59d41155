/**
 * Paces streams: who was quiet may write at once, unless very many want to, and who has just written
 * waits for a turn, while what it has to say gathers.
 *
 * A write to one client costs as much as a get, however few events are in it. So a thousand busy
 * streams write six times a second each, for a fifth of a core; and a commit that a thousand
 * quiet ones wait for keeps nobody else waiting for more than a few milliseconds.
 *
 * @module
 */
import type { Clock, Timer } from "../../storage/env/mod.ts";

/** How often turns are given. */
export const paceMs = 20;
/** To how many streams at a time; and how many more may write at once in that time. */
export const turnsPerPace = 120;

/** Gives out turns. */
export class StreamPacer {
  readonly #clock: Clock;
  #waiting: (() => void)[] = [];
  #timer: Timer | undefined;
  #isClosed = false;
  /** Until when `#atOnceCount` streams may write at once. */
  #paceEndMs = -Infinity;
  #atOnceCount = 0;

  /** @param closing Aborted when nobody is to wait any more. */
  constructor(clock: Clock, closing: AbortSignal) {
    this.#clock = clock;
    if (closing.aborted) this.#close();
    else closing.addEventListener("abort", () => this.#close(), { once: true });
  }

  /** Resolves when one who has just written may write again: in the order in which they asked. */
  turn(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#arm();
    });
  }

  /** Returns when one who was quiet may write: undefined for at once. */
  whenFree(): Promise<void> | undefined {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#paceEndMs) {
      this.#paceEndMs = nowMs + paceMs;
      this.#atOnceCount = turnsPerPace;
    }
    if (this.#atOnceCount === 0) return this.turn();
    this.#atOnceCount--;
    return undefined;
  }

  #arm(): void {
    this.#timer ??= this.#clock.setTimer(paceMs, () => {
      this.#timer = undefined;
      for (const start of this.#waiting.splice(0, turnsPerPace)) start();
      if (this.#waiting.length > 0) this.#arm();
    });
  }

  #close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const start of this.#waiting.splice(0)) start();
  }
}
