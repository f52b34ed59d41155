/**
 * How the HTTP face fails: one table from stable code to status, and the problem body (RFC 9457).
 *
 * A route throws {@linkcode RequestError} for what is the client's mistake or a limit, and lets the
 * errors of the rooms below pass: `problemOf` knows what each of them means to a client. What it
 * does not know is our own fault: 500, logged, and never said to be without effect.
 *
 * @module
 */
import { ShardError, type ShardErrorCode } from "../sharding/mod.ts";
import { oldestDetails } from "./wire/times.ts";

/** What a code means to a client. */
export interface ProblemKind {
  readonly status: number;
  /** One sentence without the circumstances. */
  readonly title: string;
  /** Whether the same request may succeed when it is sent again. */
  readonly isRetryable: boolean;
}

/** The stable codes. Clients rely on them: never rename, never change a status. */
export const problemKinds = {
  invalid_request: { status: 400, title: "The request is not well formed", isRetryable: false },
  key_too_large: { status: 400, title: "The key is too long", isRetryable: false },
  unauthorized: { status: 401, title: "An access token is needed", isRetryable: false },
  forbidden: { status: 403, title: "The token does not allow this", isRetryable: false },
  key_not_found: { status: 404, title: "There is no such key", isRetryable: false },
  not_found: { status: 404, title: "There is no such route", isRetryable: false },
  method_not_allowed: { status: 405, title: "The route has no such method", isRetryable: false },
  not_acceptable: { status: 406, title: "No such form of the answer", isRetryable: false },
  request_timeout: { status: 408, title: "The body came too slowly", isRetryable: true },
  check_failed: { status: 409, title: "A check did not hold", isRetryable: false },
  cursor_expired: { status: 410, title: "The cursor is too old", isRetryable: false },
  version_vacuumed: { status: 410, title: "The version is kept no more", isRetryable: false },
  version_abandoned: { status: 410, title: "The version was undone", isRetryable: false },
  precondition_failed: { status: 412, title: "The condition does not hold", isRetryable: false },
  request_too_large: { status: 413, title: "The request is too large", isRetryable: false },
  value_too_large: { status: 413, title: "The value is too large", isRetryable: false },
  unsupported_media_type: { status: 415, title: "No such form of a body", isRetryable: false },
  idempotency_mismatch: {
    status: 422,
    title: "The Idempotency-Key came with another request",
    isRetryable: false,
  },
  overloaded: { status: 429, title: "Too much is in work", isRetryable: true },
  storage_failed: { status: 500, title: "The disk or its bytes failed", isRetryable: false },
  internal_error: { status: 500, title: "The server failed", isRetryable: false },
  not_implemented: { status: 501, title: "This is not built yet", isRetryable: false },
  no_leader: { status: 503, title: "No leader answers", isRetryable: true },
  contended: { status: 503, title: "Too many writers of one key", isRetryable: true },
  stopping: { status: 503, title: "The server is stopping", isRetryable: true },
  deadline_exceeded: { status: 504, title: "The deadline passed", isRetryable: true },
  outcome_unknown: { status: 504, title: "Whether it happened is not known", isRetryable: false },
  disk_full: { status: 507, title: "The disk is full", isRetryable: true },
} as const satisfies Record<string, ProblemKind>;

/** One of the stable codes. */
export type ProblemCode = keyof typeof problemKinds;

/** What helps a client beside the text: a key, a limit, a field. */
export type ProblemDetails = Readonly<Record<string, unknown>>;

/** A refusal that a route has decided on. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  /** The stable code. */
  readonly code: ProblemCode;
  /** What helps beside the text. */
  readonly details: ProblemDetails | undefined;

  constructor(code: ProblemCode, message: string, details?: ProblemDetails) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** The body of a problem answer. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly retryable: boolean;
  readonly [detail: string]: unknown;
}

/** Returns the body of a problem answer. */
export function problemBody(
  code: ProblemCode,
  detail: string,
  details?: ProblemDetails,
): ProblemBody {
  const kind: ProblemKind = problemKinds[code];
  return {
    type: `/docs#${code}`,
    title: kind.title,
    status: kind.status,
    detail,
    code,
    retryable: kind.isRetryable,
    ...details,
  };
}

const codeOfShardError: Record<ShardErrorCode, ProblemCode> = {
  no_leader: "no_leader",
  overloaded: "overloaded",
  disk_full: "disk_full",
  request_too_large: "request_too_large",
  deadline_exceeded: "deadline_exceeded",
  outcome_unknown: "outcome_unknown",
  version_vacuumed: "version_vacuumed",
  version_to_come: "invalid_request",
  storage_failed: "storage_failed",
  stopped: "stopping",
};

/**
 * Returns what an error means to the client.
 *
 * @returns `isOurs` where it is a failure that the log must tell of.
 */
export function problemOf(error: unknown): { problem: ProblemBody; isOurs: boolean } {
  if (error instanceof RequestError) {
    return { problem: problemBody(error.code, error.message, error.details), isOurs: false };
  }
  if (error instanceof ShardError) {
    const details = oldestDetails(error.oldestVersion);
    const problem = problemBody(codeOfShardError[error.code], error.message, details);
    return { problem, isOurs: error.code === "storage_failed" };
  }
  const detail = "The server failed in a way it should not; " +
    "if this was a write, it may or may not have happened";
  return { problem: problemBody("internal_error", detail), isOurs: true };
}

/** Returns after how many seconds to come again, for the answers that say so. */
export function retryAfterSeconds(status: number): number | undefined {
  return status === 429 || status === 503 || status === 507 ? 1 : undefined;
}
