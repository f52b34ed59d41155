/**
 * Applies a revert: writes the value that a key had at a version once more.
 *
 * What VACUUM may have dropped must not decide anything, or replicas would differ. The tree answers
 * by the key's horizon, and under a rule that counts by what the rule has surely kept, never by what
 * happens to be there still.
 *
 * @module
 */
import { ByteWriter } from "../storage/env/mod.ts";
import { horizonOf, type Horizons, StorageError, userSpace } from "../storage/mod.ts";
import type { LoggedRevert } from "./command.ts";
import { holds } from "./condition.ts";
import type { CommandResult } from "./database.ts";
import type { Effects } from "./effects.ts";
import type { ReplicaStore } from "./replica_store.ts";
import { noReads } from "./result_codec.ts";
import { encodeHead, expiryOf, valueBodyStart, valueContentType } from "./value.ts";

/** What a revert works on. */
export interface RevertTarget {
  readonly store: ReplicaStore;
  readonly effects: Effects;
  readonly horizons: Horizons;
}

/** Applies a revert at `version`. */
export function applyRevert(
  command: LoggedRevert,
  version: number,
  target: RevertTarget,
): CommandResult {
  const { treeKey, condition, writer, ttlMicros } = command;
  const { store, effects } = target;
  const key = treeKey.slice(userSpace.length);
  if (condition !== undefined) {
    const current = store.get(treeKey, version)?.version;
    if (!holds(condition, current)) return { outcome: "condition_failed", current };
  }
  const found = valueAsOf(command, target);
  if (found === "vacuumed") {
    return { outcome: "version_vacuumed", oldestVersion: horizonOf(target.horizons, treeKey) };
  }
  if (found === undefined) return { outcome: "no_value", key };
  const out = new ByteWriter(found.length + 32);
  encodeHead(out, {
    contentType: valueContentType(found, 0, found.length),
    expiry: ttlMicros === undefined ? undefined : expiryOf(version, ttlMicros),
    writer,
  });
  out.bytes(found.subarray(valueBodyStart(found, 0, found.length)));
  effects.begin(version, { writer, changeCount: 1 });
  effects.set(treeKey, version, out.buffer, 0, out.length);
  return { outcome: "committed", version, deletedCount: 0, reads: noReads };
}

/** Returns the envelope that a key had; undefined where it had none. */
function valueAsOf(
  { treeKey, toVersion }: LoggedRevert,
  { store, horizons }: RevertTarget,
): Uint8Array | undefined | "vacuumed" {
  try {
    const found = store.get(treeKey, toVersion)?.bytes;
    // A tombstone behind the horizon may be there on this replica and gone on another.
    const isCertain = found !== undefined || toVersion >= horizonOf(horizons, treeKey);
    return isCertain ? found : "vacuumed";
  } catch (error) {
    if (error instanceof StorageError && error.code === "version_vacuumed") return "vacuumed";
    throw error;
  }
}
