/**
 * Values between the wire and the database.
 *
 * In a body a value is `value`: the JSON itself where its type is `application/json`, text where it
 * is text in UTF-8, else `valueBase64` (in MessagePack: `value` as raw bytes). Stored bytes that are
 * not what their type promises also travel as base64, so that nothing is ever lost.
 *
 * @module
 */
import { latin1Decode } from "../../storage/env/mod.ts";
import type { NewValue } from "../../sharding/mod.ts";
import { RequestError } from "../errors.ts";
import { badField, base64Bytes, type Fields } from "./fields.ts";
import { checkKey, keyOfText, utf8Text } from "./keys.ts";
import { contentTypeLengthMax, jsonDepthMax } from "./limits.ts";

/** How a value of some media type is shown in a body. */
export type ValueForm = "json" | "text" | "bytes";

const typePattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+( *;.*)?$/;
const printable = /^[\t\x20-\x7e]*$/;
const encoder = new TextEncoder();

let typeChecked = "";
let formKept: ValueForm = "bytes";
let formTypeKept = "";

/** Returns how a value of that media type is shown. */
export function valueForm(contentType: string): ValueForm {
  // Neighbours in a list nearly always share their type.
  if (contentType === formTypeKept) return formKept;
  formKept = decideForm(contentType);
  formTypeKept = contentType;
  return formKept;
}

function decideForm(contentType: string): ValueForm {
  const lower = contentType.toLowerCase();
  const semicolon = lower.indexOf(";");
  const essence = (semicolon < 0 ? lower : lower.slice(0, semicolon)).trim();
  if (essence === "application/json") return "json";
  if (!essence.startsWith("text/")) return "bytes";
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/.exec(lower)?.[1];
  const isUtf8 = charset === undefined || charset === "utf-8" || charset === "utf8" ||
    charset === "us-ascii";
  return isUtf8 ? "text" : "bytes";
}

/** @throws {RequestError} `invalid_request` unless it is a media type. */
export function checkContentType(text: string): string {
  if (text === typeChecked) return text;
  if (text.length <= contentTypeLengthMax && typePattern.test(text) && printable.test(text)) {
    typeChecked = text;
    return text;
  }
  throw new RequestError(
    "invalid_request",
    `Cannot take the content type: it is a media type of up to ${contentTypeLengthMax} characters`,
    { field: "contentType" },
  );
}

/**
 * Returns the value that a body's object states.
 *
 * @throws {RequestError} `invalid_request` where it states none or what it states does not fit its
 * type; `value_too_large` above the limit.
 */
export function readValue(
  fields: Fields,
  options: { readonly where: string; readonly sizeBytesMax: number },
): NewValue {
  const value = decodeValue(fields, options.where);
  if (value.bytes.length > options.sizeBytesMax) {
    throw valueTooLarge(value.bytes.length, options.sizeBytesMax);
  }
  return value;
}

/** Returns the refusal of a value. */
export function valueTooLarge(sizeBytes: number, sizeBytesMax: number): RequestError {
  return new RequestError(
    "value_too_large",
    `Cannot take a value of ${sizeBytes} bytes: the limit is ${sizeBytesMax}`,
    { limit: sizeBytesMax },
  );
}

function decodeValue(fields: Fields, where: string): NewValue {
  const { value, valueBase64 } = fields;
  const contentType = fields.contentType === undefined
    ? undefined
    : checkContentTypeField(fields.contentType, where);
  if (valueBase64 !== undefined) {
    if (value !== undefined) throw badField(`${where}.value`, "valueBase64 is given as well");
    const bytes = base64Bytes(valueBase64, `${where}.valueBase64`);
    return { bytes, contentType: contentType ?? "application/octet-stream" };
  }
  if (value === undefined) throw badField(`${where}.value`, "it is missing");
  if (value instanceof Uint8Array) {
    return { bytes: value, contentType: contentType ?? "application/octet-stream" };
  }
  const type = contentType ?? (typeof value === "string" ? "text/plain" : "application/json");
  const form = valueForm(type);
  if (form === "json") {
    checkJson(value, `${where}.value`, 0);
    return { bytes: encoder.encode(JSON.stringify(value)), contentType: type };
  }
  if (form === "bytes") {
    throw badField(`${where}.value`, `a value of type ${type} is given as valueBase64`);
  }
  if (typeof value !== "string") throw badField(`${where}.value`, "it is not text");
  if (!value.isWellFormed()) throw badField(`${where}.value`, "it holds half a surrogate pair");
  return { bytes: encoder.encode(value), contentType: type };
}

function checkContentTypeField(value: unknown, where: string): string {
  if (typeof value !== "string") throw badField(`${where}.contentType`, "it is not text");
  return checkContentType(value);
}

/** MessagePack can bring what JSON has not; both can nest deeper than is good. */
function checkJson(value: unknown, where: string, depth: number): void {
  if (depth > jsonDepthMax) throw badField(where, `it nests deeper than ${jsonDepthMax}`);
  if (value === null || typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw badField(where, "it holds a number that JSON has not");
    return;
  }
  if (typeof value !== "object" || value instanceof Uint8Array) {
    throw badField(where, "it holds what JSON has not");
  }
  if (Array.isArray(value)) {
    for (const item of value) checkJson(item, where, depth + 1);
    return;
  }
  for (const name in value) checkJson((value as Fields)[name], where, depth + 1);
}

/**
 * Returns the key that a body's object states by `key` or `keyBase64`.
 *
 * @throws {RequestError} `invalid_request`, `key_too_large`.
 */
export function readKey(fields: Fields, where: string): string {
  const { key, keyBase64 } = fields;
  if (keyBase64 !== undefined) {
    if (key !== undefined) throw badField(`${where}.key`, "keyBase64 is given as well");
    const bytes = base64Bytes(keyBase64, `${where}.keyBase64`);
    return checkKey(latin1Decode(bytes, 0, bytes.length));
  }
  if (key === undefined) throw badField(`${where}.key`, "it is missing");
  return readPlainKey(key, `${where}.key`);
}

/** Returns the key that is text or, in MessagePack, bytes. @throws {RequestError} otherwise. */
export function readPlainKey(key: unknown, where: string): string {
  if (key instanceof Uint8Array) return checkKey(latin1Decode(key, 0, key.length));
  if (typeof key !== "string") throw badField(where, "it is not text");
  if (!key.isWellFormed()) throw badField(where, "it holds half a surrogate pair");
  return checkKey(keyOfText(key));
}

/** A stored value as a body shows it: one of the two is set. */
export interface ShownValue {
  /** The value's JSON text, on one line. */
  readonly json?: string;
  /** Whether the JSON text is not the stored one to the byte. */
  readonly isRewritten?: boolean;
  /** The value's text. */
  readonly text?: string;
}

/** Returns how a stored value is shown; neither where it is shown as bytes. */
export function showValue(bytes: Uint8Array, contentType: string): ShownValue {
  const form = valueForm(contentType);
  if (form === "bytes") return shownAsBytes;
  const text = utf8Text(bytes);
  if (text === undefined) return shownAsBytes;
  if (form === "text") return { text };
  try {
    JSON.parse(text);
  } catch {
    return shownAsBytes;
  }
  // Between JSON's tokens only: inside a string a line break is an escape.
  return text.includes("\n") || text.includes("\r")
    ? { json: text.replace(/[\r\n]/g, " "), isRewritten: true }
    : { json: text };
}

const shownAsBytes: ShownValue = {};
