/**
 * `GET /v1/watch`: what happens to keys, as server-sent events.
 *
 * A client that was cut off comes again with the last id that it saw, in `Last-Event-ID` as browsers
 * do or as `from`, and misses nothing. An id stands only behind a whole commit.
 *
 * @module
 */
import { invariant } from "../../storage/env/mod.ts";
import type { KeyRange } from "../../sharding/mod.ts";
import { prefixRange, ShardError } from "../../sharding/mod.ts";
import type { AppContext } from "../context.ts";
import { RequestError } from "../errors.ts";
import type { Exchange } from "../middleware/exchange.ts";
import type { Expiries } from "../middleware/expiries.ts";
import { StreamPacer } from "../middleware/stream_pacer.ts";
import { parseDurationMs } from "../wire/durations.ts";
import { checkKey } from "../wire/keys.ts";
import {
  badParameter,
  momentRule,
  namesRange,
  type Parameters,
  rangeParameters,
  readMoment,
  readRange,
  readSwitch,
} from "../wire/parameters.ts";
import { parseMoment } from "../wire/times.ts";
import { ownerOf, sane } from "./list_request.ts";
import { WatchStream } from "./watch_stream.ts";

const allowed: ReadonlySet<string> = new Set([
  ...rangeParameters,
  "key",
  "from",
  "prev",
  "progress",
]);
const progressMsMin = 100;
const progressMsMax = 600_000;
const lastIdHeader = "last-event-id";

/** The watches of one node's clients. */
export class WatchRoute {
  readonly #context: AppContext;
  readonly #expiries: Expiries;
  readonly #pacer: StreamPacer;
  readonly #open = new Set<WatchStream>();

  constructor(context: AppContext, expiries: Expiries) {
    this.#context = context;
    this.#expiries = expiries;
    this.#pacer = new StreamPacer(context.clock, context.closing);
  }

  /** How many are open. */
  get count(): number {
    return this.#open.size;
  }

  /** Opens a watch. */
  readonly get = async (exchange: Exchange): Promise<Response> => {
    const parameters = exchange.parameters(allowed);
    const range = readWatched(parameters);
    const withPrevious = readSwitch(parameters, "prev");
    const progressMs = readProgress(parameters);
    const from = readLastId(exchange) ?? readMoment(parameters, "from");
    if (exchange.isHead) return answer(exchange, null);
    const { database } = this.#context;
    await this.#reach(from, exchange);
    const request = { range, from, withPrevious, progressMs, owner: ownerOf(exchange) };
    const watch = database.watch(request);
    exchange.sawVersion(watch.version);
    const stream: WatchStream = new WatchStream(this.#context, {
      watch,
      shape: { withPrevious },
      pacer: this.#pacer,
      oldestVersion: () => this.#oldestVersion(range),
      onEnd: () => this.#end(stream),
    });
    this.#open.add(stream);
    this.#expiries.add(stream);
    return answer(exchange, new ReadableStream(stream, { highWaterMark: 0 }));
  };

  /**
   * Has the versions reach where the watch begins. On a node that was quiet for long the newest lies
   * far back: a client cut off with such an id would be told that it is vacuumed.
   */
  async #reach(from: number | undefined, exchange: Exchange): Promise<void> {
    const { clock, database } = this.#context;
    try {
      const version = from ?? clock.wallMicros();
      await database.reach(version, { deadlineMs: exchange.deadlineMs });
    } catch (error) {
      // To begin at the newest there is needs no room on the disk.
      const isBearable = from === undefined && error instanceof ShardError &&
        error.code !== "stopped";
      if (!isBearable) throw error;
    }
  }

  #end(stream: WatchStream): void {
    const isFirst = this.#open.delete(stream);
    invariant(isFirst, "A stream ends once");
    this.#expiries.remove(stream);
  }

  #oldestVersion(range: KeyRange): number {
    const { oldestVersion, rules } = this.#context.database.retention();
    const over = rules.filter(({ prefix }) => haveCommon(range, prefixRange(prefix)));
    return Math.max(oldestVersion, ...over.map((rule) => rule.oldestVersion));
  }
}

function answer(exchange: Exchange, body: ReadableStream<Uint8Array<ArrayBuffer>> | null) {
  const response = exchange.answer(200, "text/event-stream", body);
  response.headers.append("cache-control", "no-store");
  // Proxies that gather answers would keep events back.
  response.headers.append("x-accel-buffering", "no");
  return response;
}

function haveCommon(left: KeyRange, right: KeyRange): boolean {
  return (left.end === undefined || (right.start ?? "") < left.end) &&
    (right.end === undefined || (left.start ?? "") < right.end);
}

function readWatched(parameters: Parameters): KeyRange {
  const key = parameters.get("key");
  if (key === undefined) return sane(readRange(parameters));
  if (namesRange(parameters)) {
    throw badParameter("key", "it does not go with prefix=, start= and end=");
  }
  return { start: checkKey(key), end: `${key}\0` };
}

function readProgress(parameters: Parameters): number | undefined {
  const text = parameters.get("progress");
  if (text === undefined) return undefined;
  const progressMs = parseDurationMs(text);
  if (progressMs === undefined || progressMs < progressMsMin || progressMs > progressMsMax) {
    throw badParameter("progress", "it is a duration such as 5s, from 100ms to 10m");
  }
  return progressMs;
}

function readLastId(exchange: Exchange): number | undefined {
  const text = exchange.header(lastIdHeader);
  if (text === null || text === "") return undefined;
  const version = parseMoment(text);
  if (version === undefined) {
    throw new RequestError("invalid_request", `Cannot read Last-Event-ID: ${momentRule}`, {
      header: "Last-Event-ID",
    });
  }
  return version;
}
