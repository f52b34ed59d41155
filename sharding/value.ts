/**
 * The envelope of a value: what a user key holds in the tree and in a command.
 *
 * ```
 * u8 flags and content type code | [u64 expiry] | [varint length, writer]
 *                                | [varint length, UTF-8 content type] | bytes, to the end
 *    bits 0–5  the code; 0: the content type follows in full
 *    bit 6     an expiry follows: in the tree the version from which on there is no value any more, in
 *              a command how long it lives behind the command's version, in microseconds
 *    bit 7     a writer follows, see writer.ts
 * ```
 *
 * A content type that everybody uses costs one byte. The writer stands with the value, and not only
 * in the change record, because history has to tell of it as long as the value is kept. On disk since
 * format 1: codes are only added.
 *
 * @module
 */
import type { ByteWriter } from "../storage/env/mod.ts";
import { ByteReader, latin1Decode, MalformedBytesError } from "../storage/env/mod.ts";
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
const flagExpiry = 0x40;
const flagWriter = 0x80;
const expirySizeBytes = 8;
const wordSize = 2 ** 32;
const codes = new Map(contentTypes.map((name, code) => [name, code]));

/** What stands in front of a value's bytes. */
export interface EnvelopeHead {
  readonly contentType: string;
  /** In the tree a version, in a command a time to live; undefined where it stays for ever. */
  readonly expiry?: number;
  /** Who wrote it, one character a byte; empty where nobody is to be named. */
  readonly writer?: string;
}

/** Appends the envelope of a value for a command. The bytes are copied. */
export function encodeValue(out: ByteWriter, value: NewValue, writer: string = ""): void {
  encodeHead(out, { contentType: value.contentType, expiry: value.ttlMicros, writer });
  out.bytes(value.bytes);
}

/** Appends what stands in front of the bytes. */
export function encodeHead(out: ByteWriter, head: EnvelopeHead): void {
  const { contentType, expiry, writer = "" } = head;
  const code = codes.get(contentType) ?? codeExplicit;
  out.u8(
    code | (expiry === undefined ? 0 : flagExpiry) | (writer === "" ? 0 : flagWriter),
  );
  if (expiry !== undefined) out.u64(expiry);
  if (writer !== "") out.latin1Prefixed(writer);
  if (code === codeExplicit) out.bytesPrefixed(new TextEncoder().encode(contentType));
}

/**
 * Returns where the bytes of the envelope [start, end) of `source` begin.
 *
 * @throws {MalformedBytesError} where it is no envelope.
 */
export function valueBodyStart(source: Uint8Array, start: number, end: number): number {
  const position = contentTypeStart(source, start, end);
  if (checkedCode(source[start]) !== codeExplicit) return position;
  const reader = new ByteReader(source, position, end);
  reader.bytesPrefixed();
  return reader.position;
}

/** Returns the content type of the envelope [start, end) of `source`. */
export function valueContentType(source: Uint8Array, start: number, end: number): string {
  const position = contentTypeStart(source, start, end);
  const code = checkedCode(source[start]);
  if (code !== codeExplicit) return contentTypes[code];
  return new TextDecoder().decode(new ByteReader(source, position, end).bytesPrefixed());
}

/** Returns the expiry of the envelope [start, end) of `source`; `Infinity` where it has none. */
export function valueExpiry(source: Uint8Array, start: number, end: number): number {
  if ((source[start] & flagExpiry) === 0 || start >= end) return Infinity;
  if (end - start < 1 + expirySizeBytes) throw new MalformedBytesError("A value ends too early");
  const low = source[start + 1] + source[start + 2] * 0x100 + source[start + 3] * 0x10000 +
    source[start + 4] * 0x1000000;
  const high = source[start + 5] + source[start + 6] * 0x100 + source[start + 7] * 0x10000 +
    source[start + 8] * 0x1000000;
  const expiry = high * wordSize + low;
  if (!Number.isSafeInteger(expiry)) throw new MalformedBytesError("An expiry is no safe integer");
  return expiry;
}

/** Returns the writer of the envelope [start, end) of `source`; empty where it names none. */
export function valueWriter(source: Uint8Array, start: number, end: number): string {
  if (start >= end || (source[start] & flagWriter) === 0) return "";
  const hasExpiry = (source[start] & flagExpiry) !== 0;
  const position = start + 1 + (hasExpiry ? expirySizeBytes : 0);
  // A writer shorter than 128 bytes has a length of one byte.
  const sizeBytes = position < end ? source[position] : 0;
  if (sizeBytes < 0x80 && position + 1 + sizeBytes <= end) {
    return latin1Decode(source, position + 1, position + 1 + sizeBytes);
  }
  return new ByteReader(source, position, end).latin1Prefixed();
}

/**
 * Returns the envelope that a command's becomes in the tree: its time to live counted from the
 * command's version. A view where it has none, else a copy.
 */
export function settledEnvelope(
  source: Uint8Array,
  { start, end, version }: { start: number; end: number; version: number },
): Uint8Array {
  const ttlMicros = valueExpiry(source, start, end);
  if (ttlMicros === Infinity) return source.subarray(start, end);
  const settled = source.slice(start, end);
  const expiry = expiryOf(version, ttlMicros);
  const view = new DataView(settled.buffer, settled.byteOffset);
  view.setUint32(1, expiry >>> 0, true);
  view.setUint32(5, Math.floor(expiry / wordSize), true);
  return settled;
}

/** Returns the version from which on a value that is written at `version` is no more. */
export function expiryOf(version: number, ttlMicros: number): number {
  return Math.min(version + ttlMicros, Number.MAX_SAFE_INTEGER - 1);
}

/**
 * Returns the value in an envelope of the tree. Its bytes are a view of the envelope's.
 *
 * @throws {MalformedBytesError} where it is no envelope.
 */
export function decodeValue(envelope: Uint8Array, version: number): StoredValue {
  const bodyStart = valueBodyStart(envelope, 0, envelope.length);
  return {
    bytes: envelope.subarray(bodyStart),
    contentType: valueContentType(envelope, 0, envelope.length),
    version,
    expiresAt: expiresAtOf(envelope, 0, envelope.length),
  };
}

/** Returns the expiry of an envelope of the tree as clients see it: undefined where it has none. */
export function expiresAtOf(
  source: Uint8Array,
  start: number,
  end: number,
): number | undefined {
  const expiry = valueExpiry(source, start, end);
  return expiry === Infinity ? undefined : expiry;
}

/** Returns where the content type stands, or the bytes where a code says it all. */
function contentTypeStart(source: Uint8Array, start: number, end: number): number {
  if (start >= end) throw new MalformedBytesError("A value has no first byte");
  const flags = source[start];
  let position = start + 1;
  if ((flags & flagExpiry) !== 0) position += expirySizeBytes;
  if ((flags & flagWriter) !== 0) {
    const sizeBytes = position < end ? source[position] : 0;
    if (sizeBytes < 0x80) position += 1 + sizeBytes;
    else {
      const reader = new ByteReader(source, position, end);
      reader.bytesPrefixed();
      position = reader.position;
    }
  }
  if (position > end) throw new MalformedBytesError("A value ends inside its head");
  return position;
}

function checkedCode(first: number): number {
  const code = first & codeMask;
  if (code >= contentTypes.length) {
    throw new MalformedBytesError(`A value has a content type that is not known: ${first}`);
  }
  return code;
}
