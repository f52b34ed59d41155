/**
 * Times as RFC 3339 text, to the microsecond. A version is a time: what has been committed up to
 * and including that microsecond.
 *
 * @module
 */
import { parseVersionstamp, versionstampText } from "./versionstamps.ts";

const pattern =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const microsPerMs = 1_000;
const minuteMs = 60_000;

let secondKept = -1;
let secondTextKept = "";

/** Returns the time of a version, in UTC with six digits behind the second. */
export function timeText(version: number): string {
  const second = Math.floor(version / 1_000_000);
  // Neighbours in a list often share their second.
  if (second !== secondKept) {
    secondKept = second;
    secondTextKept = new Date(second * 1_000).toISOString().slice(0, 19);
  }
  return `${secondTextKept}.${String(version % 1_000_000).padStart(6, "0")}Z`;
}

/**
 * Returns the version of an RFC 3339 time: 0 for those before 1970, the largest there is for those
 * that no version can have; `undefined` where the text is none.
 */
export function parseTime(text: string): number | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number);
  const [, , , , , , , fraction = "", sign, offsetHour = "0", offsetMinute = "0"] = match;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined;
  const date = new Date(0);
  // Unlike Date.UTC, this leaves the years 0 to 99 where they are.
  date.setUTCFullYear(year, month - 1, day);
  // A day that the month does not have has moved on.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  date.setUTCHours(hour, minute, second);
  const offsetMs = (Number(offsetHour) * 60 + Number(offsetMinute)) * minuteMs;
  const timeMs = date.getTime() - (sign === "-" ? -offsetMs : offsetMs);
  const micros = timeMs * microsPerMs + Number(fraction.padEnd(6, "0"));
  return Math.min(Math.max(micros, 0), Number.MAX_SAFE_INTEGER);
}

/** Returns the version that a versionstamp or a time names; `undefined` where the text is neither. */
export function parseMoment(text: string): number | undefined {
  return parseVersionstamp(text) ?? parseTime(text);
}

/** Returns what a problem says of the oldest version that can be read. */
export function oldestDetails(
  oldestVersion: number | undefined,
): { oldest: string; oldestTime: string } | undefined {
  if (oldestVersion === undefined) return undefined;
  return { oldest: versionstampText(oldestVersion), oldestTime: timeText(oldestVersion) };
}
