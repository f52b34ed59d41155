/**
 * Builds entries as a group would, for tests that apply without one.
 *
 * @module
 */
import type { CommandContext, UpkeepCommand } from "../../sharding/command.ts";
import { encodeCommand } from "../../sharding/command_codec.ts";
import type { Command } from "../../sharding/database.ts";
import {
  type EntryHeader,
  entryHeaderSizeBytes,
  writeEntryHeader,
} from "../../sharding/entry_header.ts";
import { ByteWriter } from "../../storage/env/mod.ts";

/** A command with what goes into the log beside it. */
export interface DraftCommand extends Partial<CommandContext> {
  readonly command: Command | UpkeepCommand;
}

/** The value limit of drafts that name none. */
export const draftValueSizeBytesMax = 100;

/** Returns an entry's payload: the header, then each command behind its length. */
export function buildEntry(
  header: Partial<EntryHeader> & Pick<EntryHeader, "base">,
  drafts: readonly DraftCommand[],
): Uint8Array {
  const out = new ByteWriter();
  out.reserve(entryHeaderSizeBytes);
  for (const { command, ...context } of drafts) {
    const start = out.reserve(4);
    encodeCommand(out, command, { valueSizeBytesMax: draftValueSizeBytesMax, ...context });
    out.u32At(start, out.length - start - 4);
  }
  const payload = out.copy();
  writeEntryHeader(payload, 0, { windowEnd: header.base, watermark: 0, ...header });
  return payload;
}

/** Returns a put of text. */
export function putText(key: string, text: string, contentType = "text/plain"): Command {
  return { kind: "put", key, value: { bytes: new TextEncoder().encode(text), contentType } };
}

/** Returns a transaction of the parts given. */
export function transaction(
  parts: Partial<Extract<Command, { kind: "transaction" }>>,
): Extract<Command, { kind: "transaction" }> {
  return { kind: "transaction", checks: [], mutations: [], reads: [], ...parts };
}

/** Returns a request identity of two fill bytes. */
export function identity(id: number, fingerprint: number) {
  return {
    id: new Uint8Array(16).fill(id),
    fingerprint: new Uint8Array(16).fill(fingerprint),
  };
}
