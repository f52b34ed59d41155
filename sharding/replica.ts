/**
 * One replica: the tree of a shard on this node, behind the StateMachine that its group drives.
 *
 * ```
 * group closes a batch ─▶ sealHeader: versions, window end, watermark
 * entry is committed   ─▶ apply:      commands in order ─▶ tree, change record, remembered requests
 *                                     then Engine.commit: index, versions and horizons in one step
 * readers              ─▶ the tree, at the closed version or under a held snapshot
 * ```
 *
 * The **closed version** is what nothing will commit at or below any more: the last version applied,
 * or the time, as far as the windows in the log reach, while nothing is on its way. So a value's time
 * passes for a linearizable read though nobody writes.
 *
 * Invariants:
 *
 *  1. No horizon ever falls, passes a held snapshot that it concerns, or passes the version that was
 *     newest when it was drawn: so the newest state can always be held.
 *  2. A hold is granted only at or above the largest horizons ever drawn, applied or not.
 *  3. Versions drawn after a start lie above every window that any entry carried.
 *  4. Entries are applied in log order, each once on top of what the manifest holds.
 *  5. The closed version never falls, over restarts too, and lies below the versions of all that is
 *     sealed and not applied.
 *
 * @module
 */
import type { CommittedEntry, StateMachine } from "../consensus/mod.ts";
import { invariant } from "../storage/env/mod.ts";
import {
  type AppliedState,
  type Engine,
  horizonOver,
  type Horizons,
  nextWatermark,
  type VersionSource,
} from "../storage/mod.ts";
import { Applier, type ApplyCounts, type WrittenRecord } from "./apply.ts";
import type { UpkeepState } from "./apply_upkeep.ts";
import { type RuleHorizon, treeRange } from "./command.ts";
import type { CommandResult, HoldOptions, SnapshotHold, SnapshotHolder } from "./database.ts";
import { entryHeaderSizeBytes, readEntryHeader, writeEntryHeader } from "./entry_header.ts";
import { ShardError } from "./errors.ts";
import { decodeMachineState, encodeMachineState } from "./machine_state.ts";
import type { ReadStore, ReplicaStore } from "./replica_store.ts";
import { requestHorizon } from "./request_memory.ts";
import { withAdvancedRules, withoutSpentRules } from "./retention_rules.ts";

/** What a replica asks of its tree. */
export type ReplicaEngine =
  & ReplicaStore
  & Pick<
    Engine,
    | "applied"
    | "durableIndex"
    | "commit"
    | "hold"
    | "oldestHeldVersion"
    | "oldestHeldVersionIn"
    | "reviewHolds"
    | "admission"
    | "flush"
  >;

/** Is told of every entry that was applied, before anybody is answered. */
export interface ReplicaObserver {
  /** Whether it wants the change records. */
  readonly wantsRecords: boolean;
  /** @param entry `earliestDue` is the earliest expiry that was written; `Infinity` where none was. */
  applied(entry: {
    readonly records: readonly WrittenRecord[];
    readonly earliestDue: number;
  }): void;
}

/** What a replica is made of. */
export interface ReplicaConfig {
  readonly engine: ReplicaEngine;
  readonly versions: VersionSource;
  /** How long old versions stay readable where no rule says otherwise. */
  readonly retentionMs: number;
}

const noRecords: readonly WrittenRecord[] = [];

/** A {@linkcode StateMachine} over one tree. */
export class Replica implements StateMachine<CommandResult> {
  readonly headerSizeBytes = entryHeaderSizeBytes;
  readonly #engine: ReplicaEngine;
  readonly #versions: VersionSource;
  readonly #retentionMicros: number;
  readonly #applier: Applier;
  #windowEnd: number;
  #expiryPosition: string;
  #watermarkDrawn: number;
  /** What was drawn for each rule and may not have been applied yet. */
  readonly #rulesDrawn = new Map<string, number>();
  #isSource = false;
  /** How many entries were sealed and are neither applied nor given up. */
  #sealedCount = 0;
  #closed = 0;
  #observer: ReplicaObserver | undefined;

