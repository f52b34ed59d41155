/**
 * What keeps old versions from VACUUM, as an operator is told: snapshots, the node's retention and
 * the rules.
 *
 * @module
 */
import { type SnapshotHolder as TreeHolder, userSpace } from "../storage/mod.ts";
import type { Holder, RetentionTerm, RetentionView, SnapshotHolder } from "./database.ts";
import type { Replica } from "./replica.ts";

const retentionId = "retention";
const ruleIdStart = "rule:";

/** Returns everything that holds versions, oldest first. */
export function holdersOf(
  replica: Replica,
  tree: { readonly holders: readonly TreeHolder[]; readonly nowMs: number },
): Holder[] {
  const { closedVersion, retentionMicros, watermark } = replica;
  const retained = Math.max(watermark, closedVersion - retentionMicros);
  const snapshots = tree.holders.map((holder): Holder => ({
    id: String(holder.id),
    kind: holder.kind as SnapshotHolder["kind"],
    owner: holder.owner,
    version: holder.version,
    ageMs: tree.nowMs - holder.heldSinceMs,
    isHoldingBack: false,
  }));
  const wide = tree.holders.filter(({ isNarrow }) => !isNarrow).map(({ version }) => version);
  const oldest = Math.min(retained, ...wide);
  const all: Holder[] = [
    ...snapshots.map((holder, index) => ({
      ...holder,
      isHoldingBack: !tree.holders[index].isNarrow && holder.version === oldest &&
        oldest < retained,
    })),
    {
      id: retentionId,
      kind: "retention",
      owner: "",
      version: retained,
      ageMs: undefined,
      isHoldingBack: oldest === retained,
    },
    ...replica.horizons.rules.map((rule): Holder => ({
      id: ruleIdStart + rule.prefix.slice(userSpace.length),
      kind: "rule",
      owner: rule.prefix.slice(userSpace.length),
      version: rule.version,
      ageMs: undefined,
      isHoldingBack: false,
    })),
  ];
  return all.sort((left, right) => left.version - right.version);
}

/** Returns how long versions are kept. */
export function retentionOf(replica: Replica): RetentionView {
  const { horizons, retentionMicros, watermark } = replica;
  return {
    retentionMicros,
    oldestVersion: watermark,
    rules: horizons.rules.filter((rule) => !rule.isRetired).map((rule) => {
      const term: RetentionTerm = rule.versionCount > 0
        ? { kind: "versions", versionCount: rule.versionCount }
        : { kind: "duration", retentionMicros: rule.retentionMicros ?? 0 };
      return {
        prefix: rule.prefix.slice(userSpace.length),
        term,
        oldestVersion: rule.version,
      };
    }),
  };
}
