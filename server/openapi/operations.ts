/**
 * What the OpenAPI document says of each operation of the table of routes.
 *
 * @module
 */
import type { ProblemCode } from "../errors.ts";
import type { SchemaName } from "./schemas.ts";

/** A body of one media type; without a schema it is bytes or text. */
export interface BodyDescription {
  readonly type: string;
  readonly schema?: SchemaName;
}

/** What is said of one operation. */
export interface OperationDescription {
  readonly method: "get" | "put" | "delete" | "post";
  /** As in OpenAPI: `{name}` is a parameter. */
  readonly path: string;
  readonly summary: string;
  readonly query?: readonly string[];
  readonly headers?: readonly string[];
  readonly request?: readonly BodyDescription[];
  readonly status: number;
  readonly answer: readonly BodyDescription[];
  /** Other answers that are no refusal, by their status. */
  readonly others?: Readonly<
    Record<number, { readonly description: string; readonly answer: readonly BodyDescription[] }>
  >;
  /** Answers that are no refusal and have no body, by their status. */
  readonly withoutBody?: Readonly<Record<number, string>>;
  readonly problems?: readonly ProblemCode[];
  /** Whether it is answered without a token. */
  readonly isOpen?: boolean;
}

const range = ["prefix", "start", "end"];
const freshness = ["consistency", "max_staleness"];
const common = ["Ankylo-Session", "Ankylo-Timeout", "X-Request-Id"];
const writeProblems: readonly ProblemCode[] = [
  "invalid_request",
  "key_too_large",
  "not_acceptable",
  "idempotency_mismatch",
  "overloaded",
  "no_leader",
  "stopping",
  "storage_failed",
  "deadline_exceeded",
  "outcome_unknown",
  "disk_full",
];
/** Without a key and an Idempotency-Key. */
const orderProblems = writeProblems.filter((code) =>
  code !== "key_too_large" && code !== "idempotency_mismatch"
);
const readProblems: readonly ProblemCode[] = [
  "invalid_request",
  "key_too_large",
  "overloaded",
  "no_leader",
  "stopping",
  "storage_failed",
  "deadline_exceeded",
];

function json(schema: SchemaName): readonly BodyDescription[] {
  return [{ type: "application/json", schema }];
}

function both(schema: SchemaName): readonly BodyDescription[] {
  return [{ type: "application/json", schema }, { type: "application/msgpack", schema }];
}

