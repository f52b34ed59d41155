/**
 * What a command came to, as a client is told.
 *
 * @module
 */
import type { CommandResult } from "../../sharding/mod.ts";
import { type ProblemCode, RequestError } from "../errors.ts";
import { keyDetails } from "../wire/keys.ts";
import { oldestDetails } from "../wire/times.ts";
import { versionstampText } from "../wire/versionstamps.ts";

/** A command that was applied. */
export type Committed = Extract<CommandResult, { outcome: "committed" }>;

/**
 * Returns the result of a command that was applied.
 *
 * @param key The key that the request is about, where there is one.
 * @throws {RequestError} for every other outcome: nothing was applied.
 */
export function committed(result: CommandResult, key?: string): Committed {
  switch (result.outcome) {
    case "committed":
      return result;
    case "condition_failed":
      throw refusal(
        "precondition_failed",
        result.current === undefined
          ? "Cannot write: there is no such key"
          : `Cannot write: the newest version is ${versionstampText(result.current)}`,
        {
          ...(key === undefined ? {} : keyDetails(key)),
          versionstamp: result.current === undefined ? null : versionstampText(result.current),
        },
      );
    case "check_failed":
      throw refusal(
        "check_failed",
        `Cannot commit: ${result.failedChecks.length} of the checks did not hold`,
        { ok: false, failedChecks: result.failedChecks },
      );
    case "invalid":
      throw refusal(
        "invalid_request",
        `Cannot apply a mutation: ${result.reason}`,
        keyDetails(result.key),
      );
    case "value_too_large":
      throw refusal(
        "value_too_large",
        "Cannot apply a mutation: the value would grow past the limit",
        keyDetails(result.key),
      );
    case "too_many_keys":
      throw refusal(
        "invalid_request",
        `Cannot delete the range: it holds more than ${result.limit} keys`,
        { limit: result.limit },
      );
    case "version_vacuumed":
      throw refusal(
        "version_vacuumed",
        "Cannot revert: the version is not kept any more",
        oldestDetails(result.oldestVersion),
      );
    case "no_value":
      throw refusal(
        "key_not_found",
        "Cannot revert: the key had no value then",
        keyDetails(result.key),
      );
    case "too_many_rules":
      throw refusal(
        "invalid_request",
        `Cannot set a retention: there are as many rules as there may be, ${result.limit}`,
        { limit: result.limit },
      );
    case "request_mismatch":
      throw refusal(
        "idempotency_mismatch",
        "Cannot answer: the Idempotency-Key was used for another request",
      );
  }
}

function refusal(
  code: ProblemCode,
  message: string,
  details?: Record<string, unknown>,
): RequestError {
  return new RequestError(code, message, details);
}
