/**
 * The memory of answers that clients have asked for and not taken yet.
 *
 * The host keeps a body until the client has read it, so clients that ask for much and read nothing
 * would fill the memory. A large body is therefore handed out in pieces as they are taken, counted
 * until the last one, and broken off when nobody reads for too long. Small ones are left to the
 * host: there is at most one for each connection or HTTP/2 stream.
 *
 * Invariant: `sizeBytesInFlight` is the sum of the bodies that have not ended.
 *
 * @module
 */
import type { Clock } from "../../storage/env/mod.ts";
import { invariant } from "../../storage/env/mod.ts";
import { RequestError } from "../errors.ts";
import type { Expiries, Expiry } from "./expiries.ts";

/**
 * Up to which size a body is left to the host: a page of a thousand small entries is, and costs a
 * third less so.
 */
export const answerSizeBytesSmall = 524_288;

const pieceSizeBytes = 262_144;

/** What the answers of one node share. */
export interface AnswerMemoryOptions {
  readonly clock: Clock;
  readonly expiries: Expiries;
  /** How many bytes of large answers may wait to be taken. */
  readonly sizeBytesInFlightMax: number;
  /** How long an answer waits for a client that does not read. */
  readonly idleMs: number;
}

/** Counts the answers that are on their way. */
export class AnswerMemory {
  readonly #options: AnswerMemoryOptions;
  #sizeBytesInFlight = 0;

  constructor(options: AnswerMemoryOptions) {
    this.#options = options;
  }

  /** How many bytes of large answers have not been taken. */
  get sizeBytesInFlight(): number {
    return this.#sizeBytesInFlight;
  }

  /**
   * Checks that there is room for one more, before the work is done.
   *
   * @throws {RequestError} `overloaded`.
   */
  admit(sizeBytes = 0): void {
    if (this.#sizeBytesInFlight + sizeBytes <= this.#options.sizeBytesInFlightMax) return;
    throw new RequestError("overloaded", "Cannot answer: too many answers wait to be read");
  }

  /** Returns a body as a stream, counted until it has been taken. */
  hold(bytes: Uint8Array): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#sizeBytesInFlight += bytes.length;
    const body = new HeldBody(bytes, this.#options, () => {
      this.#sizeBytesInFlight -= bytes.length;
      invariant(this.#sizeBytesInFlight >= 0, "An answer is given back once");
    });
    return new ReadableStream(body, { highWaterMark: 0 });
  }
}

/** One body, as the source that `ReadableStream` pulls. */
class HeldBody implements Expiry, UnderlyingDefaultSource<Uint8Array<ArrayBuffer>> {
  expiresAtMs = 0;
  /** It is in work: the client may still finish it. */
  readonly endsAtClosing = false;
  readonly #bytes: Uint8Array;
  readonly #options: AnswerMemoryOptions;
  readonly #onEnd: () => void;
  #position = 0;
  #isEnded = false;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;

  constructor(bytes: Uint8Array, options: AnswerMemoryOptions, onEnd: () => void) {
    this.#bytes = bytes;
    this.#options = options;
    this.#onEnd = onEnd;
    this.#putOff();
    options.expiries.add(this);
  }

  readonly onExpire = (): void => {
    this.#end();
    // The client sees a body that is shorter than was said.
    this.#controller?.error(new Error("The client did not read for too long"));
  };

  start(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void {
    this.#controller = controller;
  }

  pull(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void {
    this.#putOff();
    const end = Math.min(this.#position + pieceSizeBytes, this.#bytes.length);
    // A copy: the host takes over the buffer of what it is given.
    controller.enqueue(this.#bytes.slice(this.#position, end));
    this.#position = end;
    if (end < this.#bytes.length) return;
    this.#end();
    controller.close();
  }

  cancel(): void {
    this.#end();
  }

  #putOff(): void {
    this.expiresAtMs = this.#options.clock.monotonicMs() + this.#options.idleMs;
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#options.expiries.remove(this);
    this.#onEnd();
  }
}
