/**
 * The watches of one replica: who is told of which commit, and when.
 *
 * ```
 * entry applied ─▶ change records ─▶ index ─▶ queues of live watches ─▶ consumers
 *                        tree ─▶ pieces (watch_catch_up.ts) ─▶ consumers of lagging watches
 * ```
 *
 * A watch is **live** while its consumer keeps up. One that begins in the past or whose queue is full
 * is **lagging**: it costs a position and a hold there, and each time its consumer asks a piece of
 * the tree is read. In the step in which that reaches the last entry it becomes live.
 *
 * While something waits in queues one hold for all of them keeps the oldest of it readable, so that
 * any of them can begin to lag. It is moved on now and then, not with each event.
 *
 * Invariants:
 *
 *  1. A consumer hears of every commit that concerns it, once, in order, in whole; or of a reset.
 *  2. What a lagging watch is yet to read is kept by its own hold, what a live one may have to by the
 *     hold that they share.
 *  3. Memory is bounded: `queueEventCountMax` and the sizes of `watch_options.ts`, plus one commit.
 *
 * @module
 */
import type { Clock, Timer } from "../storage/env/mod.ts";
import { horizonOver, type Horizons } from "../storage/mod.ts";
import { type Change, type ChangeCommit, decodeChangeRecord } from "./change_record.ts";
import { treeRange } from "./command.ts";
import type {
  HoldOptions,
  KeyRange,
  SnapshotHold,
  SnapshotHolder,
  Watch,
  WatchRequest,
} from "./database.ts";
import { ShardError } from "./errors.ts";
import { toShardError } from "./failures.ts";
import type { ReadStore } from "./replica_store.ts";
import { CatchUp, type CatchUpPiece } from "./watch_catch_up.ts";
import { ChangeEvents } from "./watch_event.ts";
import { type Watchers, WatchIndex } from "./watch_index.ts";
import { type WatchOptions, watchOptions } from "./watch_options.ts";
import { type WatchHome, WatchQueue, type WatchReset } from "./watch_queue.ts";

/** What a hub is made of. */
export interface WatchHubConfig {
  readonly store: Pick<ReadStore, "get" | "entry" | "cursor">;
  readonly replica: {
    readonly lastVersion: number;
    readonly closedVersion: number;
    /** With the watermark as it was drawn. */
    readonly horizons: Horizons;
    hold(holder: SnapshotHolder, options?: HoldOptions): SnapshotHold;
  };
  readonly clock: Clock;
  /** Over the defaults. */
  readonly options?: Partial<WatchOptions>;
}

/** The watches of a node, in plain numbers. */
export interface WatchStatistics {
  /** How many are open. */
  readonly watchCount: number;
  /** How many of them read the tree. */
  readonly laggingCount: number;
  readonly deliveredEventCount: number;
  /** How many ended with a reset. */
  readonly resetCount: number;
  /** What waits for consumers; what several wait for counts once. */
  readonly queuedBytes: number;
  /** How old the oldest version is that somebody has not been told of. */
  readonly lagMsMax: number;
}

const lookMsMax = 1_000;
const holdMsMax = 1_000;
const microsPerMs = 1_000;

/** All watches of one replica. */
export class WatchHub {
  readonly #config: WatchHubConfig;
  readonly #options: WatchOptions;
  readonly #catchUp: CatchUp;
  readonly #home: WatchHome;
  readonly #watches = new Set<WatchQueue>();
  readonly #live = new WatchIndex<WatchQueue>();
  /** What an entry has touched and how: reused from entry to entry. */
  readonly #touched = new Set<WatchQueue>();
  readonly #found: Watchers<WatchQueue>[] = [];
  #sharedHold: SnapshotHold | undefined;
  #lookTimer: Timer | undefined;
  #lookMs = lookMsMax;
  #resetCount = 0;
  #isClosed = false;

