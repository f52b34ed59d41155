/**
 * Commands as bytes, framed by hand: a put costs one pass over its key and one copy of its value.
 *
 * ```
 * u8  codec version (1)
 * u8  bits 0–3 kind: 1 put, 2 delete, 3 delete_range, 4 transaction, 5 revert, 6 retention,
 *     7 advance, 8 expire
 *     bit 4 a request identity follows, bit 5 a writer, bit 6 a condition (put, delete, revert)
 * [16 bytes request id, 16 bytes fingerprint]
 * [varint length, writer]                                  of a put the writer is in the envelope
 * put:           varint length, tree key | [condition] | value envelope, to the end
 * delete:        varint length, tree key | [condition]
 * delete_range:  varint length, first tree key | varint length, tree key behind | u32 key count
 * transaction:   see transaction_codec.ts
 * revert:        varint length, tree key | [condition] | u64 version | varint time to live + 1, or 0
 * retention:     varint length, beginning of tree keys | u8 0 none, 1 duration, 2 versions | varint
 * advance:       varint count of horizons: varint length, beginning of tree keys | u64 version
 * expire:        u32 key count
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
import type { CommandContext, LoggedCommand, LoggedPut, UpkeepCommand } from "./command.ts";
import { treeRange, userSpaceEnd } from "./command.ts";
import { decodeUserKey, encodeUserKey, encodeVersion } from "./key_codec.ts";
import { decodeTransaction, encodeTransaction } from "./transaction_codec.ts";
import { decodeUpkeep, encodeUpkeep } from "./upkeep_codec.ts";
import { encodeValue, valueBodyStart, valueWriter } from "./value.ts";

const codecVersion = 1;

const kindMask = 0x0f;
const flagRequest = 0x10;
const flagWriter = 0x20;
const flagCondition = 0x40;
const kindCodes = {
  put: 1,
  delete: 2,
  delete_range: 3,
  transaction: 4,
  revert: 5,
  set_retention: 6,
  remove_retention: 6,
  advance: 7,
  expire: 8,
} as const;

const conditionAbsent = 0;
const conditionExists = 1;
const conditionVersion = 2;

/** How many bytes a request id has, and a fingerprint. */
export const identitySizeBytes = 16;

/** Appends the bytes of a command. Everything it was given is copied. */
export function encodeCommand(
  out: ByteWriter,
  command: Command | UpkeepCommand,
  context: CommandContext,
): void {
  const { request, writer = "" } = context;
  const condition = "condition" in command ? command.condition : undefined;
  const hasWriter = writer !== "" && command.kind !== "put";
  out.u8(codecVersion);
  out.u8(
    kindCodes[command.kind] | (request === undefined ? 0 : flagRequest) |
      (hasWriter ? flagWriter : 0) | (condition === undefined ? 0 : flagCondition),
  );
  if (request !== undefined) encodeRequest(out, request);
  if (hasWriter) out.latin1Prefixed(writer);
  switch (command.kind) {
    case "put":
      encodeUserKey(out, command.key);
      if (condition !== undefined) encodeCondition(out, condition);
      encodeValue(out, command.value, writer);
      break;
    case "delete":
      encodeUserKey(out, command.key);
      if (condition !== undefined) encodeCondition(out, condition);
      break;
    case "delete_range":
      encodeRange(out, command);
      break;
    case "transaction":
      encodeTransaction(out, command, context);
      break;
    case "revert":
      encodeUserKey(out, command.key);
      if (condition !== undefined) encodeCondition(out, condition);
      encodeVersion(out, command.toVersion);
      out.varint(command.ttlMicros === undefined ? 0 : command.ttlMicros + 1);
      break;
    default:
      encodeUpkeep(out, command);
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
  const request = (head & flagRequest) === 0 ? undefined : decodeRequest(reader);
  const writer = (head & flagWriter) === 0 ? "" : reader.latin1Prefixed();
  const base = { request, writer };
  const conditionNow = () => (head & flagCondition) === 0 ? undefined : decodeCondition(reader);
  switch (head & kindMask) {
    case kindCodes.put:
      return decodePut(reader, { source, end, request, conditionNow });
    case kindCodes.delete: {
      const treeKey = decodeUserKey(reader);
      const condition = conditionNow();
      reader.expectEnd();
      return { kind: "delete", ...base, treeKey, condition };
    }
    case kindCodes.delete_range:
      return { kind: "delete_range", ...base, ...decodeRange(reader) };
    case kindCodes.transaction:
      return { kind: "transaction", ...base, ...decodeTransaction(reader, source) };
    case kindCodes.revert: {
      const treeKey = decodeUserKey(reader);
      const condition = conditionNow();
      const toVersion = reader.u64();
      const ttl = reader.varint();
      reader.expectEnd();
      const ttlMicros = ttl === 0 ? undefined : ttl - 1;
      return { kind: "revert", ...base, treeKey, condition, toVersion, ttlMicros };
    }
    case kindCodes.set_retention:
      return { ...base, ...decodeUpkeep(reader, "retention") };
    case kindCodes.advance:
      return { ...base, ...decodeUpkeep(reader, "advance") };
    case kindCodes.expire:
      return { ...base, ...decodeUpkeep(reader, "expire") };
    default:
      throw new MalformedBytesError(`A command has kind ${head & kindMask}, which is not known`);
  }
}

function decodePut(
  reader: ByteReader,
  part: {
    source: Uint8Array;
    end: number;
    request: RequestIdentity | undefined;
    conditionNow: () => Condition | undefined;
  },
): LoggedPut {
  const { source, end, request } = part;
  const treeKey = decodeUserKey(reader);
  const condition = part.conditionNow();
  const start = reader.position;
  valueBodyStart(source, start, end);
  const writer = valueWriter(source, start, end);
  return { kind: "put", request, writer, treeKey, condition, source, start, end };
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
