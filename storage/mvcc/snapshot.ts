/**
 * Who still reads which version.
 *
 * A snapshot is a promise that what is visible at its version stays readable until it is released,
 * or ended by an operator. Here it is only known; whoever moves a horizon asks for the oldest one
 * first. Holders carry a kind and an owner, so that an operator can be told what holds VACUUM back.
 *
 * A snapshot whose range lay under one retention rule when it was taken is **narrow**: it keeps that
 * rule's horizon back and not the watermark; where the rule goes it ends, or is narrow no more. All others
 * keep back every horizon that they touch.
 * Once that rule has been retired and the watermark, which does not wait, has taken over from it, what
 * is held narrowly below the watermark can be read no more: the promise went with the rule.
 *
 * @module
 */
import { invariant } from "../env/mod.ts";
import type { TreeRange } from "./retention.ts";
import { touchesPrefix } from "./retention.ts";

/** What a holder is, for an operator's eyes. */
export interface SnapshotHolder {
  /** Unique while the process runs. */
  readonly id: number;
  /** The version that stays readable. */
  readonly version: number;
  /** What sort of reader it is, such as `cursor` or `backup`. */
  readonly kind: string;
  /** Who reads. */
  readonly owner: string;
  /** When it was taken, by the monotonic clock, in milliseconds. */
  readonly heldSinceMs: number;
  /** The tree keys that are read; undefined for all. */
  readonly range?: TreeRange;
  /** Whether one retention rule is over all of its range, so that the watermark may pass it. */
  readonly isNarrow: boolean;
}

/** What a reader asks to be held. */
export interface HoldRequest extends Omit<SnapshotHolder, "id" | "heldSinceMs" | "isNarrow"> {
  /** Whether change records are read too: then it is never narrow. */
  readonly readsChanges?: boolean;
  /** Called once where somebody else ends the snapshot; never for `release()`. */
  onEnded?(): void;
}

/** A held version. */
export interface Snapshot extends SnapshotHolder {
  /** Whether an operator took the promise back: what is read from now on may be refused. */
  readonly isEnded: boolean;
  /** Lets go. May be called again. */
  release(): void;
}

interface Held {
  holder: SnapshotHolder;
  readonly onEnded: (() => void) | undefined;
  isEnded: boolean;
}

/** All snapshots of one tree. */
export class SnapshotRegistry {
  readonly #held = new Map<number, Held>();
  #lastId = 0;
  /** The oldest version that is not held narrowly; undefined where it has to be looked for. */
  #oldest: number | undefined = Infinity;

  /** How many there are. */
  get count(): number {
    return this.#held.size;
  }

  /**
   * Takes a snapshot. The caller has made sure that its version is still readable.
   *
   * @param options.isNarrow Whether one retention rule is over all of its range.
   */
  hold(request: HoldRequest, options: { heldSinceMs: number; isNarrow: boolean }): Snapshot {
    const { version, kind, owner, range } = request;
    invariant(
      Number.isSafeInteger(version) && version >= 0,
      () => `A version is a safe integer: ${version}`,
    );
    const { heldSinceMs, isNarrow } = options;
    const id = ++this.#lastId;
    const holder: SnapshotHolder = { id, version, kind, owner, heldSinceMs, range, isNarrow };
    const onEnded = request.onEnded?.bind(request);
    const held: Held = { holder, onEnded, isEnded: false };
    this.#held.set(holder.id, held);
    if (!isNarrow && this.#oldest !== undefined) this.#oldest = Math.min(this.#oldest, version);
    return {
      ...holder,
      get isEnded() {
        return held.isEnded;
      },
      release: () => void this.#remove(holder.id),
    };
  }

  /** Takes a promise back and tells its holder. @returns Whether there was such a snapshot. */
  end(id: number): boolean {
    const held = this.#remove(id);
    if (held === undefined) return false;
    held.isEnded = true;
    held.onEnded?.();
    return true;
  }

  /**
   * Looks at the narrow snapshots anew, because rules have changed. One whose version is not kept any
   * more ends; one over whose range no rule is any more keeps the watermark back from now on.
   */
  review(now: {
    horizonOver(range: TreeRange): number;
    isCovered(range: TreeRange): boolean;
  }): void {
    for (const held of [...this.#held.values()]) {
      const { id, version, range, isNarrow } = held.holder;
      if (!isNarrow || range === undefined) continue;
      if (version < now.horizonOver(range)) {
        this.end(id);
      } else if (!now.isCovered(range)) {
        held.holder = { ...held.holder, isNarrow: false };
        this.#oldest = undefined;
      }
    }
  }

  /** Returns the oldest version that keeps the watermark back, or undefined where none does. */
  oldestVersion(): number | undefined {
    this.#oldest ??= this.#oldestOf(({ holder }) => !holder.isNarrow);
    return this.#oldest === Infinity ? undefined : this.#oldest;
  }

  /** Returns the oldest version that is held of any tree key with a prefix; undefined for none. */
  oldestVersionIn(prefix: string): number | undefined {
    const oldest = this.#oldestOf(({ holder: { range } }) =>
      range === undefined || touchesPrefix(range, prefix)
    );
    return oldest === Infinity ? undefined : oldest;
  }

  /** Returns all holders, oldest version first. */
  holders(): SnapshotHolder[] {
    return [...this.#held.values()].map(({ holder }) => holder).sort((left, right) =>
      left.version - right.version || left.id - right.id
    );
  }

  #oldestOf(counts: (held: Held) => boolean): number {
    let oldest = Infinity;
    for (const held of this.#held.values()) {
      if (held.holder.version < oldest && counts(held)) oldest = held.holder.version;
    }
    return oldest;
  }

  #remove(id: number): Held | undefined {
    const held = this.#held.get(id);
    this.#held.delete(id);
    if (held !== undefined && this.#oldest === held.holder.version) this.#oldest = undefined;
    return held;
  }
}
