/**
 * Who still reads which version.
 *
 * A snapshot is a promise that what is visible at its version stays readable until it is released.
 * Here it is only known; whoever moves the watermark asks for the oldest one first. Holders carry a
 * kind and an owner, so that an operator can be told what holds VACUUM back.
 *
 * @module
 */
import { invariant } from "../env/mod.ts";

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
}

/** A held version. */
export interface Snapshot extends SnapshotHolder {
  /** Lets go. May be called again. */
  release(): void;
}

/** All snapshots of one tree. */
export class SnapshotRegistry {
  readonly #holders = new Map<number, SnapshotHolder>();
  #lastId = 0;
  /** The oldest held version; undefined where it has to be looked for. */
  #oldest: number | undefined = Infinity;

  /** How many there are. */
  get count(): number {
    return this.#holders.size;
  }

  /** Takes a snapshot. The caller has made sure that its version is still readable. */
  hold(request: Omit<SnapshotHolder, "id">): Snapshot {
    invariant(
      Number.isSafeInteger(request.version) && request.version >= 0,
      () => `A version is a safe integer: ${request.version}`,
    );
    const holder: SnapshotHolder = { ...request, id: ++this.#lastId };
    this.#holders.set(holder.id, holder);
    if (this.#oldest !== undefined) this.#oldest = Math.min(this.#oldest, holder.version);
    return { ...holder, release: () => this.#release(holder) };
  }

  /** Returns the oldest held version, or undefined where none is held. */
  oldestVersion(): number | undefined {
    if (this.#oldest === undefined) {
      this.#oldest = Infinity;
      for (const { version } of this.#holders.values()) {
        this.#oldest = Math.min(this.#oldest, version);
      }
    }
    return this.#oldest === Infinity ? undefined : this.#oldest;
  }

  /** Returns all holders, oldest version first. */
  holders(): SnapshotHolder[] {
    return [...this.#holders.values()].sort((left, right) =>
      left.version - right.version || left.id - right.id
    );
  }

  #release(holder: SnapshotHolder): void {
    if (!this.#holders.delete(holder.id)) return;
    if (this.#oldest === holder.version) this.#oldest = undefined;
  }
}