  constructor(config: ReplicaConfig) {
    this.#engine = config.engine;
    this.#versions = config.versions;
    this.#retentionMicros = Math.floor(config.retentionMs * 1_000);
    this.#applier = new Applier(config.engine);
    const { windowEnd, expiryPosition } = decodeMachineState(config.engine.applied.machine);
    this.#windowEnd = windowEnd;
    this.#expiryPosition = expiryPosition;
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

  /** The version of the last command applied. */
  get lastVersion(): number {
    return this.#engine.applied.lastVersion;
  }

  /**
   * What a linearizable read looks at: nothing will commit at or below it. Asked for only once all
   * that the log holds has been applied.
   */
  get closedVersion(): number {
    if (this.#sealedCount === 0) {
      this.#becomeSource();
      // Versions of an entry that the log refused lie above the window, which holds all the same.
      const closed = Math.min(this.#versions.close(this.#windowEnd), this.#windowEnd);
      this.#closed = Math.max(this.#closed, closed);
    }
    return Math.max(this.lastVersion, this.#closed);
  }

  /** The time as versions have it: what lies above it is still to come. */
  get versionNow(): number {
    return this.#versions.now();
  }

  /** The oldest version that may be read where no rule says otherwise, held or not yet. */
  get watermark(): number {
    return Math.max(this.#watermarkDrawn, this.#engine.applied.horizons.userVersion);
  }

  /** How far back reads are promised where no rule says otherwise. */
  get retentionMicros(): number {
    return this.#retentionMicros;
  }

  /** The horizons, drawn and perhaps not applied yet. */
  get horizons(): Horizons {
    const applied = { ...this.#engine.applied.horizons, userVersion: this.watermark };
    const advances = [...this.#rulesDrawn].map(([prefix, version]) => ({ prefix, version }));
    return withAdvancedRules(applied, advances);
  }

  /** Where the index of expiries is looked at next: a tree key; "" before the first. */
  get expiryPosition(): string {
    return this.#expiryPosition;
  }

  /** What was applied since the start. */
  get counts(): Readonly<ApplyCounts> {
    return this.#applier.counts;
  }

  /** The tree, for reads. */
  get store(): ReadStore {
    return this.#engine;
  }

  /** Has somebody told of every entry from now on. */
  observe(observer: ReplicaObserver): void {
    invariant(this.#observer === undefined, "A replica has one observer");
    this.#observer = observer;
  }

  sealHeader(target: Uint8Array, position: number, commandCount: number): void {
    this.#becomeSource();
    const { base, windowEnd } = this.#versions.take(commandCount);
    invariant(base > this.lastVersion, () => `${base} follows ${this.lastVersion}`);
    invariant(base > this.#closed, () => `${base} lies above the closed ${this.#closed}`);
    this.#watermarkDrawn = this.#drawWatermark(base);
    this.#sealedCount++;
    writeEntryHeader(target, position, { base, windowEnd, watermark: this.#watermarkDrawn });
  }

  abandon(): void {
    invariant(this.#sealedCount > 0, "What is given up was sealed");
    this.#sealedCount--;
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
    const records: WrittenRecord[] | undefined = this.#observer?.wantsRecords ? [] : undefined;
    const applied = this.#applier.apply(entry.payload, {
      state: { horizons: before.horizons, expiryPosition: this.#expiryPosition },
      records,
    });
    this.#windowEnd = Math.max(this.#windowEnd, header.windowEnd);
    this.#expiryPosition = applied.state.expiryPosition;
    const state: AppliedState = {
      index: entry.index,
      term: entry.term,
      lastVersion: applied.lastVersion,
      horizons: this.#horizonsAfter(applied.state, {
        watermark: header.watermark,
        lastVersion: applied.lastVersion,
      }),
      machine: encodeMachineState({
        windowEnd: this.#windowEnd,
        expiryPosition: this.#expiryPosition,
      }),
    };
    this.#engine.commit(state);
    if (state.horizons.rules !== before.horizons.rules) this.#engine.reviewHolds(this.horizons);
    // What is replayed was sealed by the process before.
    if (this.#sealedCount > 0) this.#sealedCount--;
    this.#observer?.applied({ records: records ?? noRecords, earliestDue: applied.earliestDue });
    return applied.results;
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
   * @throws {ShardError} `version_vacuumed` below what is kept of the range; `version_to_come` above
   * the closed version.
   */
  hold(holder: SnapshotHolder, options: HoldOptions = {}): SnapshotHold {
    const { closedVersion } = this;
    const { version = closedVersion, readsChanges, onEnded } = options;
    if (version > closedVersion) {
      throw new ShardError(
        "version_to_come",
        `Cannot read at version ${version}: the newest is ${closedVersion}`,
      );
    }
    const range = options.range === undefined ? undefined : treeRange(options.range);
    const oldestVersion = Math.max(
      this.#oldestReadable(range),
      readsChanges === true ? this.watermark : 0,
    );
    if (version < oldestVersion) {
      throw new ShardError(
        "version_vacuumed",
        `Cannot read at version ${version}: kept are those from ${oldestVersion} on`,
        { oldestVersion },
      );
    }
    const held = this.#engine.hold({
      version,
      kind: holder.kind,
      owner: holder.owner,
      range,
      readsChanges,
      onEnded,
    });
    return {
      id: String(held.id),
      version: held.version,
      get isEnded() {
        return held.isEnded;
      },
      release: () => held.release(),
    };
  }

  /**
   * Draws how far the rules may be vacuumed: what an `advance` is to carry. From now on no hold is
   * granted below.
   */
  drawRuleHorizons(): RuleHorizon[] {
    // What was drawn for a rule that is gone counts as long as it may be on its way: one that is set
    // anew would take it.
    const prefixes = new Set(this.#engine.applied.horizons.rules.map(({ prefix }) => prefix));
    for (const prefix of this.#rulesDrawn.keys()) {
      if (!prefixes.has(prefix)) this.#rulesDrawn.delete(prefix);
    }
    const drawn: RuleHorizon[] = [];
    for (const { prefix, version } of this.wantedRuleHorizons()) {
      this.#rulesDrawn.set(prefix, version);
      drawn.push({ prefix, version });
    }
    return drawn;
  }

  /** Returns the rules whose horizons could move on, and how far. */
  wantedRuleHorizons(): RuleHorizon[] {
    const { rules } = this.#engine.applied.horizons;
    if (rules.length === 0) return [];
    const { versionNow, lastVersion } = this;
    const wanted: RuleHorizon[] = [];
    for (const rule of rules) {
      if (rule.isRetired) continue;
      const version = Math.min(
        versionNow - (rule.retentionMicros ?? 0),
        // The newest version can be held at any time.
        lastVersion,
        this.#engine.oldestHeldVersionIn(rule.prefix) ?? Infinity,
      );
      if (version > rule.version) wanted.push({ prefix: rule.prefix, version });
    }
    return wanted;
  }

  /** Returns the watermark that an entry sealed now would carry. */
  wantedWatermark(): number {
    // By the clock: where nobody writes the closed version stands still.
    return this.#drawWatermark(Math.max(this.versionNow, this.lastVersion + 1));
  }

  #becomeSource(): void {
    if (this.#isSource) return;
    // Everything in the log has been applied by now, so the last window is known.
    this.#versions.startAbove(Math.max(this.#windowEnd, this.lastVersion));
    // The process before may have closed as much, and nothing begins below it any more.
    this.#closed = this.#windowEnd;
    this.#isSource = true;
  }

  #oldestReadable(range: { readonly start: string; readonly end: string } | undefined): number {
    const { rules } = this.#engine.applied.horizons;
    if (rules.length === 0) return this.watermark;
    const { start, end } = range ?? treeRange({});
    return horizonOver(this.horizons, start, end);
  }

  #horizonsAfter(
    state: UpkeepState,
    now: { readonly watermark: number; readonly lastVersion: number },
  ): Horizons {
    const { horizons } = state;
    const moved: Horizons = {
      userVersion: now.watermark,
      changeVersion: now.watermark,
      requestVersion: Math.max(horizons.requestVersion, requestHorizon(now.lastVersion)),
      expiryVersion: horizons.expiryVersion,
      rules: horizons.rules,
    };
    return withoutSpentRules(moved);
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
