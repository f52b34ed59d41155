/**
 * Virtual time: events in order of (time, sequence), promises settled between two of them.
 *
 * Whatever runs in a simulation waits through a {@linkcode SimClock} or a simulated disk, and both
 * put their completions here. So one seed gives one order of events, and an hour costs what its
 * events cost.
 *
 * @module
 */
import { invariant } from "../../storage/env/mod.ts";
import type { Timer } from "../../storage/env/mod.ts";

/** Thrown by a disk whose machine has lost power. Nothing above it can do anything about it. */
export class PowerLossError extends Error {
  override readonly name = "PowerLossError";
}

/** Thrown where a promise can never settle: nothing is left to happen, or the same for ever. */
export class DeadlockError extends Error {
  override readonly name = "DeadlockError";
}

interface Event {
  readonly atMs: number;
  readonly sequence: number;
  fire: (() => void) | undefined;
}

/** How many events one millisecond may hold before it is taken for a loop without an end. */
const eventCountPerMsMax = 100_000;

/** How long one wait may take in virtual time unless the caller says otherwise. */
const waitMsDefault = 3_600_000;

/** Lets virtual time pass. */
export class Scheduler {
  readonly #heap: Event[] = [];
  #nowMs = 0;
  #sequence = 0;
  #firedCount = 0;
  /** Where the millisecond at hand began, and how many events had happened by then. */
  #windowStartMs = 0;
  #windowStartCount = 0;

  /** Milliseconds since the simulation began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many events have happened. */
  get firedCount(): number {
    return this.#firedCount;
  }

  /** Has `fire` called after `delayMs` of virtual time, behind what is due then already. */
  after(delayMs: number, fire: () => void): Timer {
    invariant(delayMs >= 0, `A delay is not negative: ${delayMs}`);
    const event: Event = { atMs: this.#nowMs + delayMs, sequence: this.#sequence++, fire };
    push(this.#heap, event);
    return { cancel: () => event.fire = undefined };
  }

  /**
   * Lets time pass until the promise settles, and returns what it came to.
   *
   * @throws {DeadlockError} where no event is left, or the wait takes too long.
   */
  async until<T>(promise: Promise<T>, waitMsMax: number = waitMsDefault): Promise<T> {
    let isSettled = false;
    const mark = () => {
      isSettled = true;
    };
    promise.then(mark, mark);
    const endMs = this.#nowMs + waitMsMax;
    await settle();
    while (!isSettled) {
      if (!this.#fireNext(endMs)) {
        throw new DeadlockError(`Cannot go on at ${this.#nowMs} ms: the promise never settles`);
      }
      await settle();
    }
    return promise;
  }

  /** Lets `durationMs` pass. */
  async run(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await settle();
    while (this.#fireNext(endMs)) await settle();
    this.#nowMs = endMs;
  }

  #fireNext(endMs: number): boolean {
    for (;;) {
      const event = this.#heap[0];
      if (event === undefined || event.atMs > endMs) return false;
      pop(this.#heap);
      if (event.fire === undefined) continue;
      this.#nowMs = event.atMs;
      this.#firedCount++;
      this.#checkProgress();
      try {
        event.fire();
      } catch (error) {
        if (!(error instanceof PowerLossError)) throw error;
      }
      return true;
    }
  }

  #checkProgress(): void {
    if (this.#nowMs >= this.#windowStartMs + 1) {
      this.#windowStartMs = this.#nowMs;
      this.#windowStartCount = this.#firedCount;
    }
    const eventCount = this.#firedCount - this.#windowStartCount;
    if (eventCount <= eventCountPerMsMax) return;
    throw new DeadlockError(`Cannot go on at ${this.#nowMs} ms: ${eventCount} events in one`);
  }
}

/** Resolves once every promise that can settle without an event has. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isEarlier(left: Event, right: Event): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.sequence < right.sequence);
}

function push(heap: Event[], event: Event): void {
  let at = heap.length;
  heap.push(event);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isEarlier(event, heap[parent])) break;
    heap[at] = heap[parent];
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isEarlier(heap[child + 1], heap[child])) child++;
    if (!isEarlier(heap[child], last)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = last;
}
