/**
 * `ttl`: how long a value is to live, in a query and in the fields of a body.
 *
 * @module
 */
import { durationText, parseDurationMs } from "./durations.ts";
import { badField, type Fields } from "./fields.ts";
import { ttlMsMax, ttlMsMin } from "./limits.ts";
import { badParameter, type Parameters } from "./parameters.ts";

const rule = `it is a duration such as 30s, from ${durationText(ttlMsMin)} to ${
  durationText(ttlMsMax)
}`;

/**
 * Returns the microseconds that `?ttl=` says; `undefined` where it is absent.
 *
 * @throws {RequestError} `invalid_request`.
 */
export function ttlParameter(parameters: Parameters): number | undefined {
  const text = parameters.get("ttl");
  if (text === undefined) return undefined;
  const micros = ttlMicros(text);
  if (micros === undefined) throw badParameter("ttl", rule);
  return micros;
}

/**
 * Returns the microseconds that the field `ttl` says; `undefined` where it is absent.
 *
 * @param where The path of the object; empty for the body itself.
 * @throws {RequestError} `invalid_request`.
 */
export function ttlField(fields: Fields, where: string): number | undefined {
  const { ttl } = fields;
  if (ttl === undefined) return undefined;
  const micros = typeof ttl === "string" ? ttlMicros(ttl) : undefined;
  if (micros === undefined) throw badField(where === "" ? "ttl" : `${where}.ttl`, rule);
  return micros;
}

function ttlMicros(text: string): number | undefined {
  const durationMs = parseDurationMs(text);
  const isTaken = durationMs !== undefined && durationMs >= ttlMsMin && durationMs <= ttlMsMax;
  return isTaken ? durationMs * 1_000 : undefined;
}
