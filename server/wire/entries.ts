/**
 * Stored entries as bodies show them, in JSON text and as MessagePack objects.
 *
 * JSON is written by hand: a stored JSON value goes in as the text it is, and a page of small
 * entries costs half of what building objects and stringifying them would.
 *
 * @module
 */
import { latin1Bytes } from "../../storage/env/mod.ts";
import type { StoredValue } from "../../sharding/mod.ts";
import { keyText } from "./keys.ts";
import { timeText } from "./times.ts";
import { showValue } from "./values.ts";
import { versionstampText } from "./versionstamps.ts";

/** What of an entry is shown. */
export interface EntryShape {
  /** Leaves the value out. */
  readonly isKeysOnly?: boolean;
  /** Shows a value as bytes where its JSON would be written in other bytes than are stored. */
  readonly isExact?: boolean;
  /** A field that goes in front, in JSON text without a comma. */
  readonly lead?: string;
}

/** Printable ASCII that JSON takes as it is. */
const unescaped = /^[ !#-[\]-~]*$/;

let typeKept = "";
let typeJsonKept = '""';

/** Returns an entry as the text of a JSON object, on one line. */
export function entryJson(key: string, value: StoredValue, shape: EntryShape = {}): string {
  const lead = shape.lead === undefined ? "{" : `{${shape.lead},`;
  const shown = shape.isKeysOnly ? "" : `,${valueJson(value, shape.isExact === true)}`;
  return `${lead}${keyJson(key)}${shown},"contentType":${typeJson(value)},"versionstamp":"${
    versionstampText(value.version)
  }","expiresAt":${expiresAtJson(value.expiresAt)}}`;
}

/** Returns the JSON text of a value's content type. */
export function typeJson({ contentType }: StoredValue): string {
  if (contentType !== typeKept) {
    typeKept = contentType;
    typeJsonKept = JSON.stringify(contentType);
  }
  return typeJsonKept;
}

/** Returns the JSON text of a time of expiry. */
export function expiresAtJson(expiresAt: number | undefined): string {
  return expiresAt === undefined ? "null" : `"${timeText(expiresAt)}"`;
}

/** Returns a key as the field that JSON text names it by. */
export function keyJson(key: string): string {
  if (unescaped.test(key)) return `"key":"${key}"`;
  const text = keyText(key);
  return text === undefined
    ? `"keyBase64":"${latin1Bytes(key).toBase64()}"`
    : `"key":${JSON.stringify(text)}`;
}

/** Returns a value as the field that JSON text shows it by. */
export function valueJson(value: StoredValue, isExact: boolean): string {
  const shown = showValue(value.bytes, value.contentType);
  if (shown.json !== undefined && !(isExact && shown.isRewritten)) return `"value":${shown.json}`;
  if (shown.text !== undefined) return `"value":${JSON.stringify(shown.text)}`;
  return `"valueBase64":"${value.bytes.toBase64()}"`;
}

/** Returns an entry as the object that goes into MessagePack. */
export function entryObject(
  key: string,
  value: StoredValue,
  shape: EntryShape = {},
): Record<string, unknown> {
  const entry: Record<string, unknown> = { key: keyText(key) ?? latin1Bytes(key) };
  if (!shape.isKeysOnly) entry.value = valueObject(value, shape.isExact === true);
  entry.contentType = value.contentType;
  entry.versionstamp = versionstampText(value.version);
  entry.expiresAt = value.expiresAt === undefined ? null : timeText(value.expiresAt);
  return entry;
}

/** Returns a value as MessagePack shows it. */
export function valueObject(value: StoredValue, isExact: boolean): unknown {
  const shown = showValue(value.bytes, value.contentType);
  return shown.json !== undefined && !isExact ? JSON.parse(shown.json) : shown.text ?? value.bytes;
}
