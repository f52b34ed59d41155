/**
 * Commands that are about no key of their own as bytes: retention rules, and what the leader of a
 * group does by itself. The layout is in `command_codec.ts`.
 *
 * @module
 */
import type { ByteReader, ByteWriter } from "../storage/env/mod.ts";
import { invariant, MalformedBytesError } from "../storage/env/mod.ts";
import { keySizeBytesMax, userSpace } from "../storage/mod.ts";
import type { LoggedRetention, RuleHorizon, UpkeepCommand } from "./command.ts";
import type { Command, RetentionTerm } from "./database.ts";
import { encodeVersion } from "./key_codec.ts";

const termNone = 0;
const termDuration = 1;
const termVersions = 2;

/** A command that names no key. */
export type KeylessCommand =
  | UpkeepCommand
  | Extract<Command, { kind: "set_retention" | "remove_retention" }>;

/** Appends what follows a command's head. */
export function encodeUpkeep(out: ByteWriter, command: KeylessCommand): void {
  switch (command.kind) {
    case "set_retention":
      out.latin1Prefixed(userSpace + command.prefix);
      encodeTerm(out, command.rule);
      break;
    case "remove_retention":
      out.latin1Prefixed(userSpace + command.prefix);
      out.u8(termNone);
      break;
    case "advance":
      out.varint(command.horizons.length);
      for (const { prefix, version } of command.horizons) {
        out.latin1Prefixed(prefix);
        encodeVersion(out, version);
      }
      break;
    case "expire":
      invariant(command.keyCountMax >= 1, () => `Keys go from one on: ${command.keyCountMax}`);
      out.u32(command.keyCountMax);
  }
}

type Decoded = {
  readonly retention: Pick<LoggedRetention, "kind" | "prefix" | "term">;
  readonly advance: Extract<UpkeepCommand, { kind: "advance" }>;
  readonly expire: Extract<UpkeepCommand, { kind: "expire" }>;
};

/** Reads what follows the head of a command of that kind, to the end. @throws {MalformedBytesError} */
export function decodeUpkeep<Kind extends keyof Decoded>(
  reader: ByteReader,
  kind: Kind,
): Decoded[Kind] {
  const decoded = decodeAny(reader, kind);
  reader.expectEnd();
  return decoded as Decoded[Kind];
}

function decodeAny(reader: ByteReader, kind: keyof Decoded): Decoded[keyof Decoded] {
  switch (kind) {
    case "retention":
      return { kind, prefix: decodePrefix(reader), term: decodeTerm(reader) };
    case "advance": {
      const horizons: RuleHorizon[] = [];
      // Each costs nine bytes, so a wrong count ends at the end of the bytes.
      for (let count = reader.varint(); count > 0; count--) {
        horizons.push({ prefix: decodePrefix(reader), version: reader.u64() });
      }
      return { kind, horizons };
    }
    case "expire": {
      const keyCountMax = reader.u32();
      if (keyCountMax === 0) throw new MalformedBytesError("An expire removes no key");
      return { kind, keyCountMax };
    }
  }
}

function encodeTerm(out: ByteWriter, term: RetentionTerm): void {
  if (term.kind === "duration") {
    out.u8(termDuration);
    out.varint(term.retentionMicros);
  } else {
    out.u8(termVersions);
    out.varint(term.versionCount);
  }
}

function decodeTerm(reader: ByteReader): RetentionTerm | undefined {
  const form = reader.u8();
  if (form === termNone) return undefined;
  const amount = reader.varint();
  if (form === termDuration) return { kind: "duration", retentionMicros: amount };
  if (form !== termVersions || amount === 0) {
    throw new MalformedBytesError(`A retention has form ${form} and amount ${amount}`);
  }
  return { kind: "versions", versionCount: amount };
}

function decodePrefix(reader: ByteReader): string {
  const prefix = reader.latin1Prefixed();
  if (prefix[0] !== userSpace || prefix.length > keySizeBytesMax + userSpace.length) {
    throw new MalformedBytesError(`A prefix of ${prefix.length} bytes is not one of user keys`);
  }
  return prefix;
}
