/**
 * A whole range as one NDJSON answer, under one snapshot.
 *
 * The stream is pulled: a piece of the range is read when the client has taken what came before, so
 * a slow client costs one piece of memory. It ends early when the client goes, when it does not
 * read for too long, when the server stops, and when an operator ends its hold; in all cases but
 * the first the last line is a problem, so that a consumer can tell a cut stream from a whole one.
 *
 * Invariant: the snapshot is released exactly once, however the stream ends.
 *
 * @module
 */
import { invariant } from "../../storage/env/mod.ts";
import type { KeyRange, SnapshotHold } from "../../sharding/mod.ts";
import type { AppContext } from "../context.ts";
import { type ProblemBody, problemBody, problemOf, RequestError } from "../errors.ts";
import type { Exchange } from "../middleware/exchange.ts";
import type { Expiries, Expiry } from "../middleware/expiries.ts";
import { entryJson } from "../wire/entries.ts";
import { isEmptyRange } from "../wire/parameters.ts";
import { timeoutMsDefault } from "../wire/limits.ts";
import { type ListRequest, ownerOf, sane } from "./list_request.ts";

const pieceEntryCountMax = 1_000;
const pieceSizeBytesMax = 262_144;
const encoder = new TextEncoder();

/** The streams of one node. */
export class RangeStreams {
  readonly #context: AppContext;
  readonly #expiries: Expiries;
  readonly #open = new Set<RangeStream>();

  constructor(context: AppContext, expiries: Expiries) {
    this.#context = context;
    this.#expiries = expiries;
  }

  /** How many are open. */
  get count(): number {
    return this.#open.size;
  }

  /**
   * Answers with the stream.
   *
   * @throws {RequestError} `overloaded`. @throws {ShardError} `version_vacuumed`, `version_to_come`.
   */
  async open(exchange: Exchange, request: ListRequest): Promise<Response> {
    const { database } = this.#context;
    const { at } = request;
    if (at !== undefined) await database.reach(at, { deadlineMs: exchange.deadlineMs });
    if (this.#open.size >= this.#context.config.streamCountMax) {
      throw new RequestError("overloaded", "Cannot open a stream: too many are open");
    }
    const hold = database.hold({ kind: "stream", owner: ownerOf(exchange) }, {
      version: at,
      range: sane(request.range),
      onEnded: () => stream.end(),
    });
    exchange.sawVersion(hold.version);
    if (exchange.isHead) {
      hold.release();
      return exchange.answer(200, "application/x-ndjson", null);
    }
    const stream: RangeStream = new RangeStream(this.#context, {
      hold,
      request,
      onEnd: () => this.#end(stream),
    });
    this.#open.add(stream);
    this.#expiries.add(stream);
    const queue = { highWaterMark: 1 };
    return exchange.answer(200, "application/x-ndjson", new ReadableStream(stream, queue));
  }

  #end(stream: RangeStream): void {
    const isFirst = this.#open.delete(stream);
    invariant(isFirst, "A stream ends once");
    this.#expiries.remove(stream);
  }
}

/** One stream, as the source that `ReadableStream` pulls. */
class RangeStream implements Expiry, UnderlyingDefaultSource<Uint8Array> {
  expiresAtMs: number;
  readonly endsAtClosing = true;
  readonly #context: AppContext;
  readonly #hold: SnapshotHold;
  readonly #request: ListRequest;
  readonly #onEnd: () => void;
  #rest: KeyRange;
  #left: number;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Why it was cut short, where it was. */
  #problem: ProblemBody | undefined;
  #isEnded = false;

  constructor(
    context: AppContext,
    options: {
      readonly hold: SnapshotHold;
      readonly request: ListRequest;
      readonly onEnd: () => void;
    },
  ) {
    this.#context = context;
    this.#hold = options.hold;
    this.#request = options.request;
    this.#onEnd = options.onEnd;
    this.#rest = options.request.range;
    this.#left = options.request.limit ?? Number.MAX_SAFE_INTEGER;
    this.expiresAtMs = context.clock.monotonicMs() + context.config.streamIdleMs;
  }

  readonly onExpire = (reason: "expired" | "closing"): void => {
    this.#fail(
      reason === "closing"
        ? problemBody("stopping", "Cannot go on: the server is stopping")
        : problemBody("request_timeout", "Cannot go on: the client did not read for too long"),
    );
  };

  /** Ends it because an operator has ended its hold. */
  end(): void {
    const detail = "Cannot go on: an operator has let the version go";
    this.#fail(problemBody("version_vacuumed", detail));
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    // It ended before it began where the server was already stopping.
    if (this.#problem !== undefined) this.#close(this.#problem);
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const now = this.#context.clock.monotonicMs();
    this.expiresAtMs = now + this.#context.config.streamIdleMs;
    if (isEmptyRange(this.#rest)) return this.#finish(controller);
    try {
      const { entries, hasMore } = await this.#context.database.scan(this.#rest, {
        deadlineMs: now + timeoutMsDefault,
        limit: Math.min(pieceEntryCountMax, this.#left),
        sizeBytesMax: pieceSizeBytesMax,
        reverse: this.#request.isReverse,
        keysOnly: this.#request.isKeysOnly,
        snapshot: this.#hold,
      });
      if (this.#isEnded) return;
      const { isKeysOnly, isExact } = this.#request;
      const shape = { isKeysOnly, isExact };
      let lines = "";
      for (const entry of entries) lines += entryJson(entry.key, entry, shape) + "\n";
      if (lines !== "") controller.enqueue(encoder.encode(lines));
      const last = entries.at(-1);
      this.#left -= entries.length;
      if (!hasMore || last === undefined || this.#left === 0) return this.#finish(controller);
      this.#rest = this.#request.isReverse
        ? { start: this.#rest.start, end: last.key }
        : { start: last.key + "\0", end: this.#rest.end };
    } catch (error) {
      const { problem, isOurs } = problemOf(error);
      if (isOurs) {
        this.#context.logger.log("error", "stream_failed", { error: String(error) });
      }
      this.#fail(problem);
    }
  }

  cancel(): void {
    this.#end();
  }

  #finish(controller: ReadableStreamDefaultController<Uint8Array>): void {
    if (this.#end()) controller.close();
  }

  #fail(problem: ProblemBody): void {
    if (!this.#end()) return;
    this.#problem = problem;
    this.#close(problem);
  }

  #close(problem: ProblemBody): void {
    this.#controller?.enqueue(encoder.encode(JSON.stringify(problem) + "\n"));
    this.#controller?.close();
  }

  /** Returns whether it had not ended before. */
  #end(): boolean {
    if (this.#isEnded) return false;
    this.#isEnded = true;
    this.#hold.release();
    this.#onEnd();
    return true;
  }
}
