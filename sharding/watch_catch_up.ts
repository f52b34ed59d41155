/**
 * Reads for lagging watches what has been committed behind their positions, from the change records
 * and the versions of the keys.
 *
 * After a restart a thousand clients come back at once, each a little behind. So one **sweep** over
 * the records serves all who wait: it begins at the oldest position, looks at each record once, and
 * finds in an index whom a key concerns. Whoever has a piece leaves; whoever asks meanwhile joins, if
 * the sweep has not passed its position, or waits for the next one. Where the sweep has come to the
 * newest commit, those who are left have caught up and are told so in the same step: who hears of the
 * next commit from elsewhere then, hears of it without gap or repeat.
 *
 * However many wait, a sweep gives way to everybody else every two milliseconds.
 *
 * Invariants:
 *
 *  1. A piece ends behind a whole commit.
 *  2. `position` lies at or in front of what is yet to be read for every member of the sweep.
 *
 * @module
 */
import type { Clock } from "../storage/env/mod.ts";
import { changeSpace } from "../storage/mod.ts";
import { type ChangeCommit, changeTreeKey, decodeChangeRecord } from "./change_record.ts";
import type { KeyRange } from "./database.ts";
import { ShardError } from "./errors.ts";
import { toShardError } from "./failures.ts";
import type { ReadStore, StoreCursor } from "./replica_store.ts";
import { ChangeEvents, type SharedEvent } from "./watch_event.ts";
import { type Watchers, WatchIndex } from "./watch_index.ts";
import type { WatchOptions } from "./watch_options.ts";

/** What is read from. */
export interface CatchUpConfig {
  readonly store: Pick<ReadStore, "get" | "entry" | "cursor">;
  /** The version of the last command applied. */
  readonly replica: { readonly lastVersion: number };
  readonly clock: Clock;
  readonly options: Pick<WatchOptions, "pieceEventCountMax" | "pieceSizeBytesMax">;
}

/** What is read for one watch. */
export interface CatchUpRequest {
  readonly range: KeyRange;
  readonly withPrevious: boolean;
  /** What is at or below it has been told. It and all above stays readable while `isWanted`. */
  readonly after: number;
  /** Whether anybody still wants it. */
  isWanted(): boolean;
  /** Whether a piece without events is welcome, to tell how far it has got. */
  isProgressDue(): boolean;
  /** Takes the piece, in the step in which it was read. Either this or `fail` is called once. */
  take(piece: CatchUpPiece): void;
  /** Takes a `ShardError`, or what is our own fault. */
  fail(error: unknown): void;
}

/** Some of the commits behind a position. */
export interface CatchUpPiece {
  /** Of whole commits, in order. */
  readonly events: readonly SharedEvent[];
  /** What is at or below it has been read. */
  readonly through: number;
  /** Whether there is nothing behind it yet. */
  readonly isNewest: boolean;
}

interface Member {
  readonly request: CatchUpRequest;
  readonly events: SharedEvent[];
  sizeBytes: number;
}

const changeSpaceEnd = String.fromCharCode(changeSpace.charCodeAt(0) + 1);
const sliceMsMax = 2;
/** For how long a sweep goes on before those who have something are given it. */
const pieceMsMax = 50;
const passedPerLook = 2_048;
const changesPerLook = 16;

/** Serves all lagging watches of a hub. */
export class CatchUp {
  readonly #config: CatchUpConfig;
  readonly #waiting = new Set<CatchUpRequest>();
  readonly #members = new Set<Member>();
  readonly #index = new WatchIndex<Member>();
  readonly #found: Watchers<Member>[] = [];
  readonly #touched = new Set<Member>();
  /** What is at or below it has been read for all members. */
  #position = 0;
  #sliceEndMs = 0;
  #sweepStartMs = 0;
  /** Whether members have come or gone since the position was looked at. */
  #hasChanged = false;
  #running: Promise<void> | undefined;

  constructor(config: CatchUpConfig) {
    this.#config = config;
  }

  /** Asks for a piece. */
  want(request: CatchUpRequest): void {
    this.#waiting.add(request);
    this.#running ??= this.#run();
  }

