/**
 * One request and its answer, as routes see them.
 *
 * Made once per request; headers are read when they are asked for. Answers are built by giving
 * `Response` its content type and appending the rest: handing it all headers as a record takes five
 * times as long.
 *
 * @module
 */
import type { AppContext } from "../context.ts";
import { type ProblemBody, problemBody, type ProblemCode } from "../errors.ts";
import { RequestError, retryAfterSeconds } from "../errors.ts";
import { type AnswerMemory, answerSizeBytesSmall } from "./answer_memory.ts";
import { type AnswerForm, negotiate } from "../wire/accept.ts";
import { parseDurationMs } from "../wire/durations.ts";
import { timeoutMsDefault, timeoutMsMax } from "../wire/limits.ts";
import { packMessage } from "../wire/message_pack.ts";
import { parseQuery, splitUrl } from "../wire/url.ts";
import { parseVersionstamp, versionstampText } from "../wire/versionstamps.ts";

const requestIdPattern = /^[\x21-\x7e]{1,128}$/;
// The one shape of headers that Response takes without checking each of them.
const jsonInit: Readonly<Record<number, ResponseInit>> = {
  200: { status: 200, headers: { "content-type": "application/json" } },
};
const encoder = new TextEncoder();
const noParameters: ReadonlyMap<string, string> = new Map();

/** One request and its answer. */
export class Exchange {
  readonly request: Request;
  /** The path as it came. */
  readonly path: string;
  /** The query as it came, without its question mark. */
  readonly query: string;
  /** When the request arrived, on the monotonic clock. */
  readonly startedAtMs: number;
  /** The client's name for the request, or ours. */
  requestId = "";
  /** The name of the token that asked; empty where the API is open. */
  tokenName = "";
  /** Until when it is worth working on, on the monotonic clock. */
  deadlineMs: number;

  /** Memory set aside for its body: given back when it has been answered. */
  reservedSizeBytes = 0;

  readonly #context: AppContext;
  readonly #answers: AnswerMemory;
  /** The highest version that the client has met, this answer included. */
  #sessionVersion = 0;
  #hasShard = false;

  constructor(context: AppContext, request: Request, answers: AnswerMemory) {
    const { path, query } = splitUrl(request.url);
    this.request = request;
    this.path = path;
    this.query = query;
    this.startedAtMs = context.clock.monotonicMs();
    this.deadlineMs = this.startedAtMs + timeoutMsDefault;
    this.#context = context;
    this.#answers = answers;
  }

  /** Whether the client wants no body. */
  get isHead(): boolean {
    return this.request.method === "HEAD";
  }

  /** Returns a header, null where there is none. */
  header(name: string): string | null {
    return this.request.headers.get(name);
  }

  /** Takes the client's name for the request where it is sane. @param made Ours otherwise. */
  identify(made: () => string): void {
    const given = this.header("x-request-id");
    this.requestId = given !== null && requestIdPattern.test(given) ? given : made();
  }

  /** Reads what every request may say. @throws {RequestError} `invalid_request`. */
  readCommonHeaders(): void {
    const session = this.header("ankylo-session");
    if (session !== null) {
      const version = parseVersionstamp(session);
      if (version === undefined) {
        throw new RequestError(
          "invalid_request",
          "Cannot read Ankylo-Session: it is a versionstamp of an earlier answer",
          { header: "Ankylo-Session" },
        );
      }
      this.#sessionVersion = version;
    }
    const timeout = this.header("ankylo-timeout");
    if (timeout !== null) {
      const timeoutMs = parseDurationMs(timeout);
      if (timeoutMs === undefined || timeoutMs < 1 || timeoutMs > timeoutMsMax) {
        throw new RequestError(
          "invalid_request",
          "Cannot read Ankylo-Timeout: it is a duration such as 500ms or 5s, from 1ms to 10m",
          { header: "Ankylo-Timeout" },
        );
      }
      this.deadlineMs = this.startedAtMs + timeoutMs;
    }
  }

