/**
 * Keys and versions as commands carry them, one way for all kinds of commands.
 *
 * ```
 * key:     varint length, tree key (the tag of user keys, then the user key)
 * version: u64, a safe integer
 * ```
 *
 * What does not fit is refused here, in front of the log: an entry that cannot be read back would end
 * the process that applies it, after every restart again.
 *
 * @module
 */
import type { ByteReader, ByteWriter } from "../storage/env/mod.ts";
import { invariant, MalformedBytesError } from "../storage/env/mod.ts";
import { keySizeBytesMax, userSpace } from "../storage/mod.ts";

/** Appends a user key with its tag. */
export function encodeUserKey(out: ByteWriter, key: string): void {
  invariant(
    key.length >= 1 && key.length <= keySizeBytesMax,
    () => `A key has 1 to ${keySizeBytesMax} bytes: ${key.length}`,
  );
  out.varint(key.length + userSpace.length);
  out.latin1(userSpace);
  out.latin1(key);
}

/** Reads a user key; its tag is part of what is returned. @throws {MalformedBytesError} */
export function decodeUserKey(reader: ByteReader): string {
  const treeKey = reader.latin1Prefixed();
  if (treeKey.length <= userSpace.length || treeKey[0] !== userSpace) {
    throw new MalformedBytesError(`A command names a key of ${treeKey.length} bytes without a tag`);
  }
  return treeKey;
}

/** Appends a version. `ByteReader.u64` reads it. */
export function encodeVersion(out: ByteWriter, version: number): void {
  invariant(
    Number.isSafeInteger(version) && version >= 0,
    () => `A version is a safe integer from 0 up: ${version}`,
  );
  out.u64(version);
}
