/**
 * The commands of one entry, from the first proposal until each has its answer.
 *
 * Commands are encoded straight into the payload of the entry to be; a proposal costs its promise
 * and three array slots.
 *
 * ```
 * machine's header | u32 length, command | u32 length, command | …
 * ```
 *
 * Invariants:
 *
 *  1. Command n of the payload belongs to the n-th of those who wait.
 *  2. A proposal is answered once: later answers to it are dropped.
 *
 * @module
 */
import { ByteWriter, invariant } from "../storage/env/mod.ts";

// A proposal's promise and slots, so that a flood of tiny commands is bounded as well.
const waiterSizeBytes = 128;

// Memory of a payload above this is let go after use.
const payloadKeptSizeBytesMax = 8 * 1_048_576;

interface Waiter<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Commands that share an entry. */
export class ProposalBatch<Result> {
  /** When the first of its commands came, on the monotonic clock. */
  gatheringSinceMs = 0;
  /** Whether it is handed over though the machine takes no more. */
  isUpkeep = false;
  readonly #headerSizeBytes: number;
  #payload = new ByteWriter(65_536);
  #waiters: (Waiter<Result> | undefined)[] = [];
  #ends: number[] = [];
  #deadlines: number[] = [];
  #earliestDeadlineMs = Infinity;

  /** @param headerSizeBytes What the machine's header takes. */
  constructor(headerSizeBytes: number) {
    this.#headerSizeBytes = headerSizeBytes;
    this.clear();
  }

  /** How many commands there are, those already answered included. */
  get count(): number {
    return this.#waiters.length;
  }

  /** The payload: header and commands. Valid until the batch changes. */
  get payload(): Uint8Array {
    return this.#payload.view();
  }

  /** What it takes of the bound on what waits. */
  get waitingBytes(): number {
    return this.#payload.length - this.#headerSizeBytes + this.count * waiterSizeBytes;
  }

  /** Empties it for the next use. */
  clear(): void {
    if (this.#payload.buffer.length > payloadKeptSizeBytesMax) this.#payload = new ByteWriter();
    this.#payload.clear();
    this.#payload.reserve(this.#headerSizeBytes);
    this.#waiters = [];
    this.#ends = [];
    this.#deadlines = [];
    this.#earliestDeadlineMs = Infinity;
  }

  /**
   * Encodes a command behind the others and returns what it takes. It belongs to nobody until
   * `join`, and goes again by `discard`.
   */
  encode(encode: (out: ByteWriter) => void): number {
    const start = this.#payload.reserve(4);
    try {
      encode(this.#payload);
    } catch (error) {
      this.#payload.truncate(start);
      throw error;
    }
    this.#payload.u32At(start, this.#payload.length - start - 4);
    return this.#payload.length - start + waiterSizeBytes;
  }

  /** Takes back the command encoded last. */
  discard(): void {
    this.#payload.truncate(this.#ends[this.count - 1] ?? this.#headerSizeBytes);
  }

  /** Moves the command encoded last to the end of another batch. */
  moveLastTo(target: ProposalBatch<Result>): void {
    const start = this.#ends[this.count - 1] ?? this.#headerSizeBytes;
    target.#payload.bytes(this.#payload.buffer.subarray(start, this.#payload.length));
    this.discard();
  }

  /** Takes on the one who waits for the command encoded last. */
  join(deadlineMs: number): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.#waiters.push({ resolve, reject });
    this.#ends.push(this.#payload.length);
    this.#deadlines.push(deadlineMs);
    if (deadlineMs < this.#earliestDeadlineMs) this.#earliestDeadlineMs = deadlineMs;
    return promise;
  }

  /** Writes the machine's header. */
  seal(write: (target: Uint8Array, position: number, commandCount: number) => void): void {
    invariant(this.count > 0, "An entry holds a command");
    const sizeBytes = this.#payload.length;
    write(this.#payload.buffer, 0, this.count);
    invariant(this.#payload.length === sizeBytes, "A header is written in its place");
  }

  /** Takes commands out whose deadline has passed, and rejects them. */
  expireGathering(nowMs: number, error: () => unknown): void {
    if (nowMs <= this.#earliestDeadlineMs) return;
    const payload = this.#payload.copy();
    const waiters = this.#waiters;
    const ends = this.#ends;
    const deadlines = this.#deadlines;
    this.clear();
    let start = this.#headerSizeBytes;
    for (let at = 0; at < waiters.length; at++) {
      const end = ends[at];
      if (deadlines[at] < nowMs) {
        waiters[at]?.reject(error());
      } else {
        this.#payload.bytes(payload.subarray(start, end));
        this.#waiters.push(waiters[at]);
        this.#ends.push(this.#payload.length);
        this.#deadlines.push(deadlines[at]);
        this.#earliestDeadlineMs = Math.min(this.#earliestDeadlineMs, deadlines[at]);
      }
      start = end;
    }
  }

  /** Rejects those whose deadline has passed; their commands stay in. */
  expireHanded(nowMs: number, error: () => unknown): void {
    if (nowMs <= this.#earliestDeadlineMs) return;
    this.#earliestDeadlineMs = Infinity;
    for (let at = 0; at < this.#waiters.length; at++) {
      const waiter = this.#waiters[at];
      if (waiter === undefined) continue;
      if (this.#deadlines[at] < nowMs) {
        this.#waiters[at] = undefined;
        waiter.reject(error());
      } else {
        this.#earliestDeadlineMs = Math.min(this.#earliestDeadlineMs, this.#deadlines[at]);
      }
    }
  }

  /** Gives each its result. */
  resolve(results: readonly Result[]): void {
    invariant(
      results.length === this.count,
      () => `An entry of ${this.count} commands has ${results.length} results`,
    );
    for (let at = 0; at < results.length; at++) this.#waiters[at]?.resolve(results[at]);
  }

  /** Rejects all. */
  reject(error: unknown): void {
    for (const waiter of this.#waiters) waiter?.reject(error);
  }
}
