/**
 * Keys between the wire and the database, which knows them as latin1 strings, one character a byte.
 *
 * In a JSON or MessagePack body a key is text where its bytes are valid UTF-8. Where they are not,
 * it is `keyBase64` in JSON and raw bytes in MessagePack.
 *
 * @module
 */
import { latin1Bytes, latin1Decode } from "../../storage/env/mod.ts";
import { RequestError } from "../errors.ts";
import { keySizeBytesMax } from "./limits.ts";

const ascii = /^[^\u0080-\uffff]*$/;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Returns the text whose UTF-8 bytes these are; `undefined` where there is none. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  const text = latin1Decode(bytes, 0, bytes.length);
  if (ascii.test(text)) return text;
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Returns a key as text; `undefined` where its bytes are no UTF-8. */
export function keyText(key: string): string | undefined {
  return ascii.test(key) ? key : utf8Text(latin1Bytes(key));
}

/** Returns the key that a text stands for: its UTF-8 bytes. */
export function keyOfText(text: string): string {
  if (ascii.test(text)) return text;
  const bytes = encoder.encode(text);
  return latin1Decode(bytes, 0, bytes.length);
}

/** Returns what names a key in a problem's body. */
export function keyDetails(key: string): { key: string } | { keyBase64: string } {
  const text = keyText(key);
  return text === undefined ? { keyBase64: latin1Bytes(key).toBase64() } : { key: text };
}

/** Returns what names a prefix in a body. */
export function prefixDetails(prefix: string): { prefix: string } | { prefixBase64: string } {
  const text = keyText(prefix);
  return text === undefined ? { prefixBase64: latin1Bytes(prefix).toBase64() } : { prefix: text };
}

/** @throws {RequestError} unless the key's length is within its bounds. */
export function checkKey(key: string): string {
  if (key.length === 0) throw new RequestError("invalid_request", "Cannot use an empty key");
  if (key.length > keySizeBytesMax) {
    throw new RequestError(
      "key_too_large",
      `Cannot use a key of ${key.length} bytes: the limit is ${keySizeBytesMax}`,
      { limit: keySizeBytesMax },
    );
  }
  return key;
}
