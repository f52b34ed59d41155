/**
 * One watch that is open: what waits for its consumer, or the consumer that waits.
 *
 * ```
 * live     ─ an event for it ─▶ queue ─▶ next()
 *          ─ the queue is full ─▶ lagging: the queue goes, and next() reads the tree
 * lagging  ─ the newest commit was read ─▶ live
 * ended    next() gives the reset, if that is how it ended, then undefined
 * ```
 *
 * Invariants:
 *
 *  1. All that is committed at or below `position` and concerns it has been told or stands in the
 *     queue of a live watch.
 *  2. The queue, and what `next()` resolves with, holds whole commits once an entry of the log was
 *     applied.
 *
 * @module
 */
import { invariant } from "../storage/env/mod.ts";
import type { SnapshotHold, Watch, WatchBatch, WatchRequest } from "./database.ts";
import type { SharedEvent } from "./watch_event.ts";
import { progressMsDefault, type WatchOptions } from "./watch_options.ts";

/** How a watch ends with a reset. */
export type WatchReset = Extract<WatchBatch, { kind: "reset" }>;

/** What the watches of a node share. */
export interface WatchHome {
  readonly options: WatchOptions;
  /** The version of the last command applied. */
  readonly lastVersion: number;
  /** How many bytes stand in queues; an event in several counts once. */
  queuedBytes: number;
  /** How many watches have something in their queues. */
  waitingCount: number;
  deliveredEventCount: number;
  /** When it is, on the monotonic clock. */
  nowMs(): number;
  /** Reads the next piece of the tree for a lagging watch whose consumer waits. */
  catchUp(watch: WatchQueue): void;
  /** A watch has ended: nothing is to come to it any more. */
  ended(watch: WatchQueue): void;
}

/** A {@linkcode Watch} of a hub. */
export class WatchQueue implements Watch {
  readonly request: WatchRequest;
  readonly progressMs: number;
  /** How far behind the newest version it began, in versions. */
  readonly startLag: number;
  state: "live" | "lagging" | "ended";
  /** What keeps its position readable while it lags. */
  hold: SnapshotHold | undefined;
  /** When that was taken, on the monotonic clock. */
  heldAtMs = 0;
  /** When its consumer was last told something, on the monotonic clock. */
  toldAtMs: number;
  /** Set while an entry is applied, where it has to leave the live ones. */
  isFull = false;
  readonly #home: WatchHome;
  #version: number;
  #events: SharedEvent[] = [];
  #sizeBytes = 0;
  #consumer: PromiseWithResolvers<WatchBatch | undefined> | undefined;
  #reset: WatchReset | undefined;

  constructor(
    home: WatchHome,
    options: {
      readonly request: WatchRequest;
      readonly from: number;
      readonly startLag: number;
      readonly state: "live" | "lagging";
    },
  ) {
    this.#home = home;
    this.request = options.request;
    this.progressMs = Math.max(1, options.request.progressMs ?? progressMsDefault);
    this.startLag = options.startLag;
    this.state = options.state;
    this.#version = options.from;
    this.toldAtMs = home.nowMs();
  }

  get version(): number {
    return this.#version;
  }

  /** Whether its consumer waits for what comes. */
  get isAwaited(): boolean {
    return this.#consumer !== undefined;
  }

  /** The version from which on something was not told; undefined where all was. */
  get untoldVersion(): number | undefined {
    if (this.state === "lagging") return this.#version + 1;
    return this.#events.length === 0 ? undefined : this.#events[0].version;
  }

  next(): Promise<WatchBatch | undefined> {
    invariant(this.#consumer === undefined, "A watch is asked one thing at a time");
    if (this.state === "ended") {
      const reset = this.#reset;
      this.#reset = undefined;
      return Promise.resolve(reset);
    }
    if (this.#events.length > 0) return Promise.resolve(this.#takeQueue(this.#home.lastVersion));
    this.#consumer = Promise.withResolvers();
    if (this.state === "lagging") this.#home.catchUp(this);
    return this.#consumer.promise;
  }

  close(): void {
    this.end(undefined);
  }

  /** Adds an event to a live one. Events of a commit come one behind the other. */
  push(event: SharedEvent): void {
    if (this.isFull) return;
    const events = this.#events;
    const isNewCommit = events.length > 0 && events[events.length - 1].version !== event.version;
    if (isNewCommit && this.#isQueueFull()) {
      if (this.#consumer === undefined) {
        this.isFull = true;
        return;
      }
      this.deliver(event.version - 1);
    }
    if (this.#events.length === 0) this.#home.waitingCount++;
    this.#events.push(event);
    this.#sizeBytes += event.sizeBytes;
    if (event.queuedCount++ === 0) this.#home.queuedBytes += event.sizeBytes;
  }

  /** Gives what stands in the queue to the consumer, where it waits. @param through All that is. */
  deliver(through: number): void {
    if (this.#consumer === undefined || this.#events.length === 0) return;
    this.resolve(this.#takeQueue(through));
  }

  /** Gives a piece that was read from the tree to the consumer, which waits for it. */
  tell(events: readonly SharedEvent[], through: number): void {
    this.#version = through;
    if (events.length === 0) return;
    this.#home.deliveredEventCount += events.length;
    this.resolve({ kind: "events", events });
  }

  /** Tells the consumer, which waits, that nothing has happened up to a version. */
  tellProgress(version: number): void {
    this.#version = version;
    this.resolve({ kind: "progress", version });
  }

  /** Leaves the queue for the tree. @param firstVersion The first of the entry that is applied. */
  fallBehind(firstVersion: number): void {
    invariant(this.state === "live", () => `A watch that is ${this.state} cannot fall behind`);
    // Nothing below the first that waits concerned it.
    const untold = this.#events.length === 0 ? firstVersion : this.#events[0].version;
    this.#version = Math.max(this.#version, untold - 1);
    this.#dropQueue();
    this.isFull = false;
    this.state = "lagging";
  }

  /** Ends it, with a reset or without. Harmless the second time. */
  end(reset: WatchReset | undefined): void {
    if (this.state === "ended") return;
    this.#dropQueue();
    this.#home.ended(this);
    this.state = "ended";
    this.hold?.release();
    this.hold = undefined;
    if (this.#consumer === undefined) this.#reset = reset;
    else this.resolve(reset);
  }

  /** Ends it because its consumer cannot be told what comes next. */
  fail(error: unknown): void {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    this.end(undefined);
    consumer?.reject(error);
  }

  /** Answers the consumer. */
  resolve(batch: WatchBatch | undefined): void {
    const consumer = this.#consumer;
    invariant(consumer !== undefined, "Whoever is told something waits for it");
    this.#consumer = undefined;
    this.toldAtMs = this.#home.nowMs();
    consumer.resolve(batch);
  }

  #isQueueFull(): boolean {
    const { options, queuedBytes } = this.#home;
    return this.#events.length >= options.queueEventCountMax ||
      this.#sizeBytes >= options.queueSizeBytesMax || queuedBytes >= options.queuesSizeBytesMax;
  }

  #takeQueue(through: number): WatchBatch {
    const events = this.#events;
    this.#version = through;
    this.toldAtMs = this.#home.nowMs();
    this.#dropQueue();
    this.#home.deliveredEventCount += events.length;
    return { kind: "events", events };
  }

  #dropQueue(): void {
    if (this.#events.length === 0) return;
    for (const event of this.#events) {
      if (--event.queuedCount === 0) this.#home.queuedBytes -= event.sizeBytes;
    }
    this.#home.waitingCount--;
    this.#events = [];
    this.#sizeBytes = 0;
  }
}
