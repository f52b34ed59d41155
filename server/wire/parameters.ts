/**
 * Query parameters that several routes share.
 *
 * @module
 */
import type { KeyRange } from "../../sharding/mod.ts";
import { RequestError } from "../errors.ts";
import { parseDurationMs } from "./durations.ts";
import { boundSizeBytesMax, keySizeBytesMax } from "./limits.ts";
import { parseMoment } from "./times.ts";

/** A query's parameters, as bytes. */
export type Parameters = ReadonlyMap<string, string>;

/** The names that say how fresh a read must be. */
export const consistencyParameters = ["consistency", "max_staleness"] as const;

const consistencies = new Set(["linearizable", "bounded", "eventual"]);

/** Returns the refusal of a parameter. */
export function badParameter(name: string, rule: string): RequestError {
  return new RequestError("invalid_request", `Cannot read ${name}=: ${rule}`, { parameter: name });
}

/**
 * Checks how fresh a read must be. One node serves all of them linearizable, so nothing follows.
 *
 * @throws {RequestError} `invalid_request`.
 */
export function checkConsistency(parameters: Parameters): void {
  const consistency = parameters.get("consistency");
  if (consistency !== undefined && !consistencies.has(consistency)) {
    throw badParameter("consistency", "it is linearizable, bounded or eventual");
  }
  const staleness = parameters.get("max_staleness");
  if (staleness === undefined) return;
  if (consistency !== "bounded") {
    throw badParameter("max_staleness", "it goes with consistency=bounded only");
  }
  if (parseDurationMs(staleness) === undefined) {
    throw badParameter("max_staleness", "it is a duration such as 500ms");
  }
}

/**
 * Returns the version that a parameter names, by its versionstamp or as a time; `undefined` where it
 * is absent.
 *
 * @throws {RequestError} `invalid_request` where it is neither.
 */
export function readMoment(parameters: Parameters, name: string): number | undefined {
  const text = parameters.get(name);
  if (text === undefined) return undefined;
  const version = parseMoment(text);
  if (version === undefined) throw badParameter(name, momentRule);
  return version;
}

/** What a version may be named by, for messages. */
export const momentRule =
  "it is a versionstamp, or an RFC 3339 time with up to six digits behind the second";

/** Returns a switch: off where it is absent, on where it has no value. */
export function readSwitch(parameters: Parameters, name: string): boolean {
  const value = parameters.get(name);
  switch (value) {
    case undefined:
    case "false":
    case "0":
      return false;
    case "":
    case "true":
    case "1":
      return true;
    default:
      throw badParameter(name, "it is true or false");
  }
}

/** The bounds of an integer parameter. */
export interface IntegerBounds {
  readonly smallest: number;
  readonly largest: number;
}

/** Returns an integer; `undefined` where it is absent. @throws {RequestError} out of its bounds. */
export function readInteger(
  parameters: Parameters,
  name: string,
  bounds: IntegerBounds,
): number | undefined {
  const text = parameters.get(name);
  if (text === undefined) return undefined;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= bounds.smallest && value <= bounds.largest)) {
    throw new RequestError(
      "invalid_request",
      `Cannot read ${name}=: it is a number from ${bounds.smallest} to ${bounds.largest}`,
      { parameter: name, limit: bounds.largest },
    );
  }
  return value;
}

/** The names that say which keys. */
export const rangeParameters = ["prefix", "start", "end"] as const;

/** Tells whether a query names keys at all. */
export function namesRange(parameters: Parameters): boolean {
  return rangeParameters.some((name) => parameters.has(name));
}

/**
 * Returns the range that `prefix`, `start` and `end` have in common.
 *
 * @throws {RequestError} `key_too_large`.
 */
export function readRange(parameters: Parameters): KeyRange {
  const prefix = boundOf(parameters, "prefix", keySizeBytesMax) ?? "";
  const start = boundOf(parameters, "start", boundSizeBytesMax);
  const end = boundOf(parameters, "end", boundSizeBytesMax);
  const prefixEnd = endOfPrefix(prefix);
  return {
    start: start !== undefined && start > prefix ? start : prefix === "" ? undefined : prefix,
    end: end === undefined || (prefixEnd !== undefined && prefixEnd < end) ? prefixEnd : end,
  };
}

/** Tells whether no key can lie in a range. */
export function isEmptyRange(range: KeyRange): boolean {
  return range.end !== undefined && range.end <= (range.start ?? "");
}

/** Returns the first key behind all that begin with the prefix; `undefined` where there is none. */
export function endOfPrefix(prefix: string): string | undefined {
  let length = prefix.length;
  while (length > 0 && prefix.charCodeAt(length - 1) === 0xff) length--;
  if (length === 0) return undefined;
  return prefix.slice(0, length - 1) + String.fromCharCode(prefix.charCodeAt(length - 1) + 1);
}

function boundOf(parameters: Parameters, name: string, sizeBytesMax: number): string | undefined {
  const bound = parameters.get(name);
  if (bound !== undefined && bound.length > sizeBytesMax) {
    throw new RequestError(
      "key_too_large",
      `Cannot use ${name}= of ${bound.length} bytes: the limit is ${sizeBytesMax}`,
      { parameter: name, limit: sizeBytesMax },
    );
  }
  return bound;
}
