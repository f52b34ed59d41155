/**
 * Who keeps versions in the database in memory, as operators see it.
 *
 * @module
 */
import type { Holder, KeyRange, SnapshotHold, SnapshotHolder } from "../../sharding/mod.ts";
import type { MemoryVersions } from "./memory_versions.ts";
import type { MemoryWatch } from "./memory_watch.ts";

/** A snapshot with what operators see of it. */
export interface MemoryHold extends SnapshotHold {
  isEnded: boolean;
  readonly holder: SnapshotHolder;
  readonly range: KeyRange;
  readonly heldAtMs: number;
  readonly onEnded: (() => void) | undefined;
}

/** What the list is made of. */
export interface HolderSources {
  readonly versions: MemoryVersions;
  readonly holds: Iterable<MemoryHold>;
  readonly watches: Iterable<MemoryWatch>;
  /** The version that retention keeps. */
  readonly retainedVersion: number;
  readonly nowMs: number;
}

/** Returns all that keep versions, the oldest version first: that one holds back. */
export function listHolders(sources: HolderSources): Holder[] {
  const { versions, holds, watches, retainedVersion: version, nowMs } = sources;
  const all: Omit<Holder, "isHoldingBack">[] = [
    { id: "retention", kind: "retention", owner: "", version, ageMs: undefined },
  ];
  for (const { prefix, oldestVersion } of versions.rules()) {
    all.push({
      id: `rule-${prefix}`,
      kind: "rule",
      owner: prefix,
      version: oldestVersion,
      ageMs: undefined,
    });
  }
  for (const { id, holder, version, heldAtMs } of holds) {
    all.push({ id, ...holder, version, ageMs: nowMs - heldAtMs });
  }
  for (const { id, owner, version } of watches) {
    all.push({ id, kind: "watch", owner, version, ageMs: 0 });
  }
  all.sort((left, right) => left.version - right.version);
  return all.map((holder, index) => ({ ...holder, isHoldingBack: index === 0 }));
}
