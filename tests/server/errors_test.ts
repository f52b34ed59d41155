/**
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { ShardError } from "../../sharding/mod.ts";
import { problemKinds, problemOf, RequestError } from "../../server/errors.ts";

// The contract with clients: a changed line here breaks them.
const statuses: Record<string, number> = {
  key_not_found: 404,
  version_vacuumed: 410,
  version_abandoned: 410,
  precondition_failed: 412,
  check_failed: 409,
  invalid_request: 400,
  key_too_large: 400,
  value_too_large: 413,
  unauthorized: 401,
  forbidden: 403,
  no_leader: 503,
  overloaded: 429,
  contended: 503,
  disk_full: 507,
  outcome_unknown: 504,
  deadline_exceeded: 504,
  idempotency_mismatch: 422,
  cursor_expired: 410,
  not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  unsupported_media_type: 415,
  not_implemented: 501,
};

Deno.test("every promised code has its status", () => {
  for (const [code, status] of Object.entries(statuses)) {
    equal(problemKinds[code as keyof typeof problemKinds].status, status, code);
  }
});

Deno.test("problemOf() keeps what a route says and hides what it does not know", () => {
  const refusal = problemOf(new RequestError("invalid_request", "Cannot", { limit: 3 }));
  deepEqual([refusal.isOurs, refusal.problem.limit, refusal.problem.detail], [false, 3, "Cannot"]);
  const vacuumed = problemOf(
    new ShardError("version_vacuumed", "Cannot", { oldestVersion: 1_790_000_000_000_001 }),
  );
  deepEqual([vacuumed.problem.oldest, vacuumed.problem.oldestTime], [
    "00065bfeda25e0010000",
    "2026-09-21T14:13:20.000001Z",
  ]);
  const bare = problemOf(new ShardError("version_vacuumed", "Cannot"));
  equal("oldest" in bare.problem, false);
  const unknown = problemOf("thrown text");
  deepEqual([unknown.isOurs, unknown.problem.code], [true, "internal_error"]);
});
