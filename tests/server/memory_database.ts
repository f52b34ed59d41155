/**
 * A Database in memory that keeps every version: what the routes are tested against without a node.
 *
 * Time moves with the clock it is given; nothing happens by itself. A test says when expired values
 * are dealt with (`expire`), when versions go (`watermark`, `moveRule`), and when a watch is told of
 * progress (`progress`).
 *
 * @module
 */
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
} from "../../sharding/mod.ts";
import { ShardError } from "../../sharding/mod.ts";
import type { Clock } from "../../storage/env/mod.ts";
import { listHolders, type MemoryHold } from "./memory_holders.ts";
import { draftOf, holds, mutate } from "./memory_mutations.ts";
import { type Change, type Draft, MemoryVersions } from "./memory_versions.ts";
import { MemoryWatch } from "./memory_watch.ts";

const ruleCountMax = 64;
const retentionMicros = 600_000_000;

/** A {@linkcode Database} in memory. */
export class MemoryDatabase implements Database {
  /** Thrown by the next call and by every one until it is taken away. */
  failure: Error | undefined;
  /** What is held now. */
  readonly holds = new Set<MemoryHold>();
  /** The watches that are open. */
  readonly watches = new Set<MemoryWatch>();
  readonly #clock: Clock;
  readonly #valueSizeBytesMax: number;
  readonly #versions = new MemoryVersions();
  readonly #remembered = new Map<string, { fingerprint: string; result: CommandResult }>();
  #lastVersion: number;
  /** Nothing commits at or below it any more. */
  #closedVersion: number;
  #nextHoldId = 1;

  constructor(clock: Clock, valueSizeBytesMax = 1_048_576) {
    this.#clock = clock;
    this.#valueSizeBytesMax = valueSizeBytesMax;
    this.#lastVersion = clock.wallMicros();
    this.#closedVersion = this.#lastVersion;
  }

  /** The version of the last commit. */
  get lastVersion(): number {
    return this.#lastVersion;
  }

  /** Versions below it are gone, where no rule says otherwise. */
  get watermark(): number {
    return this.#versions.watermark;
  }

  set watermark(version: number) {
    this.#versions.watermark = version;
  }

  /** Lets the versions below go, of the keys under a rule's prefix. */
  moveRule(prefix: string, version: number): void {
    this.#versions.moveRule(prefix, version);
  }

  /** Deals with the values whose time has passed: each gets its tombstone, in one commit. */
  expire(): void {
    const due = this.#versions.due(this.#close());
    if (due.length === 0) return;
    const changes = new Map(due.map((key) => [key, "expire" as const]));
    this.#commit(changes, this.#nextVersion(), { node: "", token: "" });
  }

  /** Tells all watches that nothing more comes up to now. */
  progress(): void {
    for (const watch of this.watches) watch.progress(this.#close());
  }

  get(key: string, options: ReadOptions): Promise<GetResult> {
    return this.#attempt(options, () => {
      const version = this.#readVersion(options);
      return { value: this.#versions.read(key, version), version };
    });
  }

  getMany(
    keys: readonly string[],
    options: ReadOptions,
  ): Promise<{ values: readonly (StoredValue | undefined)[]; version: number }> {
    return this.#attempt(options, () => {
      const version = this.#readVersion(options);
      return { values: keys.map((key) => this.#versions.read(key, version)), version };
    });
  }

