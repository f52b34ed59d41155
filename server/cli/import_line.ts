/**
 * A line of an export, read so that not a byte of the value changes.
 *
 * ```
 * {"key":"a","value":{"n":1.0},"contentType":"application/json","versionstamp":"…","expiresAt":null}
 * ```
 *
 * `value` of a JSON type stands for the very text that is there: parsing it and printing it again
 * would turn `1.0` into `1` and lose digits. So its place in the line is found by walking over the
 * top level of the object, and it goes to the server as base64, as all values do.
 *
 * What expires goes on living for as long as it had left: `expiresAt` becomes a `ttl`, which a line
 * may also give itself. What has expired by now is left out.
 *
 * @module
 */
import { durationText, parseDurationMs } from "../wire/durations.ts";
import { parseTime } from "../wire/times.ts";
import { valueForm } from "../wire/values.ts";

/** A line that was not imported. */
export interface LineFailure {
  /** Counted from 1. */
  readonly line: number;
  readonly reason: string;
}

/** What an import sends for a line. */
export interface ImportOperation {
  readonly op: "set";
  readonly key?: string;
  readonly keyBase64?: string;
  readonly valueBase64: string;
  readonly contentType: string;
  readonly ttl?: string;
}

/** The longest duration that fits the digits of the wire in milliseconds. */
const exactMsMax = 999_999_999;
const encoder = new TextEncoder();
const known: ReadonlySet<string> = new Set([
  "key",
  "keyBase64",
  "value",
  "valueBase64",
  "contentType",
  "versionstamp",
  "expiresAt",
  "ttl",
]);

/**
 * Returns the operation that writes what a line tells of; undefined where that has expired.
 *
 * @param nowMicros Microseconds since the Unix epoch.
 * @throws {TypeError} where the line is no such object; the message says why.
 */
export function readImportLine(line: string, nowMicros: number): ImportOperation | undefined {
  const fields = parseObject(line);
  for (const name of Object.keys(fields)) {
    if (!known.has(name)) throw new TypeError(`there is no field ${JSON.stringify(name)}`);
  }
  const { key, keyBase64 } = fields;
  if (typeof (key ?? keyBase64) !== "string" || (key !== undefined && keyBase64 !== undefined)) {
    throw new TypeError("it has one of key and keyBase64, as text");
  }
  const value = readValue(line, fields);
  const ttl = readTtl(fields, nowMicros);
  if (ttl === "over") return undefined;
  const named = key === undefined ? { keyBase64: String(keyBase64) } : { key: String(key) };
  return { op: "set", ...named, ...value, ...(ttl === undefined ? {} : { ttl }) };
}

function readValue(
  line: string,
  fields: Readonly<Record<string, unknown>>,
): Pick<ImportOperation, "valueBase64" | "contentType"> {
  const { value, valueBase64, contentType } = fields;
  if ((value === undefined) === (valueBase64 === undefined)) {
    throw new TypeError("it has one of value and valueBase64");
  }
  if (contentType !== undefined && typeof contentType !== "string") {
    throw new TypeError("contentType is text");
  }
  if (valueBase64 !== undefined) {
    if (typeof valueBase64 !== "string") throw new TypeError("valueBase64 is text");
    return { valueBase64, contentType: contentType ?? "application/octet-stream" };
  }
  const type = contentType ?? (typeof value === "string" ? "text/plain" : "application/json");
  const text = valueText(line, value, type);
  return { valueBase64: encoder.encode(text).toBase64(), contentType: type };
}

/** Returns the time that is left as a duration; `over` where none is; undefined for ever. */
function readTtl(
  fields: Readonly<Record<string, unknown>>,
  nowMicros: number,
): string | undefined {
  const { expiresAt, ttl } = fields;
  if (ttl !== undefined) {
    if (expiresAt !== undefined && expiresAt !== null) {
      throw new TypeError("it has one of expiresAt and ttl");
    }
    if (typeof ttl !== "string" || parseDurationMs(ttl) === undefined) {
      throw new TypeError("ttl is a duration such as 30s");
    }
    return ttl;
  }
  if (expiresAt === undefined || expiresAt === null) return undefined;
  const expiryMicros = typeof expiresAt === "string" ? parseTime(expiresAt) : undefined;
  if (expiryMicros === undefined) {
    throw new TypeError("expiresAt is a time such as 2026-11-23T08:00:00Z");
  }
  if (expiryMicros <= nowMicros) return "over";
  // Rounded up: a value may outlive its time by a moment, and never dies early.
  const leftMs = Math.ceil((expiryMicros - nowMicros) / 1_000);
  return durationText(leftMs <= exactMsMax ? leftMs : Math.ceil(leftMs / 1_000) * 1_000);
}

function parseObject(line: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    throw new TypeError("it is no JSON");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new TypeError("it is no JSON object");
  }
  return parsed as Record<string, unknown>;
}

function valueText(line: string, value: unknown, contentType: string): string {
  const form = valueForm(contentType);
  if (form === "json") return rawField(line, "value") ?? JSON.stringify(value);
  if (form === "bytes") throw new TypeError(`a value of type ${contentType} is valueBase64`);
  if (typeof value !== "string") throw new TypeError("value is text");
  if (!value.isWellFormed()) throw new TypeError("value holds half a surrogate pair");
  return value;
}

/**
 * Returns the text of a field of a JSON object as it stands there; the last one, where a name comes
 * twice, as `JSON.parse` has it.
 *
 * @param json A valid JSON object.
 */
export function rawField(json: string, name: string): string | undefined {
  let found: string | undefined;
  let nameStart = json.indexOf("{") + 1;
  for (;;) {
    nameStart = json.indexOf('"', nameStart);
    if (nameStart < 0) return found;
    const nameEnd = endOfString(json, nameStart);
    const valueStart = json.indexOf(":", nameEnd) + 1;
    const valueEnd = endOfValue(json, valueStart);
    if (JSON.parse(json.slice(nameStart, nameEnd)) === name) {
      found = json.slice(valueStart, valueEnd).trim();
    }
    nameStart = valueEnd + 1;
  }
}

/** Returns the index behind the closing quote. */
function endOfString(json: string, start: number): number {
  for (let index = start + 1; index < json.length; index++) {
    if (json[index] === "\\") index++;
    else if (json[index] === '"') return index + 1;
  }
  return json.length;
}

/** Returns the index of the comma or brace that ends a value of the top level. */
function endOfValue(json: string, start: number): number {
  let depth = 0;
  for (let index = start; index < json.length; index++) {
    const character = json[index];
    if (character === '"') index = endOfString(json, index) - 1;
    else if (character === "{" || character === "[") depth++;
    else if (depth === 0 && (character === "," || character === "}")) return index;
    else if (character === "}" || character === "]") depth--;
  }
  return json.length;
}
