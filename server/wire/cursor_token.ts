/**
 * The cursor that a list hands out: everything that the next page needs, so that a token outlives a
 * restart of the node.
 *
 * ```
 * u8 format | u8 flags | u64 version | u64 expiry (ms since the Unix epoch) | u64 lease
 * start | end | last key, each behind its length | u32 checksum of all before
 * ```
 *
 * in base64url. A token is no secret and grants nothing: what it names is checked as a fresh
 * request would be. The checksum tells a damaged token from a stale one.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { ByteReader, ByteWriter, MalformedBytesError } from "../../storage/env/mod.ts";
import type { KeyRange } from "../../sharding/mod.ts";
import { RequestError } from "../errors.ts";
import { boundSizeBytesMax, keySizeBytesMax } from "./limits.ts";

/** What a cursor says. */
export interface CursorToken {
  /** The range of the whole list. */
  readonly range: KeyRange;
  readonly isReverse: boolean;
  readonly isKeysOnly: boolean;
  /** The version that every page sees. */
  readonly version: number;
  /** Until when it can be used, in milliseconds since the Unix epoch. */
  readonly expiresAtMs: number;
  /** Names the hold of the version on the node that made it. */
  readonly leaseId: number;
  /** The last key of the page before. */
  readonly lastKey: string;
}

const format = 1;
const flagReverse = 1;
const flagKeysOnly = 2;
const flagStart = 4;
const flagEnd = 8;
const tokenLengthMax = 12_288;

/** Returns the token's text. */
export function encodeCursor(cursor: CursorToken): string {
  const { start, end } = cursor.range;
  const out = new ByteWriter();
  out.u8(format);
  out.u8(
    (cursor.isReverse ? flagReverse : 0) | (cursor.isKeysOnly ? flagKeysOnly : 0) |
      (start === undefined ? 0 : flagStart) | (end === undefined ? 0 : flagEnd),
  );
  out.u64(cursor.version);
  out.u64(cursor.expiresAtMs);
  out.u64(cursor.leaseId);
  out.latin1Prefixed(start ?? "");
  out.latin1Prefixed(end ?? "");
  out.latin1Prefixed(cursor.lastKey);
  out.u32(crc32(out.view()));
  return out.view().toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Reads a token's text. @throws {RequestError} `invalid_request` where it is none of ours. */
export function decodeCursor(text: string): CursorToken {
  const bytes = tokenBytes(text);
  const reader = new ByteReader(bytes);
  try {
    if (reader.u8() !== format) throw malformed();
    const flags = reader.u8();
    const version = reader.u64();
    const expiresAtMs = reader.u64();
    const leaseId = reader.u64();
    const start = reader.latin1Prefixed();
    const end = reader.latin1Prefixed();
    const lastKey = reader.latin1Prefixed();
    if (reader.u32() !== crc32(bytes.subarray(0, reader.position - 4))) throw malformed();
    reader.expectEnd();
    if (Math.max(start.length, end.length) > boundSizeBytesMax) throw malformed();
    if (lastKey.length > keySizeBytesMax) throw malformed();
    return {
      range: {
        start: flags & flagStart ? start : undefined,
        end: flags & flagEnd ? end : undefined,
      },
      isReverse: (flags & flagReverse) !== 0,
      isKeysOnly: (flags & flagKeysOnly) !== 0,
      version,
      expiresAtMs,
      leaseId,
      lastKey,
    };
  } catch (error) {
    if (error instanceof MalformedBytesError) throw malformed();
    throw error;
  }
}

function tokenBytes(text: string): Uint8Array {
  if (text.length > tokenLengthMax) throw malformed();
  try {
    return Uint8Array.fromBase64(text, { alphabet: "base64url" });
  } catch {
    throw malformed();
  }
}

function malformed(): RequestError {
  return new RequestError(
    "invalid_request",
    "Cannot use the cursor: it is not one that a list has handed out",
    { parameter: "cursor" },
  );
}