  scan(range: KeyRange, options: ScanOptions): Promise<ScanResult> {
    return this.#attempt(options, () => {
      const version = this.#readVersion(options);
      this.#versions.checkRange(range, version);
      const entries: StoredEntry[] = [];
      let sizeBytes = 0;
      for (const key of this.#versions.keysIn(range, options.reverse === true)) {
        const value = this.#versions.peek(key, version);
        if (value === undefined) continue;
        const bytes = options.keysOnly ? new Uint8Array(0) : value.bytes;
        sizeBytes += key.length + bytes.length;
        const isFull = sizeBytes > (options.sizeBytesMax ?? 16_777_216) && entries.length > 0;
        if (entries.length === options.limit || isFull) return { entries, hasMore: true, version };
        entries.push({ key, ...value, bytes });
      }
      return { entries, hasMore: false, version };
    });
  }

  count(range: KeyRange, options: ReadOptions): Promise<{ count: number; version: number }> {
    return this.#attempt(options, () => {
      const version = this.#readVersion(options);
      this.#versions.checkRange(range, version);
      return { count: this.#liveIn(range, version).length, version };
    });
  }

  run(command: Command, options: WriteOptions): Promise<CommandResult> {
    return this.#attempt(options, () => this.#remember(command, options));
  }

  batch(
    operations: readonly BatchOperation[],
    options: WriteOptions,
  ): Promise<readonly BatchOperationResult[]> {
    return this.#attempt(options, () =>
      operations.map((operation): BatchOperationResult => {
        if (operation.op === "get") {
          const version = this.#close();
          return { kind: "read", result: { value: this.#now(operation.key), version } };
        }
        const { key, condition } = operation;
        const command: Command = operation.op === "set"
          ? { kind: "put", key, value: operation.value, condition }
          : { kind: "delete", key, condition };
        return { kind: "write", result: this.#apply(command, options) };
      }));
  }

  hold(holder: SnapshotHolder, options: HoldOptions = {}): SnapshotHold {
    const { version = this.#close(), range = {}, onEnded } = options;
    if (version > this.#close()) {
      throw new ShardError("version_vacuumed", `Cannot hold version ${version}: it is to come`);
    }
    this.#versions.checkRange(range, version);
    const hold: MemoryHold = {
      id: String(this.#nextHoldId++),
      version,
      isEnded: false,
      holder,
      range,
      heldAtMs: this.#clock.monotonicMs(),
      onEnded: onEnded?.bind(options),
      release: () => void this.holds.delete(hold),
    };
    this.holds.add(hold);
    return hold;
  }

  reach(version: number, options: { readonly deadlineMs: number }): Promise<void> {
    return this.#attempt(options, () => this.#reach(version));
  }

  history(key: string, options: HistoryOptions): Promise<KeyHistory> {
    return this.#attempt(options, () => {
      const version = this.#close();
      return { ...this.#versions.history(key, options), version };
    });
  }

  watch(request: WatchRequest): Watch {
    if (this.failure !== undefined) throw this.failure;
    if (request.from !== undefined) this.#reach(request.from);
    const watch: MemoryWatch = new MemoryWatch(this.#versions, {
      id: `w${this.#nextHoldId++}`,
      request,
      from: request.from ?? this.#close(),
      onClose: () => void this.watches.delete(watch),
    });
    this.watches.add(watch);
    return watch;
  }

  retention(): RetentionView {
    const { watermark } = this.#versions;
    return { retentionMicros, oldestVersion: watermark, rules: this.#versions.rules() };
  }

  holders(): readonly Holder[] {
    return listHolders({
      versions: this.#versions,
      holds: this.holds,
      watches: this.watches,
      retainedVersion: Math.max(0, this.#close() - retentionMicros),
      nowMs: this.#clock.monotonicMs(),
    });
  }

  releaseHolder(id: string): boolean {
    const watch = [...this.watches].find((one) => one.id === id);
    watch?.reset("released");
    const hold = [...this.holds].find((one) => one.id === id);
    if (hold === undefined) return watch !== undefined;
    this.holds.delete(hold);
    hold.isEnded = true;
    hold.onEnded?.();
    return true;
  }

  #attempt<Result>(options: { deadlineMs: number }, run: () => Result): Promise<Result> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    if (this.#clock.monotonicMs() >= options.deadlineMs) {
      return Promise.reject(new ShardError("deadline_exceeded", "Cannot answer: it is too late"));
    }
    return new Promise((resolve) => resolve(run()));
  }

  /** Closes what has passed, and returns the newest version that can be read. */
  #close(): number {
    this.#closedVersion = Math.max(this.#closedVersion, this.#clock.wallMicros());
    return this.#closedVersion;
  }

  #reach(version: number): void {
    if (version <= this.#close()) return;
    throw new ShardError("version_to_come", `Cannot read version ${version}: it is to come`);
  }

  #readVersion({ snapshot, at }: ReadOptions): number {
    if (snapshot?.isEnded === true) {
      throw new ShardError("version_vacuumed", "Cannot read: an operator has ended the hold");
    }
    if (at !== undefined) this.#reach(at);
    return snapshot?.version ?? at ?? this.#close();
  }

  #now(key: string): StoredValue | undefined {
    return this.#versions.peek(key, this.#close());
  }

  #liveIn(range: KeyRange, version: number): string[] {
    return this.#versions.keysIn(range).filter((key) => this.#versions.peek(key, version));
  }

  #nextVersion(): number {
    return Math.max(this.#clock.wallMicros(), this.#closedVersion + 1);
  }

  #remember(command: Command, options: WriteOptions): CommandResult {
    if (options.request === undefined) return this.#apply(command, options);
    const id = options.request.id.toHex();
    const fingerprint = options.request.fingerprint.toHex();
    const before = this.#remembered.get(id);
    if (before !== undefined) {
      return before.fingerprint === fingerprint ? before.result : { outcome: "request_mismatch" };
    }
    const result = this.#apply(command, options);
    this.#remembered.set(id, { fingerprint, result });
    return result;
  }

  #apply(command: Command, options: WriteOptions): CommandResult {
    const version = this.#nextVersion();
    const writer = { node: "node1", token: options.writer ?? "" };
    const commit = (changes: ReadonlyMap<string, Change>, deletedCount = 0): CommandResult => {
      this.#commit(changes, version, writer);
      return { outcome: "committed", version, reads: [], deletedCount };
    };
    switch (command.kind) {
      case "put":
      case "delete":
      case "revert": {
        const current = this.#now(command.key);
        if (!holds(command.condition, current)) {
          return { outcome: "condition_failed", current: current?.version };
        }
        if (command.kind === "delete") {
          return commit(new Map([[command.key, "delete"]]), current === undefined ? 0 : 1);
        }
        const value = command.kind === "put" ? command.value : this.#asItWas(command);
        if ("outcome" in value) return value;
        return commit(new Map([[command.key, draftOf(value, version)]]));
      }
      case "delete_range": {
        const live = this.#liveIn(command.range, this.#close());
        if (live.length > command.keyCountMax) {
          return { outcome: "too_many_keys", limit: command.keyCountMax };
        }
        return commit(new Map(live.map((key) => [key, "delete"])), live.length);
      }
      case "transaction":
        return this.#transact(command, { version, commit });
      case "set_retention":
        if (this.#versions.ruleCount >= ruleCountMax) {
          return { outcome: "too_many_rules", limit: ruleCountMax };
        }
        this.#versions.setRule(command.prefix, command.rule);
        return commit(new Map());
      case "remove_retention":
        return commit(new Map(), this.#versions.removeRule(command.prefix) ? 1 : 0);
    }
  }

  #asItWas(command: Extract<Command, { kind: "revert" }>) {
    const { key, toVersion, ttlMicros } = command;
    try {
      const value = this.#versions.read(key, toVersion);
      if (value === undefined) return { outcome: "no_value", key } as const;
      return { bytes: value.bytes, contentType: value.contentType, ttlMicros };
    } catch {
      const oldestVersion = this.#versions.horizonOf(key);
      return { outcome: "version_vacuumed", oldestVersion } as const;
    }
  }

  #transact(
    command: Extract<Command, { kind: "transaction" }>,
    at: {
      readonly version: number;
      readonly commit: (changes: ReadonlyMap<string, Change>) => CommandResult;
    },
  ): CommandResult {
    const failedChecks: number[] = [];
    for (const [index, check] of command.checks.entries()) {
      const current = this.#now(check.key)?.version ?? null;
      if (current !== check.version) failedChecks.push(index);
    }
    if (failedChecks.length > 0) return { outcome: "check_failed", failedChecks };
    const reads = command.reads.map((key) => this.#now(key));
    const changes = new Map<string, Draft | "delete">();
    for (const mutation of command.mutations) {
      const { key } = mutation;
      const changed = changes.get(key) ?? this.#now(key);
      const after = mutate(mutation, changed === "delete" ? undefined : changed, at.version);
      if (after !== "delete" && "reason" in after) {
        return { outcome: "invalid", key, reason: after.reason };
      }
      if (after !== "delete" && after.bytes.length > this.#valueSizeBytesMax) {
        return { outcome: "value_too_large", key };
      }
      changes.set(key, after);
    }
    return { ...at.commit(changes), reads } as CommandResult;
  }

  #commit(
    changes: ReadonlyMap<string, Change>,
    version: number,
    writer: { readonly node: string; readonly token: string },
  ): void {
    this.#lastVersion = version;
    this.#closedVersion = version;
    this.#versions.commit(changes, version, writer);
    for (const watch of this.watches) watch.wake();
  }
}
