/**
 * The envelope of a value: what a user key holds in the tree and in a command.
 *
 * ```
 * u8 flags and content type code | [varint length, UTF-8 content type] | bytes, to the end
 *    bits 0–5  the code; 0: the content type follows in full
 *    bit 6     reserved for an expiry version; a reader that does not know it refuses
 *    bit 7     reserved; refused
 * ```
 *
 * A content type that everybody uses costs one byte. On disk since format 1: codes are only added.
 *
 * @module
 */
import type { ByteWriter } from "../storage/env/mod.ts";
import { ByteReader, MalformedBytesError } from "../storage/env/mod.ts";
import type { NewValue, StoredValue } from "./database.ts";

/** The longest content type, in characters. */
export const contentTypeLengthMax = 255;

/** The content type of JSON, the only one that arithmetic works on. */
export const contentTypeJson = "application/json";

// On disk since format 1: the place in the list is the code; never renumber.
const contentTypes: readonly string[] = [
  "",
  "application/octet-stream",
  contentTypeJson,
  "text/plain",
  "text/plain;charset=utf-8",
  "text/plain; charset=utf-8",
  "text/plain;charset=UTF-8",
  "text/plain; charset=UTF-8",
  "text/html",
  "text/html; charset=utf-8",
  "application/msgpack",
  "application/x-ndjson",
  "text/csv",
  "application/xml",
  "image/png",
  "image/jpeg",
  "application/x-www-form-urlencoded",
];
const codeExplicit = 0;
const codeMask = 0x3f;
const codes = new Map(contentTypes.map((name, code) => [name, code]));

/** Appends the envelope of a value. The bytes are copied. */
export function encodeValue(out: ByteWriter, value: NewValue): void {
  encodeContentType(out, value.contentType);
  out.bytes(value.bytes);
}

/** Appends what stands in front of the bytes. */
export function encodeContentType(out: ByteWriter, contentType: string): void {
  const code = codes.get(contentType) ?? codeExplicit;
  out.u8(code);
  if (code === codeExplicit) out.bytesPrefixed(new TextEncoder().encode(contentType));
}

/**
 * Returns where the bytes of the envelope [start, end) of `source` begin.
 *
 * @throws {MalformedBytesError} where it is no envelope.
 */
export function valueBodyStart(source: Uint8Array, start: number, end: number): number {
  if (start >= end) throw new MalformedBytesError("A value has no first byte");
  const code = checkedCode(source[start]);
  if (code !== codeExplicit) return start + 1;
  const reader = new ByteReader(source, start + 1, end);
  reader.bytesPrefixed();
  return reader.position;
}

/** Returns the content type of the envelope [start, end) of `source`. */
export function valueContentType(source: Uint8Array, start: number, end: number): string {
  if (start >= end) throw new MalformedBytesError("A value has no first byte");
  const code = checkedCode(source[start]);
  if (code !== codeExplicit) return contentTypes[code];
  return new TextDecoder().decode(new ByteReader(source, start + 1, end).bytesPrefixed());
}

/**
 * Returns the value in an envelope. Its bytes are a view of the envelope's.
 *
 * @throws {MalformedBytesError} where it is no envelope.
 */
export function decodeValue(envelope: Uint8Array, version: number): StoredValue {
  const bodyStart = valueBodyStart(envelope, 0, envelope.length);
  return {
    bytes: envelope.subarray(bodyStart),
    contentType: valueContentType(envelope, 0, envelope.length),
    version,
  };
}

function checkedCode(first: number): number {
  if ((first & ~codeMask) !== 0) {
    throw new MalformedBytesError(`A value has flags that this version does not know: ${first}`);
  }
  if (first >= contentTypes.length) {
    throw new MalformedBytesError(`A value has a content type that is not known: ${first}`);
  }
  return first;
}
