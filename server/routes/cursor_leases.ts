/**
 * The versions that lists hold between two of their pages.
 *
 * A lease is made when a list has more to come, put off by every page, and given up after the last
 * one or when its time has passed. There are at most `cursorCountMax` holds: a list beyond that
 * shares the hold of an older one, and so that there is one to share, the last hold is of all keys.
 * A token that this node holds no lease for (it was restarted, or had given it up) takes a new hold,
 * as long as its version is still kept, unless an operator has ended the lease.
 *
 * Invariants:
 *
 *  1. Every hold taken here is released exactly once, at the latest when the server stops.
 *  2. As long as a list's time has not passed, a hold at or below its version that covers its range
 *     is kept, unless an operator ends it: then the list is over.
 *
 * @module
 */
import { invariant } from "../../storage/env/mod.ts";
import { type KeyRange, ShardError, type SnapshotHold } from "../../sharding/mod.ts";
import type { AppContext } from "../context.ts";
import { RequestError } from "../errors.ts";
import type { Expiries } from "../middleware/expiries.ts";
import type { CursorToken } from "../wire/cursor_token.ts";
import { cursorLeaseMs } from "../wire/limits.ts";

/** What a list reads under, from page to page. */
export interface HeldCursor {
  /** Names the lease in the list's tokens. */
  readonly leaseId: number;
  /** The version that the list sees. */
  readonly snapshot: SnapshotHold;
}

/** What a list needs. */
export interface WantedCursor {
  /** Who asked. */
  readonly owner: string;
  /** Which version; the newest where it is left out. */
  readonly version?: number;
  /** The keys of all its pages. */
  readonly range: KeyRange;
}

/** A hold that keeps its version, and all above it, for the lists that name it. */
interface Lease {
  readonly id: number;
  readonly hold: SnapshotHold;
  /** The keys that are held. */
  readonly range: KeyRange;
  /** Whether more than one list may name it: then only time ends it. */
  isShared: boolean;
  expiresAtMs: number;
  readonly endsAtClosing: boolean;
  readonly onExpire: () => void;
}

const allKeys: KeyRange = {};

/** The leases of one node. */
export class CursorLeases {
  readonly #context: AppContext;
  readonly #expiries: Expiries;
  readonly #leases = new Map<number, Lease>();
  /** Those that an operator has ended, the last ones: their tokens take no new hold. */
  readonly #endedIds = new Set<number>();

  constructor(context: AppContext, expiries: Expiries) {
    this.#context = context;
    this.#expiries = expiries;
  }

  /** How many holds there are. */
  get count(): number {
    return this.#leases.size;
  }

  /**
   * Holds a version for a new list.
   *
   * @throws {RequestError} `overloaded`. @throws {ShardError} `version_vacuumed`.
   */
  open(wanted: WantedCursor): HeldCursor {
    return this.#open(freshId(), wanted);
  }

  /**
   * Returns what a token names, held anew where that is needed.
   *
   * @throws {RequestError} `cursor_expired`, `overloaded`, `invalid_request`.
   */
  async resume(
    token: CursorToken,
    asked: Omit<WantedCursor, "version"> & { readonly deadlineMs: number },
  ): Promise<HeldCursor> {
    if (this.#endedIds.has(token.leaseId)) throw cursorEnded();
    const lease = this.#leaseOf(token, asked.range);
    if (lease?.hold.version === token.version) return this.#again(lease, token.version);
    if (token.expiresAtMs < this.#nowMs()) throw expired();
    await this.#reach(token, asked.deadlineMs);
    const kept = this.#leaseOf(token, asked.range);
    if (kept !== undefined) return this.#again(kept, token.version);
    try {
      const id = this.#leases.has(token.leaseId) ? freshId() : token.leaseId;
      return this.#open(id, { ...asked, version: token.version });
    } catch (error) {
      if (error instanceof ShardError && error.code === "version_vacuumed") throw expired();
      throw error;
    }
  }

  /** Lets the version of a list that has ended go. Harmless the second time. */
  close(cursor: HeldCursor): void {
    const lease = this.#leases.get(cursor.leaseId);
    if (lease !== undefined && !lease.isShared) this.#end(lease);
  }

  /** Returns when a token made now expires, in milliseconds since the Unix epoch. */
  tokenExpiryMs(): number {
    return this.#nowMs() + cursorLeaseMs;
  }

  #open(id: number, wanted: WantedCursor): HeldCursor {
    if (this.#leases.size >= this.#context.config.cursorCountMax) return this.#share(wanted);
    const { hold, range } = this.#hold(id, wanted);
    const lease: Lease = {
      id,
      hold,
      range,
      isShared: false,
      expiresAtMs: 0,
      endsAtClosing: true,
      onExpire: () => this.#end(lease),
    };
    invariant(!this.#leases.has(id), () => `Lease ${id} is new`);
    this.#leases.set(id, lease);
    this.#putOff(lease);
    this.#expiries.add(lease);
    return cursorOf(lease, hold.version);
  }

  #hold(id: number, wanted: WantedCursor): { hold: SnapshotHold; range: KeyRange } {
    const { owner, version, range } = wanted;
    const hold = (held: KeyRange) => ({
      hold: this.#context.database.hold(holderOf(owner), {
        version,
        range: held,
        onEnded: () => this.#endByOperator(id),
      }),
      range: held,
    });
    if (this.#leases.size < this.#context.config.cursorCountMax - 1) return hold(range);
    try {
      return hold(allKeys);
    } catch (error) {
      if (!(error instanceof ShardError) || error.code !== "version_vacuumed") throw error;
      // Under a rule of their own, these keys may reach further back than the others.
      return hold(range);
    }
  }

  /**
   * Uses the youngest hold that keeps the version as well: nothing at or above a held version is
   * vacuumed, so lists that nobody reads to their end cannot use up the holds.
   */
  #share(wanted: WantedCursor): HeldCursor {
    const version = wanted.version ?? this.#newestVersion(wanted.owner);
    let youngest: Lease | undefined;
    for (const lease of this.#leases.values()) {
      if (lease.hold.version > version || !covers(lease.range, wanted.range)) continue;
      if (youngest === undefined || lease.hold.version > youngest.hold.version) youngest = lease;
    }
    if (youngest === undefined) {
      throw new RequestError("overloaded", "Cannot hold a version for the cursor: too many do");
    }
    youngest.isShared = true;
    return this.#again(youngest, version);
  }

