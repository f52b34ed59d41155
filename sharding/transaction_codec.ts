/**
 * The body of a transaction as bytes.
 *
 * ```
 * u32 longest value allowed
 * varint count of checks:    varint length, tree key | u8 0 absent, 1 version | 1: u64 version
 * varint count of mutations: u8 operation | varint length, tree key | operand
 *      1 set, 3 append: varint length, value envelope
 *      2 delete:        nothing
 *      4 add, 5 min, 6 max: varint length, the number as JSON text
 *      with bit 4 set:  the same, and then a varint: a time to live in microseconds
 * varint count of reads:     varint length, tree key
 * ```
 *
 * A number travels as text, because JSON text gives back exactly the number that it was made of and
 * shows in a dump what it is. On disk since format 1: never renumber.
 *
 * @module
 */
import type { ByteReader } from "../storage/env/mod.ts";
import { ByteWriter, invariant, MalformedBytesError } from "../storage/env/mod.ts";
import type { Command, Mutation, NewValue } from "./database.ts";
import type { CommandContext, LoggedCheck, LoggedMutation, LoggedTransaction } from "./command.ts";
import { decodeUserKey, encodeUserKey, encodeVersion } from "./key_codec.ts";
import { encodeHead, valueBodyStart } from "./value.ts";

type Transaction = Extract<Command, { kind: "transaction" }>;

/** What of a transaction stands in its body. */
export type TransactionBody = Pick<
  LoggedTransaction,
  "checks" | "mutations" | "reads" | "valueSizeBytesMax"
>;

const operationCodes = { set: 1, delete: 2, append: 3, add: 4, min: 5, max: 6 } as const;
const operationNames = { 4: "add", 5: "min", 6: "max" } as const;
const operationMask = 0x0f;
const flagTtl = 0x10;

/** Appends the body of a transaction. */
export function encodeTransaction(
  out: ByteWriter,
  transaction: Transaction,
  context: CommandContext,
): void {
  out.u32(context.valueSizeBytesMax);
  out.varint(transaction.checks.length);
  for (const check of transaction.checks) {
    encodeUserKey(out, check.key);
    out.u8(check.version === null ? 0 : 1);
    if (check.version !== null) encodeVersion(out, check.version);
  }
  out.varint(transaction.mutations.length);
  for (const mutation of transaction.mutations) encodeMutation(out, mutation, context.writer);
  out.varint(transaction.reads.length);
  for (const key of transaction.reads) encodeUserKey(out, key);
}

/**
 * Reads the body of a transaction, which ends where `reader` does.
 *
 * @param source What `reader` reads: values stay where they are in it.
 * @throws {MalformedBytesError} where it is none.
 */
export function decodeTransaction(reader: ByteReader, source: Uint8Array): TransactionBody {
  const valueSizeBytesMax = reader.u32();
  const checks: LoggedCheck[] = [];
  for (let count = reader.varint(); count > 0; count--) {
    const treeKey = decodeUserKey(reader);
    const form = reader.u8();
    if (form > 1) throw new MalformedBytesError(`A check has form ${form}, which is not known`);
    checks.push({ treeKey, version: form === 0 ? null : reader.u64() });
  }
  const mutations: LoggedMutation[] = [];
  for (let count = reader.varint(); count > 0; count--) {
    mutations.push(decodeMutation(reader, source));
  }
  const reads: string[] = [];
  for (let count = reader.varint(); count > 0; count--) reads.push(decodeUserKey(reader));
  reader.expectEnd();
  return { checks, mutations, reads, valueSizeBytesMax };
}

function encodeMutation(out: ByteWriter, mutation: Mutation, writer: string | undefined): void {
  const ttlMicros = "ttlMicros" in mutation ? mutation.ttlMicros : undefined;
  out.u8(operationCodes[mutation.op] | (ttlMicros === undefined ? 0 : flagTtl));
  encodeUserKey(out, mutation.key);
  switch (mutation.op) {
    case "set":
    case "append":
      encodeSizedValue(out, mutation.value, writer);
      break;
    case "delete":
      break;
    case "add":
    case "min":
    case "max":
      invariant(Number.isFinite(mutation.operand), () => `An operand is finite: ${mutation.op}`);
      out.latin1Prefixed(JSON.stringify(mutation.operand));
      if (ttlMicros !== undefined) out.varint(ttlMicros);
  }
}

function encodeSizedValue(out: ByteWriter, value: NewValue, writer: string | undefined): void {
  const head = new ByteWriter(16);
  encodeHead(head, { contentType: value.contentType, expiry: value.ttlMicros, writer });
  out.varint(head.length + value.bytes.length);
  out.bytes(head.view());
  out.bytes(value.bytes);
}

function decodeMutation(reader: ByteReader, source: Uint8Array): LoggedMutation {
  const first = reader.u8();
  const code = first & operationMask;
  const hasTtl = (first & flagTtl) !== 0;
  // Of values the time to live is in the envelope.
  const mayHaveTtl = code >= operationCodes.add;
  if (first > (operationMask | flagTtl) || (hasTtl && !mayHaveTtl)) {
    throw new MalformedBytesError(`A mutation has operation ${first}, which is not known`);
  }
  const treeKey = decodeUserKey(reader);
  switch (code) {
    case operationCodes.delete:
      return { op: "delete", treeKey };
    case operationCodes.set:
    case operationCodes.append: {
      const sizeBytes = reader.varint();
      const start = reader.position;
      reader.bytes(sizeBytes);
      const end = reader.position;
      valueBodyStart(source, start, end);
      const op = code === operationCodes.set ? "set" : "append";
      return { op, treeKey, value: { source, start, end } };
    }
    case operationCodes.add:
    case operationCodes.min:
    case operationCodes.max: {
      const operand = decodeOperand(reader);
      const ttlMicros = hasTtl ? reader.varint() : undefined;
      return { op: operationNames[code], treeKey, operand, ttlMicros };
    }
    default:
      throw new MalformedBytesError(`A mutation has operation ${code}, which is not known`);
  }
}

function decodeOperand(reader: ByteReader): number {
  const text = reader.latin1Prefixed();
  const operand = text === "" ? NaN : Number(text);
  if (!Number.isFinite(operand)) {
    throw new MalformedBytesError(`A mutation has an operand of ${text.length} bytes, no number`);
  }
  return operand;
}