/** By the operation's name in the table of routes. */
export const operationDescriptions: Readonly<Record<string, OperationDescription>> = {
  getKey: {
    method: "get",
    path: "/v1/kv/{key}",
    summary: "Reads a value as the bytes it was put as",
    query: [...freshness, "at"],
    headers: [...common, "If-Match", "If-None-Match"],
    status: 200,
    answer: [{ type: "*/*" }],
    withoutBody: { 304: "The value is one of If-None-Match" },
    problems: [...readProblems, "key_not_found", "version_vacuumed", "precondition_failed"],
  },
  putKey: {
    method: "put",
    path: "/v1/kv/{key}",
    summary: "Writes a value",
    query: ["ttl"],
    headers: [...common, "If-Match", "If-None-Match", "Idempotency-Key"],
    request: [{ type: "*/*" }],
    status: 200,
    answer: both("Written"),
    problems: [
      ...writeProblems,
      "precondition_failed",
      "value_too_large",
      "request_timeout",
      "unsupported_media_type",
    ],
  },
  deleteKey: {
    method: "delete",
    path: "/v1/kv/{key}",
    summary: "Deletes a key",
    headers: [...common, "If-Match", "Idempotency-Key"],
    status: 200,
    answer: both("Deleted"),
    problems: [...writeProblems, "precondition_failed"],
  },
  listKeys: {
    method: "get",
    path: "/v1/kv",
    summary: "Lists a range in byte order, in pages of one version, or streams it as NDJSON",
    query: [
      ...range,
      ...freshness,
      "limit",
      "cursor",
      "reverse",
      "keys_only",
      "exact",
      "count_only",
      "at",
    ],
    headers: common,
    status: 200,
    answer: [...both("List"), { type: "application/x-ndjson", schema: "Entry" }],
    problems: [...readProblems, "cursor_expired", "version_vacuumed", "not_acceptable"],
  },
  deleteRange: {
    method: "delete",
    path: "/v1/kv",
    summary: "Deletes all keys of a range in one step, up to 10,000",
    query: range,
    headers: [...common, "Idempotency-Key"],
    status: 200,
    answer: both("RangeDeleted"),
    problems: writeProblems,
  },
  runTransaction: {
    method: "post",
    path: "/v1/txn",
    summary: "Checks, changes and reads keys in one step: all or nothing",
    headers: [...common, "Idempotency-Key"],
    request: both("Transaction"),
    status: 200,
    answer: both("Committed"),
    problems: [
      ...writeProblems,
      "check_failed",
      "value_too_large",
      "request_too_large",
      "request_timeout",
      "unsupported_media_type",
      "contended",
    ],
  },
  runBatch: {
    method: "post",
    path: "/v1/batch",
    summary: "Runs operations each on its own, in one request",
    headers: [...common, "Idempotency-Key"],
    request: both("Batch"),
    status: 200,
    answer: both("BatchResults"),
    problems: [
      ...writeProblems,
      "request_too_large",
      "request_timeout",
      "unsupported_media_type",
    ],
  },
  getHistory: {
    method: "get",
    path: "/v1/history/{key}",
    summary: "Shows the versions of a key that are still kept, newest first",
    query: [...freshness, "limit", "cursor", "values", "exact"],
    headers: common,
    status: 200,
    answer: both("History"),
    problems: [...readProblems, "key_not_found", "not_acceptable"],
  },
  revertKey: {
    method: "post",
    path: "/v1/history/{key}",
    summary: "Writes the value that a key had then once more",
    headers: [...common, "If-Match", "If-None-Match", "Idempotency-Key"],
    request: both("Revert"),
    status: 200,
    answer: both("Written"),
    problems: [
      ...writeProblems,
      "key_not_found",
      "version_vacuumed",
      "precondition_failed",
      "request_too_large",
      "request_timeout",
      "unsupported_media_type",
    ],
  },
  watchKeys: {
    method: "get",
    path: "/v1/watch",
    summary: "Tells of changes as server-sent events, from now on or behind a version",
    query: [...range, "key", "from", "prev", "progress"],
    headers: [...common, "Last-Event-ID"],
    status: 200,
    answer: [{ type: "text/event-stream" }],
    problems: readProblems,
  },
  getRetention: {
    method: "get",
    path: "/v1/admin/retention",
    summary: "Shows how long versions are kept",
    status: 200,
    answer: both("Retention"),
    problems: ["not_acceptable"],
  },
  setRetention: {
    method: "put",
    path: "/v1/admin/retention",
    summary: "Keeps the versions of the keys under a prefix by a rule of their own",
    query: ["prefix"],
    headers: common,
    request: both("RetentionRule"),
    status: 200,
    answer: both("Written"),
    problems: [...orderProblems, "request_too_large", "request_timeout", "unsupported_media_type"],
  },
  removeRetention: {
    method: "delete",
    path: "/v1/admin/retention",
    summary: "Takes the rule of a prefix back",
    query: ["prefix"],
    headers: common,
    status: 200,
    answer: both("Deleted"),
    problems: orderProblems,
  },
  startVacuum: {
    method: "post",
    path: "/v1/admin/vacuum",
    summary:
      "Starts dropping what nobody can read any more, or a report of it, as a job; the job in " +
      "work where there is one. With release, ends a hold instead and answers 200",
    request: both("Vacuum"),
    status: 202,
    answer: json("Job"),
    others: { 200: { description: "The hold has ended", answer: json("Released") } },
    problems: [
      "invalid_request",
      "not_found",
      "request_too_large",
      "request_timeout",
      "unsupported_media_type",
    ],
  },
  getHolders: {
    method: "get",
    path: "/v1/admin/holders",
    summary: "Shows who keeps old versions, the oldest version first",
    status: 200,
    answer: both("Holders"),
    problems: ["not_acceptable"],
  },
  getStatus: {
    method: "get",
    path: "/v1/status",
    summary: "Tells what this node is and does",
    status: 200,
    answer: both("Status"),
    problems: ["not_acceptable"],
  },
  startCheck: {
    method: "post",
    path: "/v1/admin/check",
    summary: "Starts reading every byte on disk; the job in work where there is one",
    status: 202,
    answer: json("Job"),
  },
  getJob: {
    method: "get",
    path: "/v1/admin/jobs/{id}",
    summary: "Shows how far a job is",
    status: 200,
    answer: json("Job"),
    problems: ["not_found"],
  },
  getOpenApi: {
    method: "get",
    path: "/openapi.json",
    summary: "This description",
    status: 200,
    answer: [{ type: "application/json" }],
  },
  getDocs: {
    method: "get",
    path: "/docs",
    summary: "This description as a page",
    status: 200,
    answer: [{ type: "text/html" }],
  },
  getHome: {
    method: "get",
    path: "/",
    summary: "A page that leads to the others",
    status: 200,
    answer: [{ type: "text/html" }],
  },
  getMetrics: {
    method: "get",
    path: "/metrics",
    summary: "Prometheus text",
    status: 200,
    answer: [{ type: "text/plain" }],
    isOpen: true,
  },
  getLive: {
    method: "get",
    path: "/livez",
    summary: "Answers while the process does",
    status: 200,
    answer: json("Live"),
    isOpen: true,
  },
  getReady: {
    method: "get",
    path: "/readyz",
    summary: "Answers 200 while reads are served",
    status: 200,
    answer: json("Ready"),
    problems: ["stopping", "no_leader"],
    isOpen: true,
  },
  getLeader: {
    method: "get",
    path: "/leader",
    summary: "Answers 200 on the node that leads the meta group",
    status: 200,
    answer: json("Leader"),
    problems: ["stopping"],
    isOpen: true,
  },
  getReplica: {
    method: "get",
    path: "/replica",
    summary: "Answers 200 where every replica is within the lag",
    query: ["max_lag"],
    status: 200,
    answer: json("Replica"),
    problems: ["stopping"],
    isOpen: true,
  },
};
