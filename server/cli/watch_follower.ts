/**
 * A watch that outlives its connections: it comes again behind the last id, waiting longer each time,
 * until it is stopped or the server says that it cannot go on without a gap.
 *
 * Commits are handed on in whole. One that was cut off in the middle comes again, so what had come of
 * it is forgotten.
 *
 * @module
 */
import type { Clock } from "../../storage/env/mod.ts";
import type { ApiClient } from "./api_client.ts";
import { CliError, oneLine } from "./cli_error.ts";
import { EventStream, type ServerEvent } from "./event_stream.ts";

const retryMsMin = 100;
const retryMsMax = 5_000;

/** What is followed. */
export interface FollowRequest {
  /** Path and query, without `from`. */
  readonly path: string;
  /** Begins behind this versionstamp or time; behind the newest where it is left out. */
  readonly from?: string;
  /** Takes the events of a commit. @returns Whether to go on. */
  take(events: readonly ServerEvent[]): Promise<boolean>;
  /** Is told why a connection is gone, once for each time that it was there. */
  onCut(reason: string): void;
}

/** Follows a watch. */
export class WatchFollower {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #stopped = Promise.withResolvers<void>();
  #stream: EventStream | undefined;
  #isStopped = false;
  #lastId: string | undefined;
  /** Whether it was told something since the last attempt. */
  #hasHeard = false;

  constructor(client: ApiClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Ends it; what `follow` returned resolves soon. */
  stop(): void {
    this.#isStopped = true;
    this.#stopped.resolve();
    // It is gone already where this fails.
    this.#stream?.cancel().catch(() => {});
  }

  /**
   * Follows until it is stopped or `take` says so.
   *
   * @throws {CliError} with the reason of a reset, and where the first attempt fails or none can
   * succeed.
   */
  async follow(request: FollowRequest): Promise<void> {
    this.#lastId = request.from;
    let isFirst = true;
    for (let retryMs = retryMsMin; !this.#isStopped;) {
      this.#hasHeard = false;
      let reason: string;
      try {
        if (await this.#listen(request)) return;
        reason = "the server has ended the stream";
      } catch (error) {
        if (!isPassing(error) || (isFirst && !this.#hasHeard)) throw error;
        reason = oneLine(error instanceof Error ? error.message : String(error));
      }
      if (this.#isStopped) return;
      if (this.#hasHeard) {
        request.onCut(reason);
        retryMs = retryMsMin;
      }
      isFirst = false;
      await Promise.race([this.#clock.sleep(retryMs), this.#stopped.promise]);
      retryMs = Math.min(retryMs * 2, retryMsMax);
    }
  }

  /** Listens to one connection. @returns Whether it is done; false where the stream has ended. */
  async #listen(request: FollowRequest): Promise<boolean> {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (this.#lastId !== undefined) headers["last-event-id"] = this.#lastId;
    const answer = this.#client.send(request.path, { headers });
    const response = await Promise.race([answer, this.#stopped.promise]);
    if (response === undefined || response.body === null) return this.#isStopped;
    const stream = new EventStream(response.body);
    this.#stream = stream;
    try {
      let commit: ServerEvent[] = [];
      for (;;) {
        const event = await stream.next();
        if (event === undefined || this.#isStopped) return this.#isStopped;
        this.#hasHeard = true;
        if (event.kind === "reset") throw resetError(event);
        if (event.kind !== "progress") commit.push(event);
        if (event.id === undefined) continue;
        this.#lastId = event.id;
        if (commit.length > 0 && !await request.take(commit)) return true;
        commit = [];
      }
    } finally {
      this.#stream = undefined;
      await stream.cancel().catch(() => {});
    }
  }
}

/** Tells whether what failed may succeed later. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof CliError)) return error instanceof TypeError;
  const problem = error.cause as { retryable?: unknown } | undefined;
  return error.code === "unreachable" || problem?.retryable === true;
}

function resetError({ data }: ServerEvent): CliError {
  const { reason, oldest, resume, detail } = JSON.parse(data) as Record<string, unknown>;
  const text = `${
    oneLine(String(detail))
  }; told was all up to ${resume}, kept is from ${oldest} on`;
  return new CliError(String(reason), text);
}
