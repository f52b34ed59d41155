/**
 * What the leader of a group does without being asked: it removes keys whose time has passed, and
 * moves the horizons on where nobody writes.
 *
 * ```
 * the earliest expiry passes ─▶ expire, so many keys a command, until nothing is due
 * every upkeepMs             ─▶ rules and watermark could move on, to some use? ─▶ advance ─▶ flush
 *                            ─▶ somebody watches and all is quiet?              ─▶ advance
 * ```
 *
 * A key is gone for every reader from the first `expire` on whose version is at or above its expiry:
 * reads go by the closed version. The removals behind it only give the space back, and are done in
 * small commands with a pause between them, so that a million keys of one second hold nobody up.
 *
 * VACUUM goes by the horizons of the last flush, so on a node where nothing else flushes they are
 * flushed here, where that lets VACUUM give back a good part of the tree; and on a full disk, where it
 * may be all that makes room.
 *
 * Invariants:
 *
 *  1. One `expire` and one `advance` are on their way at a time.
 *  2. Nothing here throws: what fails is tried again after a pause, and the log tells of it.
 *
 * @module
 */
import type { ByteWriter, Clock, Logger, Timer } from "../storage/env/mod.ts";
import type { Engine, Horizons } from "../storage/mod.ts";
import { encodeCommand } from "./command_codec.ts";
import type { UpkeepCommand } from "./command.ts";
import type { CommandResult } from "./database.ts";
import { expiryTreeKey, parseExpiryKey } from "./effects.ts";
import type { Replica } from "./replica.ts";
import type { ReadStore } from "./replica_store.ts";
import { withAdvancedRules } from "./retention_rules.ts";

/** What upkeep works on. */
export interface UpkeepConfig {
  readonly replica: Replica;
  readonly engine:
    & Pick<ReadStore, "cursor" | "entry">
    & Pick<
      Engine,
      | "applied"
      | "durableIndex"
      | "failure"
      | "durableHorizons"
      | "memtableSizeBytes"
      | "flush"
      | "reclaimableBytes"
      | "tableSizeBytes"
    >;
  readonly group: {
    propose(
      encode: (out: ByteWriter) => void,
      options: { deadlineMs: number; isUpkeep?: boolean },
    ): Promise<CommandResult>;
    /** How many commands were proposed since the start. */
    statistics(): { readonly proposalCount: number };
  };
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often horizons are looked at. */
  readonly upkeepMs: number;
  /**
   * Whether somebody waits for what happens. Then time is moved on though nothing does: an id that is
   * told while all is quiet must not be behind the watermark when its owner comes again.
   */
  isWatched?(): boolean;
}

/** How many keys one command removes: about a millisecond of everybody's time. */
const keysPerExpire = 128;
/**
 * How long others have between two such commands, where there are others: at least so long, and so many
 * times what it took to look at the keys, which is long where their blocks have to be read.
 */
const busyPauseMsMin = 10;
const busyPauseMsMax = 100;
const busyPauseFactor = 8;
const proposalMsMax = 10_000;
const retryMsMin = 100;
const retryMsMax = 5_000;
/** The longest that a timer waits: clocks jump. */
const waitMsMax = 1_000;
/** What a flush of horizons must be good for, as a part of the tree. */
const worthwhilePart = 0.1;
const backlogCountMax = 10_000;
/** How far the closed version may be behind while somebody watches: half the retention, within these. */
const watchedLagMicrosMin = 1_000_000;
const watchedLagMicrosMax = 60_000_000;

/** The upkeep of one group. */
export class Upkeep {
  readonly #config: UpkeepConfig;
  /** The earliest entry of the index of expiries; `Infinity` where there is none. */
  #nextDue = Infinity;
  #expiryTimer: Timer | undefined;
  #upkeepTimer: Timer | undefined;
  #expiring: Promise<void> | undefined;
  #advancing: Promise<void> | undefined;
  /** How long to wait after the next failure. */
  #retryMs = retryMsMin;
  #flushedIndex = 0;
  /** The last entry when the horizons were last looked at. */
  #advancedIndex = 0;
  #isStopped = false;

  constructor(config: UpkeepConfig) {
    this.#config = config;
  }