  constructor(config: WatchHubConfig) {
    this.#config = config;
    this.#options = watchOptions(config.options);
    const { store, replica, clock } = config;
    this.#catchUp = new CatchUp({ store, replica, clock, options: this.#options });
    this.#home = {
      options: this.#options,
      get lastVersion() {
        return config.replica.lastVersion;
      },
      queuedBytes: 0,
      waitingCount: 0,
      deliveredEventCount: 0,
      nowMs: () => config.clock.monotonicMs(),
      catchUp: (watch) => this.#read(watch),
      ended: (watch) => this.#forget(watch),
    };
  }

  /** Whether anybody has to be told of what is applied now. */
  get isWatched(): boolean {
    return this.#live.size > 0;
  }

  /**
   * Opens a watch. One that begins in front of what is kept tells a reset and nothing else.
   *
   * @throws {ShardError} `overloaded`, `version_to_come`, `stopped`.
   */
  watch(request: WatchRequest): Watch {
    const { lastVersion, closedVersion } = this.#config.replica;
    const { from = closedVersion } = request;
    if (this.#isClosed) throw new ShardError("stopped", "Cannot watch: the node is closing");
    if (this.#watches.size >= this.#options.watchCountMax) {
      throw new ShardError("overloaded", "Cannot watch: too many watches are open");
    }
    if (from > closedVersion) {
      throw new ShardError(
        "version_to_come",
        `Cannot watch from version ${from}: the newest is ${closedVersion}`,
      );
    }
    const state = from >= lastVersion ? "live" : "lagging";
    const startLag = closedVersion - from;
    const watch = new WatchQueue(this.#home, { request, from, startLag, state });
    this.#watches.add(watch);
    if (state === "live") this.#live.add(request.range, watch);
    else this.#protect(watch);
    this.#look(Math.min(lookMsMax, watch.progressMs));
    return watch;
  }

  /** Tells the live watches of an entry, behind `Engine.commit`. The records are not kept. */
  applied(records: readonly { readonly record: Uint8Array }[]): void {
    if (this.#live.size === 0) return;
    let firstVersion = Infinity;
    for (const { record } of records) {
      for (const commit of decodeChangeRecord(record)) {
        firstVersion = Math.min(firstVersion, commit.version);
        this.#tell(commit);
      }
    }
    if (this.#touched.size === 0) return;
    const { lastVersion } = this.#config.replica;
    for (const watch of this.#touched) {
      if (watch.isFull) this.#fallBehind(watch, firstVersion);
      else watch.deliver(lastVersion);
    }
    this.#touched.clear();
    // All before this entry was told, or is held already: what it began with is enough.
    if (this.#home.waitingCount > 0) this.#share(firstVersion - 1);
  }

  /** Returns the figures as of now. */
  statistics(): WatchStatistics {
    const { closedVersion } = this.#config.replica;
    const { queuedBytes, deliveredEventCount } = this.#home;
    let lag = 0;
    for (const { untoldVersion } of this.#watches) {
      if (untoldVersion !== undefined) lag = Math.max(lag, closedVersion - untoldVersion);
    }
    return {
      watchCount: this.#watches.size,
      laggingCount: this.#watches.size - this.#live.size,
      deliveredEventCount,
      resetCount: this.#resetCount,
      queuedBytes,
      lagMsMax: lag / microsPerMs,
    };
  }

  /** Ends all watches; resolves once nothing of the tree is read any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const watch of [...this.#watches]) watch.close();
    this.#lookTimer?.cancel();
    this.#lookTimer = undefined;
    this.#sharedHold?.release();
    this.#sharedHold = undefined;
    await this.#catchUp.settled();
  }

  #tell({ version, changes }: ChangeCommit): void {
    for (const change of changes) {
      this.#live.find(change.key, this.#found);
      if (this.#found.length === 0) continue;
      try {
        this.#tellOf(change, version);
      } catch (error) {
        if (!(toShardError(error) instanceof ShardError)) throw error;
        // Applying must not fail for it: each reads by itself and is told what is wrong.
        for (const watchers of this.#found) {
          for (const watch of watchers) {
            watch.isFull = true;
            this.#touched.add(watch);
          }
        }
      }
    }
  }

  #tellOf(change: Change, version: number): void {
    const { store } = this.#config;
    const events = new ChangeEvents(change, { store, version });
    for (const watchers of this.#found) {
      for (const watch of watchers) {
        watch.push(events.of(watch.request));
        this.#touched.add(watch);
      }
    }
  }

  #fallBehind(watch: WatchQueue, firstVersion: number): void {
    this.#live.delete(watch.request.range, watch);
    watch.fallBehind(firstVersion);
    this.#protect(watch);
    if (watch.state === "lagging" && watch.isAwaited) this.#read(watch);
  }

  /** Holds a lagging watch's position, or ends it where that is not kept any more. */
  #protect(watch: WatchQueue): void {
    const { range, owner } = watch.request;
    let hold: SnapshotHold;
    try {
      hold = this.#config.replica.hold({ kind: "watch", owner }, {
        version: watch.version,
        range,
        readsChanges: true,
        onEnded: () => this.#reset(watch, "released"),
      });
    } catch (error) {
      if (!isVacuumed(error)) throw error;
      return this.#reset(watch, "vacuumed");
    }
    watch.hold?.release();
    watch.hold = hold;
    watch.heldAtMs = this.#config.clock.monotonicMs();
  }

  /** Has a piece read for a lagging watch whose consumer waits. */
  #read(watch: WatchQueue): void {
    const { clock } = this.#config;
    const startMs = clock.monotonicMs();
    this.#catchUp.want({
      range: watch.request.range,
      withPrevious: watch.request.withPrevious,
      after: watch.version,
      isWanted: () => watch.state === "lagging",
      isProgressDue: () => clock.monotonicMs() - startMs >= watch.progressMs,
      take: (piece) => this.#takePiece(watch, piece),
      fail: (error) => {
        if (isVacuumed(error)) this.#reset(watch, "vacuumed");
        else watch.fail(error);
      },
    });
  }

  #takePiece(watch: WatchQueue, { events, through, isNewest }: CatchUpPiece): void {
    watch.tell(events, through);
    if (isNewest) {
      watch.hold?.release();
      watch.hold = undefined;
      watch.state = "live";
      this.#live.add(watch.request.range, watch);
      return;
    }
    if (events.length === 0) watch.tellProgress(through);
    if (this.#config.clock.monotonicMs() - watch.heldAtMs >= holdMsMax) this.#protect(watch);
  }

  #reset(watch: WatchQueue, reason: WatchReset["reason"]): void {
    if (watch.state === "ended") return;
    this.#resetCount++;
    const oldestVersion = this.#oldestVersion(watch.request.range);
    watch.end({ kind: "reset", reason, oldestVersion, resumeVersion: watch.version });
  }

  #oldestVersion(range: KeyRange): number {
    const { horizons } = this.#config.replica;
    const { start, end } = treeRange(range);
    return Math.max(horizons.userVersion, horizonOver(horizons, start, end));
  }

  #forget(watch: WatchQueue): void {
    if (watch.state === "live") this.#live.delete(watch.request.range, watch);
    this.#watches.delete(watch);
    if (this.#watches.size > 0) return;
    this.#lookTimer?.cancel();
    this.#lookTimer = undefined;
    this.#share(undefined);
  }

  /** Looks after all watches now and then, at the latest after `withinMs`. */
  #look(withinMs: number): void {
    if (this.#lookTimer !== undefined && this.#lookMs <= withinMs) return;
    this.#lookTimer?.cancel();
    this.#lookMs = withinMs;
    this.#lookTimer = this.#config.clock.setTimer(withinMs, () => {
      this.#lookTimer = undefined;
      this.#lookAfterAll();
    });
  }

  #lookAfterAll(): void {
    const { closedVersion } = this.#config.replica;
    const nowMs = this.#config.clock.monotonicMs();
    let nextLookMs = lookMsMax;
    let oldest = Infinity;
    for (const watch of [...this.#watches]) {
      const { untoldVersion } = watch;
      nextLookMs = Math.min(nextLookMs, watch.progressMs);
      if (untoldVersion === undefined) {
        const isDue = watch.isAwaited && nowMs - watch.toldAtMs >= watch.progressMs;
        if (isDue) watch.tellProgress(closedVersion);
      } else if (this.#isTooSlow(watch, closedVersion - untoldVersion)) {
        this.#reset(watch, "too_slow");
      } else if (watch.state === "live") {
        oldest = Math.min(oldest, untoldVersion);
      }
    }
    this.#moveShared(oldest === Infinity ? undefined : oldest - 1);
    if (this.#watches.size > 0) this.#look(nextLookMs);
  }

  #isTooSlow(watch: WatchQueue, lag: number): boolean {
    return !watch.isAwaited && lag > this.#options.watchLagMsMax * microsPerMs + watch.startLag;
  }

  /** Moves the shared hold up to what is still needed. */
  #moveShared(version: number | undefined): void {
    const held = this.#sharedHold;
    if (held === undefined || held.version === version) return;
    this.#sharedHold = undefined;
    if (version !== undefined) this.#share(version);
    held.release();
  }

  /** Holds a version for all live watches, unless one is held. */
  #share(version: number | undefined): void {
    if (version === undefined) {
      this.#sharedHold?.release();
      this.#sharedHold = undefined;
      return;
    }
    if (this.#sharedHold !== undefined) return;
    try {
      this.#sharedHold = this.#config.replica.hold({ kind: "watch", owner: "all" }, {
        version,
        readsChanges: true,
        onEnded: () => this.#endWaiting(),
      });
    } catch (error) {
      // Whoever begins to lag is told when it tries to hold its own position.
      if (!(toShardError(error) instanceof ShardError)) throw error;
    }
  }

  /** An operator has ended the shared hold: those for whom it was taken end with it. */
  #endWaiting(): void {
    this.#sharedHold = undefined;
    for (const watch of [...this.#watches]) {
      if (watch.state === "live" && watch.untoldVersion !== undefined) {
        this.#reset(watch, "released");
      }
    }
  }
}

function isVacuumed(error: unknown): boolean {
  return error instanceof ShardError && error.code === "version_vacuumed";
}