  /** Resolves once nothing is read any more. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    while (this.#waiting.size > 0) {
      await this.#giveWay();
      try {
        await this.#sweep();
      } catch (error) {
        for (const member of [...this.#members]) this.#fail(member, error);
      }
    }
    this.#running = undefined;
  }

  async #sweep(): Promise<void> {
    this.#position = -1;
    this.#sweepStartMs = this.#config.clock.monotonicMs();
    this.#admit();
    while (this.#members.size > 0) {
      this.#skip();
      const newest = this.#config.replica.lastVersion;
      if (this.#position >= newest) {
        for (const member of [...this.#members]) this.#handOver(member, true);
        return;
      }
      const cursor = this.#config.store.cursor({
        start: changeTreeKey(this.#position + 1),
        end: changeSpaceEnd,
        version: newest,
        pauseAfterCount: passedPerLook,
      });
      try {
        if (await this.#takeRecords(cursor)) this.#position = newest;
      } finally {
        cursor.close();
      }
    }
  }

  /** Returns whether there are no more: false where another cursor is needed, or none. */
  async #takeRecords(cursor: StoreCursor): Promise<boolean> {
    while (cursor.isValid || cursor.isPaused) {
      if (cursor.isPaused) {
        cursor.resume();
      } else {
        const record = cursor.source.subarray(cursor.valueStart, cursor.valueEnd);
        for (const commit of decodeChangeRecord(record)) {
          if (commit.version <= this.#position) continue;
          if (commit.changes.length <= changesPerLook) this.#takeChanges(commit, 0);
          else await this.#takeLongCommit(commit);
          this.#finishCommit(commit.version);
        }
        cursor.next();
      }
      if (this.#isSliceOver()) {
        await this.#giveWay();
        this.#review();
      }
      if (this.#hasChanged && this.#skip()) return false;
    }
    return true;
  }

  async #takeLongCommit(commit: ChangeCommit): Promise<void> {
    for (let start = 0; start < commit.changes.length; start += changesPerLook) {
      if (start > 0 && this.#isSliceOver()) await this.#giveWay();
      this.#takeChanges(commit, start);
    }
  }

  #takeChanges({ version, changes }: ChangeCommit, start: number): void {
    const { store } = this.#config;
    const end = Math.min(start + changesPerLook, changes.length);
    for (let slot = start; slot < end; slot++) {
      const change = changes[slot];
      this.#index.find(change.key, this.#found);
      if (this.#found.length === 0) continue;
      const events = new ChangeEvents(change, { store, version });
      for (const member of this.#found.flatMap((watchers) => [...watchers])) {
        // A hold may have gone since the last turn, and what it kept.
        if (version <= member.request.after || !member.request.isWanted()) continue;
        try {
          const event = events.of(member.request);
          member.events.push(event);
          member.sizeBytes += event.sizeBytes;
          this.#touched.add(member);
        } catch (error) {
          if (!(toShardError(error) instanceof ShardError)) throw error;
          this.#fail(member, error);
        }
      }
    }
  }

  #finishCommit(version: number): void {
    this.#position = version;
    const { pieceEventCountMax, pieceSizeBytesMax } = this.#config.options;
    for (const member of this.#touched) {
      const isFull = member.events.length >= pieceEventCountMax ||
        member.sizeBytes >= pieceSizeBytesMax;
      if (isFull && this.#members.has(member)) this.#handOver(member, false);
    }
    this.#touched.clear();
  }

  /** Looks after the members, and takes in those who wait and have missed nothing. */
  #review(): void {
    const isLong = this.#config.clock.monotonicMs() - this.#sweepStartMs >= pieceMsMax;
    for (const member of [...this.#members]) {
      const { request, events } = member;
      if (this.#position <= request.after) continue;
      const isDue = events.length > 0 ? isLong : request.isProgressDue();
      if (isDue) this.#handOver(member, false);
    }
    this.#admit();
  }

  #admit(): void {
    for (const request of [...this.#waiting]) {
      if (request.after < this.#position) continue;
      this.#waiting.delete(request);
      if (!request.isWanted()) continue;
      const member: Member = { request, events: [], sizeBytes: 0 };
      this.#members.add(member);
      this.#index.add(request.range, member);
      this.#hasChanged = true;
    }
  }

  /** Goes to where there is something to be read for anybody. @returns Whether that is elsewhere. */
  #skip(): boolean {
    this.#hasChanged = false;
    let oldest = Infinity;
    for (const { request } of this.#members) oldest = Math.min(oldest, request.after);
    if (oldest <= this.#position) return false;
    if (oldest < Infinity) this.#position = oldest;
    return true;
  }

  #handOver(member: Member, isNewest: boolean): void {
    this.#leave(member);
    const { request, events } = member;
    if (!request.isWanted()) return;
    request.take({ events, through: Math.max(this.#position, request.after), isNewest });
  }

  #fail(member: Member, error: unknown): void {
    this.#leave(member);
    if (member.request.isWanted()) member.request.fail(toShardError(error));
  }

  #leave(member: Member): void {
    this.#members.delete(member);
    this.#index.delete(member.request.range, member);
    this.#hasChanged = true;
  }

  #isSliceOver(): boolean {
    return this.#config.clock.monotonicMs() >= this.#sliceEndMs;
  }

  /** Lets others go first. What was held for members who have gone meanwhile is not read. */
  async #giveWay(): Promise<void> {
    await this.#config.clock.yield();
    this.#sliceEndMs = this.#config.clock.monotonicMs() + sliceMsMax;
    for (const member of [...this.#members]) {
      if (!member.request.isWanted()) this.#leave(member);
    }
  }
}
