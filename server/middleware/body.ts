/**
 * Reading request bodies within limits: never past the route's limit, never more at once than the
 * node has set aside, never for longer than the deadline.
 *
 * A large body takes its memory as it arrives: a length that is only declared would let a few
 * clients that send nothing keep all others out. Small ones are not counted, so that they get in
 * beside large ones.
 *
 * Invariant: `sizeBytesInFlight` is the sum of what the exchanges in work have reserved.
 *
 * @module
 */
import { invariant } from "../../storage/env/mod.ts";
import { RequestError } from "../errors.ts";
import type { Exchange } from "./exchange.ts";
import type { Expiries } from "./expiries.ts";

/** How one body is read. */
export interface BodyLimits {
  readonly sizeBytesMax: number;
  /** The code of a body that is too large. */
  readonly code: "value_too_large" | "request_too_large";
}

// As many as there may be requests in work are no more than the largest bodies together.
const smallSizeBytes = 65_536;
const digits = /^\d{1,15}$/;

/** Reads bodies, and counts what they take. */
export class BodyReader {
  readonly #expiries: Expiries;
  readonly #sizeBytesInFlightMax: number;
  #sizeBytesInFlight = 0;

  constructor(
    options: {
      readonly expiries: Expiries;
      readonly sizeBytesInFlightMax: number;
    },
  ) {
    this.#expiries = options.expiries;
    this.#sizeBytesInFlightMax = options.sizeBytesInFlightMax;
  }

  /** How many bytes the exchanges in work have reserved. */
  get sizeBytesInFlight(): number {
    return this.#sizeBytesInFlight;
  }

  /**
   * Reads a body. The memory set aside for it is noted on the exchange: `release` gives it back.
   *
   * @throws {RequestError} `value_too_large` or `request_too_large`, `overloaded`,
   * `request_timeout`, `invalid_request` where the client broke it off.
   */
  async read(exchange: Exchange, limits: BodyLimits): Promise<Uint8Array<ArrayBuffer>> {
    const { request } = exchange;
    const declared = declaredLength(exchange.header("content-length"), limits);
    let bytes: Uint8Array<ArrayBuffer>;
    if (declared !== undefined && declared <= smallSizeBytes) {
      bytes = await this.#within(exchange, request.bytes());
    } else {
      bytes = await this.#readChunks(exchange, limits);
    }
    if (bytes.length > limits.sizeBytesMax) throw tooLarge(limits, `${bytes.length} bytes`);
    return bytes;
  }

  /** Gives back what was set aside for an exchange's body. */
  release(exchange: Exchange): void {
    const sizeBytes = exchange.reservedSizeBytes;
    invariant(
      sizeBytes <= this.#sizeBytesInFlight,
      () => `Gives back ${sizeBytes} of ${this.#sizeBytesInFlight}`,
    );
    this.#sizeBytesInFlight -= sizeBytes;
    exchange.reservedSizeBytes = 0;
  }

  #reserve(exchange: Exchange, sizeBytes: number): void {
    if (this.#sizeBytesInFlight + sizeBytes > this.#sizeBytesInFlightMax) {
      throw new RequestError("overloaded", "Cannot take the body: too many are in work");
    }
    this.#sizeBytesInFlight += sizeBytes;
    exchange.reservedSizeBytes += sizeBytes;
  }

  async #readChunks(exchange: Exchange, limits: BodyLimits): Promise<Uint8Array<ArrayBuffer>> {
    const { body } = exchange.request;
    if (body === null) return new Uint8Array(0);
    const reader = body.getReader();
    const cancel = () => void reader.cancel().catch(() => undefined);
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for (;;) {
      const { done, value } = await this.#within(exchange, reader.read(), cancel);
      if (done) break;
      sizeBytes += value.length;
      if (sizeBytes > limits.sizeBytesMax) {
        cancel();
        throw tooLarge(limits, `more than ${limits.sizeBytesMax} bytes`);
      }
      this.#reserve(exchange, value.length);
      chunks.push(value);
    }
    return joined(chunks, sizeBytes);
  }

  /** Resolves as `work` does, or rejects at the deadline. */
  #within<Result>(
    exchange: Exchange,
    work: Promise<Result>,
    onGiveUp?: () => void,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      const expiry = {
        expiresAtMs: exchange.deadlineMs,
        endsAtClosing: false,
        onExpire: () => {
          onGiveUp?.();
          reject(new RequestError("request_timeout", "Cannot wait for the body any longer"));
        },
      };
      this.#expiries.add(expiry);
      work.then((result) => {
        this.#expiries.remove(expiry);
        resolve(result);
      }, () => {
        this.#expiries.remove(expiry);
        reject(new RequestError("invalid_request", "Cannot read the body: it was broken off"));
      });
    });
  }
}

function declaredLength(header: string | null, limits: BodyLimits): number | undefined {
  if (header === null) return undefined;
  if (!digits.test(header)) {
    throw new RequestError("invalid_request", "Cannot read Content-Length: it is no number");
  }
  const sizeBytes = Number(header);
  if (sizeBytes > limits.sizeBytesMax) throw tooLarge(limits, `${sizeBytes} bytes`);
  return sizeBytes;
}

function tooLarge(limits: BodyLimits, found: string): RequestError {
  return new RequestError(
    limits.code,
    `Cannot take a body of ${found}: the limit is ${limits.sizeBytesMax}`,
    { limit: limits.sizeBytesMax },
  );
}

function joined(chunks: readonly Uint8Array[], sizeBytes: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(sizeBytes);
  let position = 0;
  for (const chunk of chunks) {
    whole.set(chunk, position);
    position += chunk.length;
  }
  return whole;
}