  /** Returns the lease that keeps what a token names; `undefined` where there is none. */
  #leaseOf(token: CursorToken, range: KeyRange): Lease | undefined {
    const lease = this.#leases.get(token.leaseId);
    const isKept = lease !== undefined && lease.hold.version <= token.version &&
      covers(lease.range, range);
    return isKept ? lease : undefined;
  }

  #again(lease: Lease, version: number): HeldCursor {
    this.#putOff(lease);
    return cursorOf(lease, version);
  }

  #end(lease: Lease): void {
    if (!this.#leases.delete(lease.id)) return;
    this.#expiries.remove(lease);
    lease.hold.release();
  }

  #endByOperator(id: number): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    this.#end(lease);
    this.#endedIds.add(id);
    const [oldest] = this.#endedIds;
    if (this.#endedIds.size > this.#context.config.cursorCountMax) this.#endedIds.delete(oldest);
  }

  #putOff(lease: Lease): void {
    lease.expiresAtMs = this.#context.clock.monotonicMs() + cursorLeaseMs;
  }

  /** Only a forged token names a version that lies ahead of the clock. */
  async #reach(token: CursorToken, deadlineMs: number): Promise<void> {
    try {
      await this.#context.database.reach(token.version, { deadlineMs });
    } catch (error) {
      if (!(error instanceof ShardError) || error.code !== "version_to_come") throw error;
      throw new RequestError("invalid_request", "Cannot use the cursor: its version is to come", {
        parameter: "cursor",
      });
    }
  }

  #newestVersion(owner: string): number {
    const newest = this.#context.database.hold(holderOf(owner));
    newest.release();
    return newest.version;
  }

  #nowMs(): number {
    return Math.floor(this.#context.clock.wallMicros() / 1_000);
  }
}

/** Returns the refusal of a cursor whose hold an operator has ended. */
export function cursorEnded(): RequestError {
  return new RequestError(
    "cursor_expired",
    "Cannot use the cursor: an operator has let its version go",
  );
}

function holderOf(owner: string) {
  return { kind: "cursor", owner } as const;
}

function covers(outer: KeyRange, inner: KeyRange): boolean {
  const { start = "", end } = outer;
  return start <= (inner.start ?? "") &&
    (end === undefined || (inner.end !== undefined && inner.end <= end));
}

function cursorOf(lease: Lease, version: number): HeldCursor {
  const { id, hold } = lease;
  const snapshot: SnapshotHold = {
    id: hold.id,
    version,
    get isEnded() {
      return hold.isEnded;
    },
    // The lease lets go, never the list.
    release: () => {},
  };
  return { leaseId: id, snapshot };
}

function expired(): RequestError {
  return new RequestError(
    "cursor_expired",
    `Cannot use the cursor: it was kept for ${cursorLeaseMs / 1_000} s after its last page`,
  );
}

function freshId(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high & 0x1f_ffff) * 2 ** 32 + low;
}
