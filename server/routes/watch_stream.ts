/**
 * One client's watch, as the source that `ReadableStream` pulls.
 *
 * It asks for more only when the client has taken what came before, so a client that does not read
 * costs one piece; what else there is waits with the watch, which has bounds of its own. The stream
 * ends when the client goes, when the watch is reset, when the client does not read for too long, and
 * when the server stops: then without a reset, so that the client comes again with the last id.
 *
 * Invariant: the watch is closed exactly once, however the stream ends.
 *
 * @module
 */
import { InvariantError } from "../../storage/env/mod.ts";
import type { Watch, WatchBatch, WatchEvent } from "../../sharding/mod.ts";
import type { AppContext } from "../context.ts";
import { problemOf } from "../errors.ts";
import type { Expiry } from "../middleware/expiries.ts";
import type { StreamPacer } from "../middleware/stream_pacer.ts";
import {
  eventBytes,
  type EventShape,
  progressText,
  resetText,
  streamStart,
  streamStopping,
} from "../wire/server_events.ts";

const chunkSizeBytesTarget = 65_536;
/** For how long a turn is good: what had gathered is there at once. */
const turnMsMax = 1;
const encoder = new TextEncoder();

/** What a stream is made of. */
export interface WatchStreamOptions {
  readonly watch: Watch;
  readonly shape: EventShape;
  readonly pacer: StreamPacer;
  /** Returns the oldest version that a new watch may begin behind. */
  readonly oldestVersion: () => number;
  /** Is called once when it has ended. */
  readonly onEnd: () => void;
}

const noEvents: readonly WatchEvent[] = [];

/** The events of a watch as bytes. */
export class WatchStream implements Expiry, UnderlyingDefaultSource<Uint8Array<ArrayBuffer>> {
  expiresAtMs = Infinity;
  readonly endsAtClosing = true;
  readonly #context: AppContext;
  readonly #options: WatchStreamOptions;
  /** What the watch has told and the client has not been sent. */
  #events = noEvents;
  #position = 0;
  /** What the client has been sent: everything up to it. */
  #sentVersion: number;
  /** How much of what was told last has been sent. */
  #batchSizeBytes = 0;
  /** Whether it waits for a turn, so that small pieces gather: large ones cost by the byte. */
  #isPaced = false;
  #isEnded = false;
  /** The last words of a stream that ended before it began. */
  #lastWords: string | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;

  constructor(context: AppContext, options: WatchStreamOptions) {
    this.#context = context;
    this.#options = options;
    this.#sentVersion = options.watch.version;
  }

  readonly onExpire = (reason: "expired" | "closing"): void => {
    if (reason === "closing") return this.#finish(streamStopping);
    this.#finish(resetText({
      reason: "too_slow",
      oldestVersion: this.#options.oldestVersion(),
      resumeVersion: this.#sentVersion,
    }));
  };

  start(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void {
    this.#controller = controller;
    this.#enqueue(encoder.encode(streamStart + progressText(this.#sentVersion)));
    // It ended before it began where the server was already stopping.
    if (this.#lastWords !== undefined) this.#close(this.#lastWords);
  }

  async pull(): Promise<void> {
    this.expiresAtMs = Infinity;
    if (this.#position < this.#events.length) return this.#sendEvents();
    try {
      const batch = await this.#next();
      if (this.#isEnded) return;
      this.#isPaced = true;
      switch (batch?.kind) {
        case undefined:
          return this.#finish(streamStopping);
        case "reset":
          return this.#finish(resetText(batch));
        case "progress":
          this.#sentVersion = batch.version;
          return this.#enqueue(encoder.encode(progressText(batch.version)));
        case "events":
          this.#events = batch.events;
          this.#position = 0;
          this.#batchSizeBytes = 0;
          this.#sendEvents();
      }
    } catch (error) {
      const { problem, isOurs } = problemOf(error);
      if (isOurs) this.#context.logger.log("error", "watch_failed", { error: String(error) });
      if (error instanceof InvariantError) this.#context.onFatal(error);
      this.#finish(`: ${problem.code}\n\n`);
    }
  }

  cancel(): void {
    this.#end();
  }

  /** Resolves with what is told next, when it may be written. */
  async #next(): Promise<WatchBatch | undefined> {
    const { pacer, watch } = this.#options;
    let turnMs = -Infinity;
    if (this.#isPaced) {
      await pacer.turn();
      if (this.#isEnded) return undefined;
      turnMs = this.#context.clock.monotonicMs();
    }
    const batch = await watch.next();
    if (this.#isEnded || this.#context.clock.monotonicMs() - turnMs < turnMsMax) return batch;
    // It was quiet; many more may have been, and woken by the same commit.
    await pacer.whenFree();
    return batch;
  }

  /** Sends events up to a good size: what is one event, in the bytes that it has for everybody. */
  #sendEvents(): void {
    const { shape } = this.#options;
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let sizeBytes = 0;
    while (this.#position < this.#events.length && sizeBytes < chunkSizeBytesTarget) {
      const event = this.#events[this.#position++];
      const isCommitEnd = this.#events.at(this.#position)?.version !== event.version;
      const bytes = eventBytes(event, { ...shape, isCommitEnd });
      if (isCommitEnd) this.#sentVersion = event.version;
      pieces.push(bytes);
      sizeBytes += bytes.length;
    }
    this.#batchSizeBytes += sizeBytes;
    this.#isPaced = this.#batchSizeBytes < chunkSizeBytesTarget;
    if (this.#position === this.#events.length) this.#events = noEvents;
    this.#enqueue(pieces.length === 1 ? pieces[0] : joined(pieces, sizeBytes));
  }

  #enqueue(bytes: Uint8Array<ArrayBuffer>): void {
    this.expiresAtMs = this.#context.clock.monotonicMs() + this.#context.config.streamIdleMs;
    this.#controller?.enqueue(bytes);
  }

  #finish(lastWords: string): void {
    if (!this.#end()) return;
    this.#lastWords = lastWords;
    if (this.#controller !== undefined) this.#close(lastWords);
  }

  #close(lastWords: string): void {
    this.#controller?.enqueue(encoder.encode(lastWords));
    this.#controller?.close();
  }

  /** Returns whether it had not ended before. */
  #end(): boolean {
    if (this.#isEnded) return false;
    this.#isEnded = true;
    this.#events = noEvents;
    this.#options.watch.close();
    this.#options.onEnd();
    return true;
  }
}

function joined(pieces: readonly Uint8Array[], sizeBytes: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(sizeBytes);
  let position = 0;
  for (const piece of pieces) {
    whole.set(piece, position);
    position += piece.length;
  }
  return whole;
}
