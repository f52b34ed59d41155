/**
 * Commands as bytes, framed by hand: a put costs one pass over its key and one copy of its value.
 *
 * ```
 * u8  codec version (1)
 * u8  bits 0–3 kind: 1 put, 2 delete, 3 delete_range, 4 transaction
 *     bit 4 a request identity follows, bit 5 a writer, bit 6 a condition (put and delete)
 * [16 bytes request id, 16 bytes fingerprint]
 * [varint length, UTF-8 writer]
 * put:           varint length, tree key | [condition] | value envelope, to the end
 * delete:        varint length, tree key | [condition]
 * delete_range:  varint length, first tree key | varint length, tree key behind | u32 key count
 * transaction:   see transaction_codec.ts
 * condition:     u8 0 absent, 1 exists, 2 version | 2: varint count, u64 each
 * ```
 *
 * On disk since format 1: never renumber; what is added gets a new kind or a new codec version.
 *
 * @module
 */
import type { ByteWriter } from "../storage/env/mod.ts";
import { ByteReader, invariant, latin1Decode, MalformedBytesError } from "../storage/env/mod.ts";
import { userSpace } from "../storage/mod.ts";
import type { Command, Condition, RequestIdentity } from "./database.ts";
import type { CommandContext, LoggedCommand } from "./command.ts";
import { treeRange, userSpaceEnd } from "./command.ts";
import { decodeUserKey, encodeUserKey, encodeVersion } from "./key_codec.ts";
import { decodeTransaction, encodeTransaction } from "./transaction_codec.ts";
import { encodeValue, valueBodyStart } from "./value.ts";

const codecVersion = 1;

const kindMask = 0x0f;
const flagRequest = 0x10;
const flagWriter = 0x20;
const flagCondition = 0x40;
const kindCodes = { put: 1, delete: 2, delete_range: 3, transaction: 4 } as const;

const conditionAbsent = 0;
const conditionExists = 1;
const conditionVersion = 2;

/** How many bytes a request id has, and a fingerprint. */
export const identitySizeBytes = 16;

/** Appends the bytes of a command. Everything it was given is copied. */
export function encodeCommand(
  out: ByteWriter,
  command: Command,
  context: CommandContext,
): void {
  const { request, writer } = context;
  const condition = command.kind === "put" || command.kind === "delete"
    ? command.condition
    : undefined;
  out.u8(codecVersion);
  out.u8(
    kindCodes[command.kind] | (request === undefined ? 0 : flagRequest) |
      (writer === undefined || writer === "" ? 0 : flagWriter) |
      (condition === undefined ? 0 : flagCondition),
  );
  if (request !== undefined) encodeRequest(out, request);
  if (writer !== undefined && writer !== "") out.bytesPrefixed(new TextEncoder().encode(writer));
  switch (command.kind) {
    case "put":
      encodeUserKey(out, command.key);
      if (condition !== undefined) encodeCondition(out, condition);
      encodeValue(out, command.value);
      break;
    case "delete":
      encodeUserKey(out, command.key);
      if (condition !== undefined) encodeCondition(out, condition);
      break;
    case "delete_range":
      encodeRange(out, command);
      break;
    case "transaction":
      encodeTransaction(out, command, context.valueSizeBytesMax);
  }
}

/**
 * Reads the command in [start, end) of `source`. Values stay where they are.
 *
 * @throws {MalformedBytesError} where it is no command.
 */
export function decodeCommand(source: Uint8Array, start: number, end: number): LoggedCommand {
  const reader = new ByteReader(source, start, end);
  const version = reader.u8();
  if (version !== codecVersion) {
    throw new MalformedBytesError(`A command has codec version ${version}, known is 1`);
  }
  const head = reader.u8();
  const kind = head & kindMask;
  const request = (head & flagRequest) === 0 ? undefined : decodeRequest(reader);
  const writer = (head & flagWriter) === 0
    ? ""
    : new TextDecoder("utf-8", { fatal: false }).decode(reader.bytesPrefixed());
  switch (kind) {
    case kindCodes.put: {
      const treeKey = decodeUserKey(reader);
      const condition = (head & flagCondition) === 0 ? undefined : decodeCondition(reader);
      const valueStart = reader.position;
      valueBodyStart(source, valueStart, end);
      return { kind: "put", request, writer, treeKey, condition, source, start: valueStart, end };
    }
    case kindCodes.delete: {
      const treeKey = decodeUserKey(reader);
      const condition = (head & flagCondition) === 0 ? undefined : decodeCondition(reader);
      reader.expectEnd();
      return { kind: "delete", request, writer, treeKey, condition };
    }
    case kindCodes.delete_range:
      return { kind: "delete_range", request, writer, ...decodeRange(reader) };
    case kindCodes.transaction:
      return { kind: "transaction", request, writer, ...decodeTransaction(reader, source) };
    default:
      throw new MalformedBytesError(`A command has kind ${kind}, which is not known`);
  }
}

function encodeRange(out: ByteWriter, command: Extract<Command, { kind: "delete_range" }>): void {
  const { start, end } = treeRange(command.range);
  out.latin1Prefixed(start);
  out.latin1Prefixed(end);
  out.u32(command.keyCountMax);
}

function decodeRange(reader: ByteReader): { start: string; end: string; keyCountMax: number } {
  const start = reader.latin1Prefixed();
  const end = reader.latin1Prefixed();
  const keyCountMax = reader.u32();
  reader.expectEnd();
  const isInside = start[0] === userSpace && (end[0] === userSpace || end === userSpaceEnd);
  if (!isInside) throw new MalformedBytesError("A range delete leaves the space of user keys");
  return { start, end, keyCountMax };
}

function encodeRequest(out: ByteWriter, request: RequestIdentity): void {
  invariant(
    request.id.length === identitySizeBytes && request.fingerprint.length === identitySizeBytes,
    () => `A request is named by 16 and 16 bytes: ${request.id.length}`,
  );
  out.bytes(request.id);
  out.bytes(request.fingerprint);
}

function decodeRequest(reader: ByteReader): RequestIdentity {
  return { id: reader.bytes(identitySizeBytes), fingerprint: reader.bytes(identitySizeBytes) };
}

function encodeCondition(out: ByteWriter, condition: Condition): void {
  switch (condition.kind) {
    case "absent":
      out.u8(conditionAbsent);
      break;
    case "exists":
      out.u8(conditionExists);
      break;
    case "version":
      out.u8(conditionVersion);
      out.varint(condition.versions.length);
      for (const version of condition.versions) encodeVersion(out, version);
  }
}

function decodeCondition(reader: ByteReader): Condition {
  const kind = reader.u8();
  if (kind === conditionAbsent) return { kind: "absent" };
  if (kind === conditionExists) return { kind: "exists" };
  if (kind !== conditionVersion) {
    throw new MalformedBytesError(`A condition has kind ${kind}, which is not known`);
  }
  const count = reader.varint();
  const versions: number[] = [];
  // Each costs eight bytes, so a wrong count ends at the end of the bytes.
  for (let index = 0; index < count; index++) versions.push(reader.u64());
  return { kind: "version", versions };
}

/** Returns a request id as a latin1 string, to be part of a tree key. */
export function requestIdText(request: RequestIdentity): string {
  return latin1Decode(request.id, 0, request.id.length);
}
