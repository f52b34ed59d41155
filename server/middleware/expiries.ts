/**
 * Things that end by themselves after a time: slow bodies, cursors, streams that nobody reads.
 *
 * One timer looks at them all, once a tick and only while there are any: a timer for each request
 * would cost more than the request.
 *
 * Invariant: a thing is told of its end at most once, and never after it was removed.
 *
 * @module
 */
import type { Clock, Timer } from "../../storage/env/mod.ts";

/** Something that ends unless it is removed, or its end is put off, before. */
export interface Expiry {
  /** When it ends, on the monotonic clock. May be changed at any time. */
  expiresAtMs: number;
  /** Whether it also ends when the server stops; what is in work is finished. */
  readonly endsAtClosing: boolean;
  /** Is called once when the time has come, or the server stops. Must not throw. */
  readonly onExpire: (reason: "expired" | "closing") => void;
}

const tickMs = 1_000;

/** Watches over {@linkcode Expiry}s. Who adds them bounds their number. */
export class Expiries {
  readonly #clock: Clock;
  readonly #watched = new Set<Expiry>();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many are watched. */
  get count(): number {
    return this.#watched.size;
  }

  /** Watches over one more. */
  add(expiry: Expiry): void {
    if (this.#isClosed && expiry.endsAtClosing) return expiry.onExpire("closing");
    this.#watched.add(expiry);
    this.#timer ??= this.#clock.setTimer(tickMs, () => this.#tick());
  }

  /** Forgets one. Harmless where it has ended. */
  remove(expiry: Expiry): void {
    this.#watched.delete(expiry);
    if (this.#isClosed && this.#watched.size === 0) this.#stop();
  }

  /** Ends all that the server does not wait for, and every such that is added later. */
  close(): void {
    this.#isClosed = true;
    for (const expiry of [...this.#watched]) {
      if (expiry.endsAtClosing) this.#end(expiry, "closing");
    }
    if (this.#watched.size === 0) this.#stop();
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #tick(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonicMs();
    for (const expiry of [...this.#watched]) {
      if (expiry.expiresAtMs <= now) this.#end(expiry, "expired");
    }
    if (this.#watched.size > 0) {
      this.#timer = this.#clock.setTimer(tickMs, () => this.#tick());
    }
  }

  #end(expiry: Expiry, reason: "expired" | "closing"): void {
    if (this.#watched.delete(expiry)) expiry.onExpire(reason);
  }
}
