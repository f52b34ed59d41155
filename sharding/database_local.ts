/**
 * The Database of one replica that leads its group on this node.
 *
 * Writes go through the log. Reads look at the tree as applied: with a lone voter that is
 * linearizable, because a write is answered only once it has been applied, and nobody else writes.
 * `batch` is in `database_batch.ts`, walking ranges in `range_walk.ts`.
 *
 * @module
 */
import { type ByteWriter, type Clock, invariant } from "../storage/env/mod.ts";
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
  KeyRange,
  ReadOptions,
  ScanOptions,
  ScanResult,
  SnapshotHold,
  SnapshotHolder,
  StoredEntry,
  StoredValue,
  WriteOptions,
} from "./database.ts";
import { runBatch } from "./database_batch.ts";
import { checkDeadline, toShardError } from "./failures.ts";
import { probeReads, probeRequest } from "./probe.ts";
import { walkRange } from "./range_walk.ts";
import type { Replica } from "./replica.ts";
import { decodeValue, valueBodyStart, valueContentType } from "./value.ts";

const scanSizeBytesDefault = 16_777_216;
const noBytes = new Uint8Array(0);
const ownRead: SnapshotHolder = { kind: "read", owner: "node" };

/** Offers commands to the log: a Raft group, or a stand-in. */
export interface Proposer {
  /** Appends the bytes of a command at once; resolves with its result once it is applied. */
  propose(
    encode: (out: ByteWriter) => void,
    options: { deadlineMs: number },
  ): Promise<CommandResult>;
}

/** What a local database is made of. */
export interface LocalDatabaseConfig {
  readonly replica: Replica;
  readonly group: Proposer;
  readonly clock: Clock;
  /** The longest value allowed. */
  readonly valueSizeBytesMax: number;
}

/** A {@linkcode Database} over one replica. */
export class LocalDatabase implements Database {
  readonly #replica: Replica;
  readonly #group: Proposer;
  readonly #clock: Clock;
  readonly #valueSizeBytesMax: number;

  constructor(config: LocalDatabaseConfig) {
    this.#replica = config.replica;
    this.#group = config.group;
    this.#clock = config.clock;
    this.#valueSizeBytesMax = config.valueSizeBytesMax;
  }

  get(key: string, options: ReadOptions): Promise<GetResult> {
    return attempt(() => {
      const version = this.#readVersion(options);
      return { value: this.#read(key, version), version };
    });
  }

  getMany(
    keys: readonly string[],
    options: ReadOptions,
  ): Promise<{ values: readonly (StoredValue | undefined)[]; version: number }> {
    return attempt(() => {
      const version = this.#readVersion(options);
      return { values: keys.map((key) => this.#read(key, version)), version };
    });
  }

  scan(range: KeyRange, options: ScanOptions): Promise<ScanResult> {
    return attempt(async () => {
      const { limit, reverse, keysOnly, sizeBytesMax = scanSizeBytesDefault } = options;
      invariant(limit >= 1, () => `A scan has a limit from 1: ${limit}`);
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
        });
        return true;
      });
      return { entries, hasMore, version };
    });
  }

  count(range: KeyRange, options: ReadOptions): Promise<{ count: number; version: number }> {
    return attempt(async () => {
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
      hold: (holder, version) => this.hold(holder, version),
      propose: (command, writeOptions) => this.#propose(command, writeOptions),
    });
  }

  hold(holder: SnapshotHolder, version?: number): SnapshotHold {
    try {
      return this.#replica.hold(holder, version);
    } catch (error) {
      throw toShardError(error);
    }
  }

  #propose(command: Command, options: WriteOptions): Promise<CommandResult> {
    const refusal = refusalOf(command, this.#valueSizeBytesMax);
    if (refusal !== undefined) return Promise.resolve(refusal);
    const { request, writer, deadlineMs } = options;
    const context = { request, writer, valueSizeBytesMax: this.#valueSizeBytesMax };
    return attempt(() => {
      const { store, lastVersion } = this.#replica;
      if (request !== undefined) probeRequest(command, request, { store, version: lastVersion });
      probeReads(command, store, lastVersion);
      return this.#group.propose((out) => encodeCommand(out, command, context), { deadlineMs });
    });
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
    const version = this.#replica.lastVersion;
    const store = this.#replica.store;
    const reads = command.reads.map(flatTreeKey);
    return evaluateReads({ checks, reads }, { store, version, sizeBytesMax: readsSizeBytesMax });
  }

  #readVersion(options: ReadOptions): number {
    checkDeadline(this.#clock.monotonicMs(), options.deadlineMs);
    return options.snapshot?.version ?? this.#replica.lastVersion;
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
      hold: () => this.#replica.hold(ownRead, version),
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
