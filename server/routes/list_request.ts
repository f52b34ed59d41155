/**
 * What a list asks for, from its query.
 *
 * @module
 */
import type { KeyRange } from "../../sharding/mod.ts";
import type { Exchange } from "../middleware/exchange.ts";
import { pageEntryCountMax } from "../wire/limits.ts";
import {
  isEmptyRange,
  type Parameters,
  readInteger,
  readMoment,
  readRange,
  readSwitch,
} from "../wire/parameters.ts";

/** What a list asks for. */
export interface ListRequest {
  readonly range: KeyRange;
  readonly isReverse: boolean;
  readonly isKeysOnly: boolean;
  /** Whether a value that would be shown in other bytes than are stored is shown as bytes. */
  readonly isExact: boolean;
  /** How many entries at most; `undefined` where the client did not say. */
  readonly limit: number | undefined;
  /** The version that is to be seen; the newest where it is `undefined`. */
  readonly at: number | undefined;
}

/** @throws {RequestError} for the first parameter that is wrong. */
export function readList(parameters: Parameters): ListRequest {
  return {
    range: readRange(parameters),
    isReverse: readSwitch(parameters, "reverse"),
    isKeysOnly: readSwitch(parameters, "keys_only"),
    isExact: readSwitch(parameters, "exact"),
    limit: readInteger(parameters, "limit", { smallest: 1, largest: pageEntryCountMax }),
    at: readMoment(parameters, "at"),
  };
}

/** A range that ends before it starts holds nothing, as does one that ends where it starts. */
export function sane(range: KeyRange): KeyRange {
  return isEmptyRange(range) ? { start: range.end, end: range.end } : range;
}

/** Names who asked, for those who look what holds VACUUM back. */
export function ownerOf(exchange: Exchange): string {
  return exchange.tokenName === "" ? exchange.requestId : exchange.tokenName;
}
