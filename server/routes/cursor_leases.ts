/**
 * The versions that lists hold between two of their pages.
 *
 * A lease is made when a list has more to come, put off by every page, and given up after the last
 * one or when its time has passed. There are at most `cursorCountMax` holds: a list beyond that
 * shares the hold of an older one. A token that this node holds no lease for (it was restarted, or
 * had given it up) takes a new hold, as long as its version is still kept.
 *
 * Invariants:
 *
 *  1. Every hold taken here is released exactly once, at the latest when the server stops.
 *  2. As long as a list's time has not passed, a hold at or below its version is kept.
 *
 * @module
 */
import { invariant } from "../../storage/env/mod.ts";
import { ShardError, type SnapshotHold } from "../../sharding/mod.ts";
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

/** A hold that keeps its version, and all above it, for the lists that name it. */
interface Lease {
  readonly id: number;
  readonly hold: SnapshotHold;
  /** Whether more than one list may name it: then only time ends it. */
  isShared: boolean;
  expiresAtMs: number;
  readonly endsAtClosing: boolean;
  readonly onExpire: () => void;
}

/** The leases of one node. */
export class CursorLeases {
  readonly #context: AppContext;
  readonly #expiries: Expiries;
  readonly #leases = new Map<number, Lease>();

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
   * @param owner Who asked. @param version Which; the newest where it is left out.
   * @throws {RequestError} `overloaded`. @throws {ShardError} `version_vacuumed`.
   */
  open(owner: string, version?: number): HeldCursor {
    return this.#open({ id: freshId(), owner, version });
  }

  /**
   * Returns what a token names, held anew where that is needed.
   *
   * @throws {RequestError} `cursor_expired`, `overloaded`, `invalid_request`.
   */
  resume(token: CursorToken, owner: string): HeldCursor {
    const lease = this.#leases.get(token.leaseId);
    if (lease !== undefined && lease.hold.version === token.version) {
      this.#putOff(lease);
      return cursorOf(lease, token.version);
    }
    if (token.expiresAtMs < this.#nowMs()) throw expired();
    try {
      this.#refuseFuture(token, owner);
      if (lease !== undefined && lease.hold.version < token.version) {
        this.#putOff(lease);
        return cursorOf(lease, token.version);
      }
      const id = lease === undefined ? token.leaseId : freshId();
      return this.#open({ id, owner, version: token.version });
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

  #open(
    wanted: { readonly id: number; readonly owner: string; readonly version?: number },
  ): HeldCursor {
    if (this.#leases.size >= this.#context.config.cursorCountMax) return this.#share(wanted);
    const lease: Lease = {
      id: wanted.id,
      hold: this.#context.database.hold(holderOf(wanted.owner), wanted.version),
      isShared: false,
      expiresAtMs: 0,
      endsAtClosing: true,
      onExpire: () => this.#end(lease),
    };
    invariant(!this.#leases.has(lease.id), () => `Lease ${lease.id} is new`);
    this.#leases.set(lease.id, lease);
    this.#putOff(lease);
    this.#expiries.add(lease);
    return cursorOf(lease, lease.hold.version);
  }

  /**
   * Uses the youngest hold that keeps the version as well: nothing at or above a held version is
   * vacuumed, so lists that nobody reads to their end cannot use up the holds.
   */
  #share(wanted: { readonly owner: string; readonly version?: number }): HeldCursor {
    const version = wanted.version ?? this.#newestVersion(wanted.owner);
    let youngest: Lease | undefined;
    for (const lease of this.#leases.values()) {
      if (lease.hold.version > version) continue;
      if (youngest === undefined || lease.hold.version > youngest.hold.version) youngest = lease;
    }
    if (youngest === undefined) {
      throw new RequestError("overloaded", "Cannot hold a version for the cursor: too many do");
    }
    youngest.isShared = true;
    this.#putOff(youngest);
    return cursorOf(youngest, version);
  }

  #end(lease: Lease): void {
    if (!this.#leases.delete(lease.id)) return;
    this.#expiries.remove(lease);
    lease.hold.release();
  }

  #putOff(lease: Lease): void {
    lease.expiresAtMs = this.#context.clock.monotonicMs() + cursorLeaseMs;
  }

  /** Only a forged token names a version that no commit has reached. */
  #refuseFuture(token: CursorToken, owner: string): void {
    if (token.version <= this.#newestVersion(owner)) return;
    throw new RequestError("invalid_request", "Cannot use the cursor: its version is to come", {
      parameter: "cursor",
    });
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

function holderOf(owner: string) {
  return { kind: "cursor", owner } as const;
}

function cursorOf(lease: Lease, version: number): HeldCursor {
  const { id, hold } = lease;
  // The lease lets go, never the list.
  return { leaseId: id, snapshot: { id: hold.id, version, release: () => {} } };
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
