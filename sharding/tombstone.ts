/**
 * What a tombstone says beside that the key has no value: why, and who wrote it.
 *
 * ```
 * u8 cause: 0 deleted, 1 expired | writer, to the end (writer.ts)
 * ```
 *
 * No bytes at all are a delete by nobody. On disk since format 1: never renumber.
 *
 * @module
 */
import { ByteWriter, latin1Decode } from "../storage/env/mod.ts";

/** Why a key has no value any more. On disk since format 1: never renumber. */
export const TombstoneCause = {
  /** It was deleted. */
  deleted: 0,
  /** Its time had passed. */
  expired: 1,
} as const;

/** One of {@linkcode TombstoneCause}. */
export type TombstoneCause = typeof TombstoneCause[keyof typeof TombstoneCause];

/** Returns a tombstone's bytes, owned by the caller. */
export function encodeTombstone(cause: TombstoneCause, writer: string): Uint8Array {
  const out = new ByteWriter(1 + writer.length);
  out.u8(cause);
  out.latin1(writer);
  return out.copy();
}

/** Returns what the bytes [start, end) of a tombstone say. */
export function decodeTombstone(
  source: Uint8Array,
  start: number,
  end: number,
): { readonly isExpired: boolean; readonly writer: string } {
  if (start === end) return { isExpired: false, writer: "" };
  return {
    isExpired: source[start] === TombstoneCause.expired,
    writer: latin1Decode(source, start + 1, end),
  };
}