  /** Begins. Everything that the log holds has been applied. */
  start(): void {
    this.#expiring = this.#begin();
    this.#armUpkeep();
  }

  /** Ends; resolves once nothing of it is on its way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#expiryTimer?.cancel();
    this.#upkeepTimer?.cancel();
    await this.#expiring;
    await this.#advancing;
  }

  /** Says that a value was written that expires at `due`. */
  written(due: number): void {
    if (due >= this.#nextDue) return;
    this.#nextDue = due;
    this.#armExpiry();
  }

  /** How long the earliest key that should be gone has been due, in milliseconds; 0 where none is. */
  get expiryLagMs(): number {
    return Math.max(0, (this.#config.replica.closedVersion - this.#nextDue) / 1_000);
  }

  /** Counts the entries of the index that are due, up to ten thousand. @throws {StorageError} */
  countDue(): number {
    const cursor = this.#indexCursor(expiryTreeKey(this.#config.replica.closedVersion + 1, ""));
    try {
      let count = 0;
      for (; cursor.isValid && count < backlogCountMax; cursor.next()) count++;
      return count;
    } finally {
      cursor.close();
    }
  }

  /** Moves all horizons on as far as they may go, and makes them durable. */
  async advance(): Promise<void> {
    await this.#propose({ kind: "advance", horizons: this.#config.replica.drawRuleHorizons() });
    await this.#config.engine.flush();
  }

  #armExpiry(): void {
    if (this.#isStopped || this.#expiring !== undefined) return;
    this.#expiryTimer?.cancel();
    this.#expiryTimer = undefined;
    if (this.#nextDue === Infinity) return;
    const { clock, replica } = this.#config;
    const waitMs = Math.ceil((this.#nextDue - replica.versionNow) / 1_000);
    this.#expiryTimer = clock.setTimer(Math.min(Math.max(waitMs, 0), waitMsMax), () => {
      this.#expiryTimer = undefined;
      if (this.#nextDue > replica.versionNow) return this.#armExpiry();
      this.#expiring = this.#expire();
    });
  }

  /** Finds what expires first. Never rejects. */
  #begin(): Promise<void> {
    return this.#attemptExpiry(() => {
      this.#lookAhead();
      return Promise.resolve();
    });
  }

  /** Removes what is due. Never rejects. */
  #expire(): Promise<void> {
    const { clock, group } = this.#config;
    return this.#attemptExpiry(async () => {
      while (!this.#isStopped) {
        const startMs = clock.monotonicMs();
        if (!this.#lookAhead()) return;
        const pauseMs = busyPauseFactor * (clock.monotonicMs() - startMs);
        const { proposalCount } = group.statistics();
        await this.#propose({ kind: "expire", keyCountMax: keysPerExpire });
        const isAlone = group.statistics().proposalCount === proposalCount + 1;
        if (isAlone) await clock.yield();
        else await clock.sleep(Math.min(Math.max(pauseMs, busyPauseMsMin), busyPauseMsMax));
      }
    });
  }

