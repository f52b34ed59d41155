/**
 * The versions that lists hold between two of their pages.
 *
 * A lease is made when a list has more to come, put off by every page, and given up after the last
 * one or when its time has passed. A token that this node holds no lease for (it was restarted, or
 * had given it up) takes a new hold, as long as its version is still kept.
 *
 * Invariant: every hold taken here is released exactly once, at the latest when the server stops.
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

/** A version held for one list. */
export interface CursorLease {
  /** Names it in the list's tokens. */
  readonly id: number;
  readonly hold: SnapshotHold;
  expiresAtMs: number;
  readonly endsAtClosing: boolean;
  readonly onExpire: () => void;
}

/** The leases of one node. */
export class CursorLeases {
  readonly #context: AppContext;
  readonly #expiries: Expiries;
  readonly #leases = new Map<number, CursorLease>();

  constructor(context: AppContext, expiries: Expiries) {
    this.#context = context;
    this.#expiries = expiries;
  }

  /** How many versions are held. */
  get count(): number {
    return this.#leases.size;
  }

  /**
   * Holds a version for a new list.
   *
   * @param owner Who asked. @param version Which; the newest where it is left out.
   * @throws {RequestError} `overloaded`. @throws {ShardError} `version_vacuumed`.
   */
  open(owner: string, version?: number): CursorLease {
    return this.#open({ id: freshId(), owner, version });
  }

  /**
   * Returns the lease that a token names, held anew where that is needed.
   *
   * @throws {RequestError} `cursor_expired`, `overloaded`, `invalid_request`.
   */
  resume(token: CursorToken, owner: string): CursorLease {
    const lease = this.#leases.get(token.leaseId);
    if (lease !== undefined && lease.hold.version === token.version) {
      this.#putOff(lease);
      return lease;
    }
    if (token.expiresAtMs < this.#nowMs()) throw expired();
    try {
      this.#refuseFuture(token, owner);
      const id = lease === undefined ? token.leaseId : freshId();
      return this.#open({ id, owner, version: token.version });
    } catch (error) {
      if (error instanceof ShardError && error.code === "version_vacuumed") throw expired();
      throw error;
    }
  }

  /** Lets a list's version go. Harmless the second time. */
  close(lease: CursorLease): void {
    if (!this.#leases.delete(lease.id)) return;
    this.#expiries.remove(lease);
    lease.hold.release();
  }

  /** Returns when a token made now expires, in milliseconds since the Unix epoch. */
  tokenExpiryMs(): number {
    return this.#nowMs() + cursorLeaseMs;
  }

  #open(wanted: { readonly id: number; readonly owner: string; readonly version?: number }) {
    if (this.#leases.size >= this.#context.config.cursorCountMax) {
      throw new RequestError("overloaded", "Cannot hold a version for the cursor: too many do");
    }
    const holder = { kind: "cursor", owner: wanted.owner } as const;
    const lease: CursorLease = {
      id: wanted.id,
      hold: this.#context.database.hold(holder, wanted.version),
      expiresAtMs: 0,
      endsAtClosing: true,
      onExpire: () => this.close(lease),
    };
    invariant(!this.#leases.has(lease.id), () => `Lease ${lease.id} is new`);
    this.#leases.set(lease.id, lease);
    this.#putOff(lease);
    this.#expiries.add(lease);
    return lease;
  }

  #putOff(lease: CursorLease): void {
    lease.expiresAtMs = this.#context.clock.monotonicMs() + cursorLeaseMs;
  }

  /** Only a forged token names a version that no commit has reached. */
  #refuseFuture(token: CursorToken, owner: string): void {
    const newest = this.#context.database.hold({ kind: "cursor", owner });
    newest.release();
    if (token.version <= newest.version) return;
    throw new RequestError("invalid_request", "Cannot use the cursor: its version is to come", {
      parameter: "cursor",
    });
  }

  #nowMs(): number {
    return Math.floor(this.#context.clock.wallMicros() / 1_000);
  }
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
