/**
 * Results of commands as bytes, for the memory of requests.
 *
 * ```
 * u8 outcome
 *   1 committed:         u64 version | varint deleted | varint count of reads:
 *                        u8 0 nothing, 1 found | found: u64 version, varint length, value envelope
 *   2 condition_failed:  u8 0 absent, 1 present | 1: u64 newest version
 *   3 check_failed:      varint count, varint each
 *   4 invalid:           varint length, key | varint length, UTF-8 reason
 *   5 value_too_large:   varint length, key
 *   6 too_many_keys:     varint limit
 *   7 version_vacuumed:  u64 oldest version
 *   8 no_value:          varint length, key
 *   9 too_many_rules:    varint limit
 * ```
 *
 * A mismatch is never remembered and has no bytes. On disk since format 1: never renumber.
 *
 * @module
 */
import type { ByteReader } from "../storage/env/mod.ts";
import { ByteWriter, invariant, MalformedBytesError } from "../storage/env/mod.ts";
import type { CommandResult, StoredValue } from "./database.ts";
import { decodeValue, encodeHead } from "./value.ts";

const outcomeCodes = {
  committed: 1,
  condition_failed: 2,
  check_failed: 3,
  invalid: 4,
  value_too_large: 5,
  too_many_keys: 6,
  version_vacuumed: 7,
  no_value: 8,
  too_many_rules: 9,
} as const;

/** The reads of a result that has none. */
export const noReads: readonly (StoredValue | undefined)[] = Object.freeze([]);

/** Appends a result. Never called with a mismatch. */
export function encodeResult(out: ByteWriter, result: CommandResult): void {
  invariant(result.outcome !== "request_mismatch", "A mismatch is not remembered");
  out.u8(outcomeCodes[result.outcome]);
  switch (result.outcome) {
    case "committed":
      out.u64(result.version);
      out.varint(result.deletedCount);
      out.varint(result.reads.length);
      for (const read of result.reads) encodeRead(out, read);
      break;
    case "condition_failed":
      out.u8(result.current === undefined ? 0 : 1);
      if (result.current !== undefined) out.u64(result.current);
      break;
    case "check_failed":
      out.varint(result.failedChecks.length);
      for (const index of result.failedChecks) out.varint(index);
      break;
    case "invalid":
      out.latin1Prefixed(result.key);
      out.bytesPrefixed(new TextEncoder().encode(result.reason));
      break;
    case "value_too_large":
    case "no_value":
      out.latin1Prefixed(result.key);
      break;
    case "version_vacuumed":
      out.u64(result.oldestVersion);
      break;
    case "too_many_keys":
    case "too_many_rules":
      out.varint(result.limit);
  }
}

/**
 * Reads a result that ends where `reader` does. Values of reads are views of its bytes.
 *
 * @throws {MalformedBytesError} where it is none.
 */
export function decodeResult(reader: ByteReader): CommandResult {
  const result = decodeOutcome(reader);
  reader.expectEnd();
  return result;
}

function decodeOutcome(reader: ByteReader): CommandResult {
  const outcome = reader.u8();
  switch (outcome) {
    case outcomeCodes.committed: {
      const version = reader.u64();
      const deletedCount = reader.varint();
      const reads: (StoredValue | undefined)[] = [];
      for (let count = reader.varint(); count > 0; count--) reads.push(decodeRead(reader));
      return { outcome: "committed", version, deletedCount, reads };
    }
    case outcomeCodes.condition_failed:
      return { outcome: "condition_failed", current: isPresent(reader) ? reader.u64() : undefined };
    case outcomeCodes.check_failed: {
      const failedChecks: number[] = [];
      for (let count = reader.varint(); count > 0; count--) failedChecks.push(reader.varint());
      return { outcome: "check_failed", failedChecks };
    }
    case outcomeCodes.invalid: {
      const key = reader.latin1Prefixed();
      const reason = new TextDecoder().decode(reader.bytesPrefixed());
      return { outcome: "invalid", key, reason };
    }
    case outcomeCodes.value_too_large:
      return { outcome: "value_too_large", key: reader.latin1Prefixed() };
    case outcomeCodes.too_many_keys:
      return { outcome: "too_many_keys", limit: reader.varint() };
    case outcomeCodes.version_vacuumed:
      return { outcome: "version_vacuumed", oldestVersion: reader.u64() };
    case outcomeCodes.no_value:
      return { outcome: "no_value", key: reader.latin1Prefixed() };
    case outcomeCodes.too_many_rules:
      return { outcome: "too_many_rules", limit: reader.varint() };
    default:
      throw new MalformedBytesError(`A result has outcome ${outcome}, which is not known`);
  }
}

function encodeRead(out: ByteWriter, read: StoredValue | undefined): void {
  out.u8(read === undefined ? 0 : 1);
  if (read === undefined) return;
  out.u64(read.version);
  const head = new ByteWriter(16);
  encodeHead(head, { contentType: read.contentType, expiry: read.expiresAt });
  out.varint(head.length + read.bytes.length);
  out.bytes(head.view());
  out.bytes(read.bytes);
}

function decodeRead(reader: ByteReader): StoredValue | undefined {
  if (!isPresent(reader)) return undefined;
  const version = reader.u64();
  return decodeValue(reader.bytesPrefixed(), version);
}

function isPresent(reader: ByteReader): boolean {
  const form = reader.u8();
  if (form > 1) throw new MalformedBytesError(`A result has form ${form}, which is not known`);
  return form === 1;
}
