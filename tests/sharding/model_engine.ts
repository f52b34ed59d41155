/**
 * A ReplicaEngine over a sorted list, for tests of what drives a tree.
 *
 * @module
 */
import type { ReplicaEngine } from "../../sharding/replica.ts";
import {
  appliedNothing,
  type AppliedState,
  type HoldRequest,
  type Horizons,
  noHorizons,
  type Snapshot,
  type SnapshotHolder,
  type StorageError,
} from "../../storage/mod.ts";
import { coveringRule, horizonOver, withCounts } from "../../storage/mvcc/retention.ts";
import { checkFollows } from "../../storage/applied_state.ts";
import { SnapshotRegistry } from "../../storage/mvcc/snapshot.ts";
import { ModelStore } from "./model_store.ts";

/** Keeps everything in memory; durable is what `flush` has seen. */
export class ModelEngine extends ModelStore implements ReplicaEngine {
  applied: AppliedState = appliedNothing;
  durableIndex = 0;
  durableHorizons: Horizons = noHorizons;
  /** What upkeep is told of the tree's tables. */
  tableSizeBytes = 0;
  /** What upkeep is told of flushes and compactions. */
  failure: StorageError | undefined;
  /** What upkeep is told of the tree's memory. */
  memtableSizeBytes = 0;
  /** What upkeep is told that VACUUM could give back at such horizons. */
  reclaimable: (horizons: Horizons) => number = () => 0;
  flushCount = 0;
  #snapshots = new SnapshotRegistry();

  commit(state: AppliedState): void {
    checkFollows(state, this.applied);
    this.horizons = withCounts(state.horizons, this.applied.horizons);
    this.applied = { ...state, horizons: this.horizons };
  }

  hold(request: HoldRequest): Snapshot {
    const { range, readsChanges } = request;
    const isNarrow = range !== undefined && readsChanges !== true &&
      coveringRule(this.horizons, range) !== undefined;
    return this.#snapshots.hold(request, { heldSinceMs: 0, isNarrow });
  }

  reviewHolds(horizons: Horizons): void {
    this.#snapshots.review({
      horizonOver: ({ start, end }) => horizonOver(horizons, start, end),
      isCovered: (range) => coveringRule(horizons, range) !== undefined,
    });
  }

  endHold(id: number): boolean {
    return this.#snapshots.end(id);
  }

  holders(): SnapshotHolder[] {
    return this.#snapshots.holders();
  }

  oldestHeldVersion(): number | undefined {
    return this.#snapshots.oldestVersion();
  }

  oldestHeldVersionIn(prefix: string): number | undefined {
    return this.#snapshots.oldestVersionIn(prefix);
  }

  /** Forgets who holds what, as a process that ends does. */
  loseHolds(): void {
    this.#snapshots = new SnapshotRegistry();
  }

  reclaimableBytes(horizons: Horizons): number {
    return this.reclaimable(horizons);
  }

  admission(): Promise<void> | undefined {
    return undefined;
  }

  flush(): Promise<void> {
    this.flushCount++;
    this.durableIndex = this.applied.index;
    this.durableHorizons = this.horizons;
    return Promise.resolve();
  }
}
