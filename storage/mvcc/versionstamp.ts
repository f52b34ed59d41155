/**
 * Versionstamps: a version as clients and other systems see it.
 *
 * ```
 * version, 8 bytes big-endian | 00 00            10 bytes, or 20 lower-case hex digits in text
 * ```
 *
 * Stamps compare as their versions do, as bytes and as text. The two zero bytes are those that Deno
 * KV keeps for the order inside a commit; here all keys of a commit share one version.
 *
 * @module
 */
import { invariant } from "../env/mod.ts";

/** How many bytes a versionstamp has. */
export const versionstampSizeBytes = 10;

const textPattern = /^[0-9a-f]{16}0000$/;
const wordSize = 2 ** 32;

/**
 * Returns a version as 20 lower-case hex digits: 255 is `00000000000000ff0000`.
 *
 * @param version A safe integer from 0 up.
 */
export function formatVersionstamp(version: number): string {
  checkVersion(version);
  return `${version.toString(16).padStart(16, "0")}0000`;
}

/**
 * Returns the version that a text stands for, or undefined where it is no versionstamp: another
 * length, upper-case digits, trailing bytes that are not zero, or more than a safe integer.
 */
export function parseVersionstamp(text: string): number | undefined {
  if (!textPattern.test(text)) return undefined;
  const version = Number.parseInt(text.slice(0, 8), 16) * wordSize +
    Number.parseInt(text.slice(8, 16), 16);
  return Number.isSafeInteger(version) ? version : undefined;
}

/**
 * Returns a version as 10 bytes, owned by the caller.
 *
 * @param version A safe integer from 0 up.
 */
export function encodeVersionstamp(version: number): Uint8Array {
  checkVersion(version);
  const bytes = new Uint8Array(versionstampSizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(version / wordSize));
  view.setUint32(4, version >>> 0);
  return bytes;
}

/** Returns the version that 10 bytes stand for, or undefined where they are no versionstamp. */
export function decodeVersionstamp(bytes: Uint8Array): number | undefined {
  if (bytes.length !== versionstampSizeBytes || bytes[8] !== 0 || bytes[9] !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(0) * wordSize + view.getUint32(4);
  return Number.isSafeInteger(version) ? version : undefined;
}

function checkVersion(version: number): void {
  invariant(
    Number.isSafeInteger(version) && version >= 0,
    () => `A version is a safe integer from 0 up: ${version}`,
  );
}
