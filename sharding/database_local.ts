/**
 * The Database of one replica that leads its group on this node.
 *
 * Writes go through the log. Reads look at the tree as applied, at the closed version: with a lone
 * voter that is linearizable, because a write is answered only once it has been applied, and nobody
 * else writes.
 * `batch` is in `database_batch.ts`, walking ranges in `range_walk.ts`.
 *
 * @module
 */
import { type ByteWriter, type Clock, invariant } from "../storage/env/mod.ts";
import type { SnapshotHolder as TreeHolder } from "../storage/mod.ts";
import { evaluateReads, readsSizeBytesMax } from "./apply_transaction.ts";
import { refusalOf } from "./command_check.ts";
import { encodeCommand } from "./command_codec.ts";
import { flatTreeKey, treeRange } from "./command.ts";
import type {
  BatchOperation,
  BatchOperationResult,
  Command,
  CommandResult,
  Database,
  GetResult,
  HistoryOptions,
  Holder,
  HoldOptions,
  KeyHistory,
  KeyRange,
  ReadOptions,
  RetentionView,
  ScanOptions,
  ScanResult,
  SnapshotHold,
  SnapshotHolder,
  StoredEntry,
  StoredValue,
  Watch,
  WatchRequest,
  WriteOptions,
} from "./database.ts";
import { runBatch } from "./database_batch.ts";
import { ShardError } from "./errors.ts";
import { checkDeadline, toShardError } from "./failures.ts";
import { readHistory } from "./history.ts";
import { holdersOf, retentionOf } from "./holders.ts";
import { probeReads, probeRequest } from "./probe.ts";
import { walkRange } from "./range_walk.ts";
import type { Replica } from "./replica.ts";
import { decodeValue, expiresAtOf, valueBodyStart, valueContentType } from "./value.ts";
import { WriterTexts } from "./writer.ts";

const scanSizeBytesDefault = 16_777_216;
const noBytes = new Uint8Array(0);
const ownRead: SnapshotHolder = { kind: "read", owner: "node" };

/** Offers commands to the log: a Raft group, or a stand-in. */
export interface Proposer {
  /** Appends the bytes of a command at once; resolves with its result once it is applied. */
  propose(
    encode: (out: ByteWriter) => void,
    options: { deadlineMs: number; isUpkeep?: boolean },
  ): Promise<CommandResult>;
}

/** What a local database is made of. */
export interface LocalDatabaseConfig {
  readonly replica: Replica;
  readonly group: Proposer;
  readonly clock: Clock;
  /** The longest value allowed. */
  readonly valueSizeBytesMax: number;
  /** The name of the node that takes the requests. */
  readonly nodeName: string;
  /** Who holds versions of the replica's tree, and how a hold is ended. */
  readonly holds: TreeHolds;
  /** Opens watches. */
  readonly watches: { watch(request: WatchRequest): Watch };
}

/** The holds on a tree. */
export interface TreeHolds {
  /** Oldest version first. */
  holders(): readonly TreeHolder[];
  /** Ends one. @returns Whether there was one of that id. */
  endHold(id: number): boolean;
}

/** A {@linkcode Database} over one replica. */
export class LocalDatabase implements Database {
  readonly #replica: Replica;
  readonly #config: LocalDatabaseConfig;
  readonly #clock: Clock;
  readonly #writers: WriterTexts;

  constructor(config: LocalDatabaseConfig) {
    this.#replica = config.replica;
    this.#config = config;
    this.#clock = config.clock;
    this.#writers = new WriterTexts(config.nodeName);
  }

  get(key: string, options: ReadOptions): Promise<GetResult> {
    return attempt(() =>
      this.#whenReached(options, (version) => ({ value: this.#read(key, version), version }))
    );
  }

