/**
 * The memtables of one tree: the one that is written to, and the frozen ones that wait for their
 * flush.
 *
 * Invariants:
 *
 *  1. A memtable is frozen between two applied entries only, so a flush never splits one.
 *  2. Versions never fall from one entry to the next: what is visible at a committed version never
 *     changes.
 *  3. Every version of a key in a newer memtable is above those in an older one.
 *
 * @module
 */
import type { AppliedState } from "./applied_state.ts";
import { checkFollows } from "./applied_state.ts";
import type { EntryKind } from "./cursor.ts";
import { invariant } from "./env/mod.ts";
import { Memtable } from "./lsm/memtable.ts";
import type { MemoryBudget, MemoryShare } from "./memory_budget.ts";
import { largestHorizon, withCounts } from "./mvcc/retention.ts";

/** A memtable on its way to the disk. */
export interface FrozenMemtable {
  /** Never written to any more. May be empty: then only the state is to be recorded. */
  readonly memtable: Memtable;
  /** The last entry in it. */
  readonly applied: AppliedState;
}

/** All writes of a tree that are not in an sstable yet. */
export class Memtables {
  readonly #sizeBytesMax: number;
  readonly #share: MemoryShare;
  readonly #onFreeze: () => void;
  #active = new Memtable();
  #frozen: FrozenMemtable[] = [];
  #applied: AppliedState;
  #largestHorizon: number;
  #newestVersion: number;
  #isMidEntry = false;

  /** @param options.onFreeze Called whenever there is one more to flush. */
  constructor(options: {
    applied: AppliedState;
    sizeBytesMax: number;
    budget: MemoryBudget;
    onFreeze: () => void;
  }) {
    this.#applied = options.applied;
    this.#largestHorizon = largestHorizon(options.applied.horizons);
    this.#newestVersion = options.applied.lastVersion;
    this.#sizeBytesMax = options.sizeBytesMax;
    this.#onFreeze = options.onFreeze;
    this.#share = options.budget.join(() => this.freeze());
  }

  /** The memtable that is written to. */
  get active(): Memtable {
    return this.#active;
  }

  /** Those that wait for their flush, newest first. */
  get frozen(): readonly FrozenMemtable[] {
    return this.#frozen;
  }

  /** As of the last commit. */
  get applied(): AppliedState {
    return this.#applied;
  }

  /** From this version on every key can be read, as of the last commit. */
  get largestHorizon(): number {
    return this.#largestHorizon;
  }

  /** No entry has a larger version. */
  get newestVersion(): number {
    return this.#newestVersion;
  }

  /** How full the active memtable is; above 1 when a large entry came last. */
  get fillFraction(): number {
    return this.#active.sizeBytes / this.#sizeBytesMax;
  }

  /** Bytes of all frozen memtables. */
  get frozenBytes(): number {
    return this.#frozen.reduce((total, { memtable }) => total + memtable.sizeBytes, 0);
  }

  /** Adds one write of the entry that is being applied. */
  write(
    key: string,
    version: number,
    kind: EntryKind,
    source: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { lastVersion } = this.#applied;
    invariant(version > lastVersion, () => `Versions rise: ${lastVersion}, then ${version}`);
    this.#isMidEntry = true;
    if (version > this.#newestVersion) this.#newestVersion = version;
    this.#active.put(key, version, kind, source, start, end);
  }

  /** Ends an entry, and completes its rules. Freezes where there is reason to. */
  commit(state: AppliedState): void {
    checkFollows(state, this.#applied);
    invariant(
      state.lastVersion >= this.#newestVersion,
      () => `A state covers its writes: ${state.lastVersion}, written ${this.#newestVersion}`,
    );
    const horizons = withCounts(state.horizons, this.#applied.horizons);
    this.#applied = horizons === state.horizons ? state : { ...state, horizons };
    this.#largestHorizon = largestHorizon(horizons);
    this.#newestVersion = state.lastVersion;
    this.#isMidEntry = false;
    if (this.#active.sizeBytes >= this.#sizeBytesMax) this.freeze();
    else this.#report();
  }

  /** Freezes what is there; a fresh memtable takes over. */
  freeze(): void {
    invariant(!this.#isMidEntry, "A memtable is frozen between two entries");
    this.#frozen.unshift({ memtable: this.#active, applied: this.#applied });
    this.#active = new Memtable();
    this.#report();
    this.#onFreeze();
  }

  /** Forgets the oldest frozen memtable: it is in the manifest now. */
  dropOldest(): void {
    invariant(this.#frozen.length > 0, "A memtable that was flushed was frozen");
    this.#frozen = this.#frozen.slice(0, -1);
    this.#report();
  }

  /** Gives the memory back. */
  close(): void {
    this.#share.leave();
  }

  #report(): void {
    this.#share.report(this.#active.sizeBytes, this.frozenBytes);
  }
}