  /** Returns the query's parameters. @throws {RequestError} `invalid_request`. */
  parameters(allowed: ReadonlySet<string>): ReadonlyMap<string, string> {
    return this.query === "" ? noParameters : parseQuery(this.query, allowed);
  }

  /** Returns the form of the answer. @throws {RequestError} `not_acceptable`. */
  negotiate(offered: readonly AnswerForm[]): AnswerForm {
    return negotiate(this.header("accept"), offered);
  }

  /** Notes that a shard has answered, at that version. */
  sawVersion(version: number): void {
    this.#hasShard = true;
    if (version > this.#sessionVersion) this.#sessionVersion = version;
  }

  /** Returns an answer with the headers that every answer has. */
  answer(status: number, contentType: string, body: BodyInit | null): Response {
    const bytes = this.#largeBody(body);
    const response = new Response(this.#bodyOf(body, bytes), { status });
    const { headers } = response;
    if (bytes !== undefined) headers.append("content-length", String(bytes.length));
    // A text brings a type of its own.
    if (headers.has("content-type")) headers.set("content-type", contentType);
    else headers.append("content-type", contentType);
    this.#appendCommon(headers);
    return response;
  }

  /** Returns an answer that has no body and no type. */
  answerEmpty(status: number): Response {
    const response = new Response(null, { status });
    this.#appendCommon(response.headers);
    return response;
  }

  /** Returns an answer whose body is the JSON text. */
  answerJson(status: number, json: string): Response {
    const bytes = this.#largeBody(json);
    const response = new Response(this.#bodyOf(json, bytes), jsonInit[status] ?? { status });
    if (bytes !== undefined) response.headers.append("content-length", String(bytes.length));
    if (status !== 200) response.headers.set("content-type", "application/json");
    this.#appendCommon(response.headers);
    return response;
  }

  /** Returns an answer in the form that was negotiated. */
  answerObject(status: number, form: AnswerForm, body: object): Response {
    return form === "msgpack"
      ? this.answer(status, "application/msgpack", packMessage(body))
      : this.answerJson(status, JSON.stringify(body));
  }

  /** Returns a problem answer. */
  problem(code: ProblemCode, detail: string, details?: Record<string, unknown>): Response {
    return this.answerProblem(problemBody(code, detail, details));
  }

  /** Returns a problem answer with that body. */
  answerProblem(problem: ProblemBody): Response {
    const response = this.answer(
      problem.status,
      "application/problem+json",
      JSON.stringify(problem),
    );
    const seconds = retryAfterSeconds(problem.status);
    if (seconds !== undefined) response.headers.append("retry-after", String(seconds));
    if (problem.status === 401) response.headers.append("www-authenticate", "Bearer");
    return response;
  }

  /**
   * Checks that an answer to this request can be kept until it is read: before the work of those
   * that may be large.
   *
   * @throws {RequestError} `overloaded`.
   */
  admitAnswer(): void {
    this.#answers.admit();
  }

  #largeBody(body: BodyInit | null): Uint8Array | undefined {
    if (this.isHead) return undefined;
    const isCounted = typeof body === "string" || body instanceof Uint8Array;
    if (!isCounted || body.length <= answerSizeBytesSmall) return undefined;
    return typeof body === "string" ? encoder.encode(body) : body;
  }

  #bodyOf(body: BodyInit | null, bytes: Uint8Array | undefined): BodyInit | null {
    if (bytes === undefined) return this.isHead ? null : body;
    // What has been written cannot be refused any more.
    if (this.request.method === "GET") this.#answers.admit(bytes.length);
    return this.#answers.hold(bytes);
  }

  #appendCommon(headers: Headers): void {
    const { nodeName, shardName } = this.#context.config;
    headers.append("ankylo-node", nodeName);
    if (this.#hasShard) headers.append("ankylo-shard", shardName);
    headers.append("ankylo-consistency", "linearizable");
    headers.append("ankylo-session", versionstampText(this.#sessionVersion));
    headers.append("x-request-id", this.requestId);
  }
}