  getMany(
    keys: readonly string[],
    options: ReadOptions,
  ): Promise<{ values: readonly (StoredValue | undefined)[]; version: number }> {
    return attempt(() =>
      this.#whenReached(options, (version) => ({
        values: keys.map((key) => this.#read(key, version)),
        version,
      }))
    );
  }

  scan(range: KeyRange, options: ScanOptions): Promise<ScanResult> {
    return attempt(async () => {
      const { limit, reverse, keysOnly, sizeBytesMax = scanSizeBytesDefault } = options;
      invariant(limit >= 1, () => `A scan has a limit from 1: ${limit}`);
      if (options.at !== undefined) await this.#reach(options.at, options);
      const version = this.#readVersion(options);
      const entries: StoredEntry[] = [];
      let sizeBytes = 0;
      let hasMore = false;
      await walkRange(this.#walk(range, { ...options, version, reverse }), (cursor) => {
        const { key, source, valueStart, valueEnd } = cursor;
        sizeBytes += key.length + (keysOnly === true ? 0 : valueEnd - valueStart);
        hasMore = entries.length === limit || (sizeBytes > sizeBytesMax && entries.length > 0);
        if (hasMore) return false;
        const bodyStart = valueBodyStart(source, valueStart, valueEnd);
        entries.push({
          key: key.slice(1),
          bytes: keysOnly === true ? noBytes : source.subarray(bodyStart, valueEnd),
          contentType: valueContentType(source, valueStart, valueEnd),
          version: cursor.version,
          expiresAt: expiresAtOf(source, valueStart, valueEnd),
        });
        return true;
      });
      return { entries, hasMore, version };
    });
  }

  count(range: KeyRange, options: ReadOptions): Promise<{ count: number; version: number }> {
    return attempt(async () => {
      if (options.at !== undefined) await this.#reach(options.at, options);
      const version = this.#readVersion(options);
      let count = 0;
      await walkRange(this.#walk(range, { ...options, version }), () => {
        count++;
        return true;
      });
      return { count, version };
    });
  }

  run(command: Command, options: WriteOptions): Promise<CommandResult> {
    const isReadOnly = command.kind === "transaction" && command.mutations.length === 0;
    return isReadOnly && options.request === undefined
      ? attempt(() => this.#readTransaction(command, options))
      : this.#propose(command, options);
  }

  batch(
    operations: readonly BatchOperation[],
    options: WriteOptions,
  ): Promise<readonly BatchOperationResult[]> {
    return runBatch(operations, options, {
      clock: this.#clock,
      get: (key, readOptions) => this.get(key, readOptions),
      hold: (holder, holdOptions) => this.hold(holder, holdOptions),
      propose: (command, writeOptions) => this.#propose(command, writeOptions),
    });
  }

  hold(holder: SnapshotHolder, options?: HoldOptions): SnapshotHold {
    try {
      return this.#replica.hold(holder, options);
    } catch (error) {
      throw toShardError(error);
    }
  }

  reach(version: number, options: { readonly deadlineMs: number }): Promise<void> {
    return attempt(() => this.#reach(version, options));
  }

  history(key: string, options: HistoryOptions): Promise<KeyHistory> {
    const { store, horizons, closedVersion: version } = this.#replica;
    return attempt(() =>
      readHistory(flatTreeKey(key), options, { store, clock: this.#clock, horizons, version })
    );
  }

  watch(request: WatchRequest): Watch {
    try {
      return this.#config.watches.watch(request);
    } catch (error) {
      throw toShardError(error);
    }
  }

  retention(): RetentionView {
    return retentionOf(this.#replica);
  }

  holders(): readonly Holder[] {
    return holdersOf(this.#replica, {
      holders: this.#config.holds.holders(),
      nowMs: this.#clock.monotonicMs(),
    });
  }

  releaseHolder(id: string): boolean {
    return /^\d{1,15}$/.test(id) && this.#config.holds.endHold(Number(id));
  }

  #propose(command: Command, options: WriteOptions): Promise<CommandResult> {
    const { valueSizeBytesMax, group } = this.#config;
    const refusal = refusalOf(command, valueSizeBytesMax);
    if (refusal !== undefined) return Promise.resolve(refusal);
    const { request, deadlineMs } = options;
    const context = { request, writer: this.#writers.of(options.writer ?? ""), valueSizeBytesMax };
    return attempt(() => {
      const { store, closedVersion } = this.#replica;
      if (command.kind === "revert" && command.toVersion > closedVersion) {
        throw new ShardError(
          "version_to_come",
          `Cannot revert to version ${command.toVersion}: the newest is ${closedVersion}`,
        );
      }
      if (request !== undefined) probeRequest(command, request, { store, version: closedVersion });
      probeReads(command, store, closedVersion);
      return group.propose((out) => encodeCommand(out, command, context), { deadlineMs });
    });
  }

  /** Reads at once, but for a version that must be reached first: most reads cost no promise more. */
  #whenReached<Answer>(
    options: ReadOptions,
    read: (version: number) => Answer,
  ): Answer | Promise<Answer> {
    const { at } = options;
    const isReached = at === undefined || at <= this.#replica.closedVersion;
    if (isReached) return read(this.#readVersion(options));
    return this.#reach(at, options).then(() => read(this.#readVersion(options)));
  }

  /** Has the group's log reach beyond a version, so that nothing can commit at or below it. */
  async #reach(version: number, options: { readonly deadlineMs: number }): Promise<void> {
    while (version > this.#replica.closedVersion) {
      checkDeadline(this.#clock.monotonicMs(), options.deadlineMs);
      if (version > this.#replica.versionNow) {
        throw new ShardError(
          "version_to_come",
          `Cannot read at version ${version}: it is ${this.#replica.versionNow} now`,
        );
      }
      const { valueSizeBytesMax, group } = this.#config;
      await group.propose(
        (out) => encodeCommand(out, { kind: "advance", horizons: [] }, { valueSizeBytesMax }),
        { deadlineMs: options.deadlineMs, isUpkeep: true },
      );
    }
  }

  #readTransaction(
    command: Extract<Command, { kind: "transaction" }>,
    options: WriteOptions,
  ): CommandResult {
    checkDeadline(this.#clock.monotonicMs(), options.deadlineMs);
    const checks = command.checks.map(({ key, version }) => ({
      treeKey: flatTreeKey(key),
      version,
    }));
    const version = this.#replica.closedVersion;
    const store = this.#replica.store;
    const reads = command.reads.map(flatTreeKey);
    return evaluateReads({ checks, reads }, { store, version, sizeBytesMax: readsSizeBytesMax });
  }

  #readVersion(options: ReadOptions): number {
    checkDeadline(this.#clock.monotonicMs(), options.deadlineMs);
    if (options.snapshot?.isEnded === true) {
      throw new ShardError(
        "version_vacuumed",
        "Cannot read: the snapshot was ended, by an operator or with its rule",
        {
          oldestVersion: this.#replica.watermark,
        },
      );
    }
    return options.at ?? options.snapshot?.version ?? this.#replica.closedVersion;
  }

  #read(key: string, version: number): StoredValue | undefined {
    const found = this.#replica.store.get(flatTreeKey(key), version);
    return found === undefined ? undefined : decodeValue(found.bytes, found.version);
  }

  #walk(
    range: KeyRange,
    options: { version: number; deadlineMs: number; reverse?: boolean },
  ): Parameters<typeof walkRange>[0] {
    const { version, deadlineMs, reverse } = options;
    return {
      store: this.#replica.store,
      clock: this.#clock,
      range: treeRange(range),
      version,
      deadlineMs,
      reverse,
      hold: () => this.#replica.hold(ownRead, { version, range }),
    };
  }
}

/** Runs a call and turns whatever it fails with into a rejection that clients understand. */
async function attempt<Answer>(call: () => Answer | Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    throw toShardError(error);
  }
}