  async #attemptExpiry(attempt: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#config;
    let waitMs = 0;
    try {
      // The caller is in the middle of something else.
      await clock.yield();
      await attempt();
      this.#retryMs = retryMsMin;
    } catch (error) {
      waitMs = this.#retryMs;
      this.#retryMs = Math.min(waitMs * 2, retryMsMax);
      if (!this.#isStopped) logger.log("warn", "expiry_failed", { error: String(error) });
      await this.#closeTime();
    }
    this.#expiring = undefined;
    if (this.#isStopped) return;
    if (waitMs === 0) return this.#armExpiry();
    this.#expiryTimer = clock.setTimer(waitMs, () => {
      this.#expiryTimer = undefined;
      this.#expiring = this.#nextDue === Infinity ? this.#begin() : this.#expire();
    });
  }

  /** What cannot be removed is out of sight all the same once versions have moved on. */
  async #closeTime(): Promise<void> {
    if (this.#isStopped) return;
    try {
      await this.#propose({ kind: "advance", horizons: [] });
    } catch (error) {
      if (!this.#isStopped) {
        this.#config.logger.log("warn", "expiry_failed", { error: String(error) });
      }
    }
  }

  /**
   * Finds the earliest entry of the index behind what was dealt with. Where it is due, reads what the
   * next `expire` will read: damage must be met here, and not while it is applied.
   *
   * @returns Whether it is due.
   */
  #lookAhead(): boolean {
    const { engine, replica } = this.#config;
    const { versionNow, closedVersion } = replica;
    const cursor = this.#indexCursor(expiryTreeKey(Number.MAX_SAFE_INTEGER, ""));
    try {
      this.#nextDue = cursor.isValid ? parseExpiryKey(cursor.key).due : Infinity;
      if (this.#nextDue > versionNow) return false;
      for (let count = 0; cursor.isValid && count <= keysPerExpire; count++, cursor.next()) {
        const { due, treeKey } = parseExpiryKey(cursor.key);
        if (due > versionNow) break;
        engine.entry(treeKey, closedVersion);
      }
      return true;
    } finally {
      cursor.close();
    }
  }

  #indexCursor(end: string) {
    const { engine, replica } = this.#config;
    const start = replica.expiryPosition === "" ? expiryTreeKey(0, "") : replica.expiryPosition;
    return engine.cursor({ start, end, version: replica.closedVersion });
  }

  #armUpkeep(): void {
    if (this.#isStopped) return;
    const { clock, upkeepMs } = this.#config;
    this.#upkeepTimer = clock.setTimer(upkeepMs, () => {
      this.#advancing = this.#moveHorizons();
    });
  }

  /** Moves horizons on where that is of use. Never rejects. */
  async #moveHorizons(): Promise<void> {
    const { engine, replica, logger } = this.#config;
    try {
      const { durableIndex } = engine;
      // Where memtables fill, flushes come by themselves.
      const isIdle = durableIndex === this.#flushedIndex;
      this.#flushedIndex = durableIndex;
      const gain = this.#gain();
      // Without other entries since, moving rules on would only keep an idle log growing.
      const isWritten = engine.applied.index > this.#advancedIndex;
      // What may go by now makes room.
      const isStuck = engine.failure?.code === "disk_full" &&
        replica.wantedWatermark() > engine.durableHorizons.userVersion;
      if (isStuck || (gain > 0 && isIdle)) await this.advance();
      else if (this.#isTimeDue()) await this.#propose({ kind: "advance", horizons: [] });
      else if (isWritten && replica.wantedRuleHorizons().length > 0) {
        await this.#propose({ kind: "advance", horizons: replica.drawRuleHorizons() });
      }
      this.#advancedIndex = engine.applied.index;
    } catch (error) {
      if (!this.#isStopped) logger.log("warn", "upkeep_failed", { error: String(error) });
    }
    this.#advancing = undefined;
    this.#armUpkeep();
  }

  #isTimeDue(): boolean {
    const { replica, isWatched } = this.#config;
    if (isWatched?.() !== true) return false;
    const half = replica.retentionMicros / 2;
    const lagMax = Math.min(Math.max(half, watchedLagMicrosMin), watchedLagMicrosMax);
    return replica.versionNow - replica.closedVersion > lagMax;
  }

  /**
   * Returns what a flush of horizons moved on could give back, in bytes; 0 where it is too little. What
   * is in memory may hide as much in the tables, once all of it has passed.
   */
  #gain(): number {
    const { engine, replica } = this.#config;
    const userVersion = replica.wantedWatermark();
    const wanted: Horizons = withAdvancedRules(
      { ...engine.applied.horizons, userVersion },
      replica.wantedRuleHorizons(),
    );
    const hiding = userVersion >= replica.lastVersion ? engine.memtableSizeBytes : 0;
    const gain = hiding + engine.reclaimableBytes(wanted) -
      engine.reclaimableBytes(engine.durableHorizons);
    return gain > worthwhilePart * engine.tableSizeBytes ? gain : 0;
  }

  #propose(command: UpkeepCommand): Promise<CommandResult> {
    const { group, clock } = this.#config;
    return group.propose(
      (out) => encodeCommand(out, command, { valueSizeBytesMax: 0 }),
      // An advance writes nothing, and a disk that is full may need it to be emptied.
      { deadlineMs: clock.monotonicMs() + proposalMsMax, isUpkeep: command.kind === "advance" },
    );
  }
}
