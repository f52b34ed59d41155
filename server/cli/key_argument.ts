/**
 * Keys between the command line and a URL.
 *
 * On the command line a key is text, or base64 with `--key-base64`. In a URL it is percent-encoded
 * byte by byte. `/` stays as it is, but where a segment is `.` or `..`: URL parsers fold those, so
 * there every `/` is escaped as well.
 *
 * @module
 */
import { usageError } from "./cli_error.ts";

const encoder = new TextEncoder();
const plain = /[A-Za-z0-9._~/-]/;

/** Returns the bytes of a key as it was given. @throws {CliError} where it is no base64. */
export function keyBytes(text: string, isBase64: boolean): Uint8Array {
  if (!isBase64) return encoder.encode(text);
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw usageError(`Cannot use the key ${JSON.stringify(text)}: it is no base64`);
  }
}

/**
 * Returns the path of a key's route.
 *
 * @param route What stands in front of the key.
 * @throws {CliError} for the keys `.` and `..`, which no URL can carry.
 */
export function keyPath(key: Uint8Array, route = "/v1/kv/"): string {
  const encoded = percentEncode(key);
  if (encoded === "." || encoded === "..") {
    throw usageError(`Cannot address the key ${encoded}: a URL swallows it; use txn`);
  }
  const isFolded = encoded.split("/").some((segment) => segment === "." || segment === "..");
  return `${route}${isFolded ? encoded.replaceAll("/", "%2F") : encoded}`;
}

/** Returns a query's text, without those parameters that are undefined. */
export function queryOf(
  parameters: Readonly<Record<string, Uint8Array | string | undefined>>,
): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) continue;
    const bytes = typeof value === "string" ? encoder.encode(value) : value;
    parts.push(`${name}=${percentEncode(bytes)}`);
  }
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

/** Returns bytes as a URL carries them. */
export function percentEncode(bytes: Uint8Array): string {
  let encoded = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    encoded += plain.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** Returns the smallest key behind a key. */
export function keyBehind(key: Uint8Array): Uint8Array {
  const behind = new Uint8Array(key.length + 1);
  behind.set(key);
  return behind;
}
