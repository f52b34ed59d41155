/**
 * One replica: the tree of a shard on this node, behind the StateMachine that its group drives.
 *
 * ```
 * group closes a batch ─▶ sealHeader: versions, window end, watermark
 * entry is committed   ─▶ apply:      commands in order ─▶ tree, change record, remembered requests
 *                                     then Engine.commit: index, versions and horizons in one step
 * readers              ─▶ the tree, at the newest version or under a held snapshot
 * ```
 *
 * Invariants:
 *
 *  1. The watermark never falls, never passes a held snapshot, and never passes the version that was
 *     newest when it was drawn: so the newest state can always be held.
 *  2. A hold is granted only at or above the largest watermark ever drawn, applied or not.
 *  3. Versions drawn after a start lie above every window that any entry carried.
 *  4. Entries are applied in log order, each once on top of what the manifest holds.
 *
 * @module
 */
import type { CommittedEntry, StateMachine } from "../consensus/mod.ts";
import { invariant } from "../storage/env/mod.ts";
import {
  type AppliedState,
  type Engine,
  nextWatermark,
  type VersionSource,
} from "../storage/mod.ts";
import { Applier, type ApplyCounts } from "./apply.ts";
import type { CommandResult, SnapshotHold, SnapshotHolder } from "./database.ts";
import { entryHeaderSizeBytes, readEntryHeader, writeEntryHeader } from "./entry_header.ts";
import { ShardError } from "./errors.ts";
import { decodeMachineState, encodeMachineState } from "./machine_state.ts";
import type { ReadStore, ReplicaStore } from "./replica_store.ts";
import { requestHorizon } from "./request_memory.ts";

/** What a replica asks of its tree. */
export type ReplicaEngine =
  & ReplicaStore
  & Pick<
    Engine,
    "applied" | "durableIndex" | "commit" | "hold" | "oldestHeldVersion" | "admission" | "flush"
  >;

/** What a replica is made of. */
export interface ReplicaConfig {
  readonly engine: ReplicaEngine;
  readonly versions: VersionSource;
  /** How long old versions stay readable. */
  readonly retentionMs: number;
}

/** A {@linkcode StateMachine} over one tree. */
export class Replica implements StateMachine<CommandResult> {
  readonly headerSizeBytes = entryHeaderSizeBytes;
  readonly #engine: ReplicaEngine;
  readonly #versions: VersionSource;
  readonly #retentionMicros: number;
  readonly #applier: Applier;
  #windowEnd: number;
  #watermarkDrawn: number;
  #isSource = false;

  constructor(config: ReplicaConfig) {
    this.#engine = config.engine;
    this.#versions = config.versions;
    this.#retentionMicros = Math.floor(config.retentionMs * 1_000);
    this.#applier = new Applier(config.engine);
    this.#windowEnd = decodeMachineState(config.engine.applied.machine).windowEnd;
    this.#watermarkDrawn = config.engine.applied.horizons.userVersion;
  }

  get appliedIndex(): number {
    return this.#engine.applied.index;
  }

  get appliedTerm(): number {
    return this.#engine.applied.term;
  }

  get durableIndex(): number {
    return this.#engine.durableIndex;
  }

  /** The version of the last command applied: what a linearizable read looks at. */
  get lastVersion(): number {
    return this.#engine.applied.lastVersion;
  }

  /** The oldest version that may be read, held or not yet. */
  get watermark(): number {
    return Math.max(this.#watermarkDrawn, this.#engine.applied.horizons.userVersion);
  }

  /** What was applied since the start. */
  get counts(): Readonly<ApplyCounts> {
    return this.#applier.counts;
  }

  /** The tree, for reads. */
  get store(): ReadStore {
    return this.#engine;
  }

  sealHeader(target: Uint8Array, position: number, commandCount: number): void {
    if (!this.#isSource) {
      // Everything in the log has been applied by now, so the last window is known.
      this.#versions.startAbove(Math.max(this.#windowEnd, this.lastVersion));
      this.#isSource = true;
    }
    const { base, windowEnd } = this.#versions.take(commandCount);
    invariant(base > this.lastVersion, () => `${base} follows ${this.lastVersion}`);
    this.#watermarkDrawn = this.#drawWatermark(base);
    writeEntryHeader(target, position, { base, windowEnd, watermark: this.#watermarkDrawn });
  }

  apply(entry: CommittedEntry): CommandResult[] {
    const before = this.#engine.applied;
    invariant(entry.index === before.index + 1, () => `${entry.index} follows ${before.index}`);
    const header = readEntryHeader(entry.payload);
    invariant(header.base > before.lastVersion, () => `${header.base} over ${before.lastVersion}`);
    invariant(
      header.watermark >= before.horizons.userVersion,
      () => `The watermark falls from ${before.horizons.userVersion} to ${header.watermark}`,
    );
    const { lastVersion, results } = this.#applier.apply(entry.payload);
    this.#windowEnd = Math.max(this.#windowEnd, header.windowEnd);
    const state: AppliedState = {
      index: entry.index,
      term: entry.term,
      lastVersion,
      horizons: {
        userVersion: header.watermark,
        changeVersion: header.watermark,
        requestVersion: Math.max(before.horizons.requestVersion, requestHorizon(lastVersion)),
      },
      machine: encodeMachineState({ windowEnd: this.#windowEnd }),
    };
    this.#engine.commit(state);
    return results;
  }

  admission(): Promise<void> | undefined {
    return this.#engine.admission();
  }

  flush(): Promise<void> {
    return this.#engine.flush();
  }

  /**
   * Holds a version for a reader; the newest where none is given.
   *
   * @throws {ShardError} `version_vacuumed` below the watermark and above the newest version.
   */
  hold(holder: SnapshotHolder, version: number = this.lastVersion): SnapshotHold {
    if (version < this.watermark || version > this.lastVersion) {
      throw new ShardError(
        "version_vacuumed",
        `Cannot read at version ${version}: kept are ${this.watermark} to ${this.lastVersion}`,
      );
    }
    const held = this.#engine.hold({ version, kind: holder.kind, owner: holder.owner });
    return { id: String(held.id), version: held.version, release: () => held.release() };
  }

  #drawWatermark(base: number): number {
    const oldestHeldVersion = this.#engine.oldestHeldVersion();
    const drawn = nextWatermark({
      current: this.watermark,
      // The newest version can be held at any time, so the watermark stays at or below it.
      closedVersion: Math.min(base, this.lastVersion + this.#retentionMicros),
      retentionMicros: this.#retentionMicros,
      oldestHeldVersion,
    });
    invariant(
      oldestHeldVersion === undefined || drawn <= oldestHeldVersion,
      () => `The watermark ${drawn} passes a snapshot at ${oldestHeldVersion}`,
    );
    return drawn;
  }
}
