/**
 * A Database in memory that keeps every version: what the routes are tested against without a node.
 *
 * @module
 */
import type {
  BatchOperation,
  BatchOperationResult,
  Command,
  CommandResult,
  Condition,
  Database,
  GetResult,
  KeyRange,
  Mutation,
  NewValue,
  ReadOptions,
  ScanOptions,
  ScanResult,
  SnapshotHold,
  SnapshotHolder,
  StoredEntry,
  StoredValue,
  WriteOptions,
} from "../../sharding/mod.ts";
import { ShardError } from "../../sharding/mod.ts";
import type { Clock } from "../../storage/env/mod.ts";

interface Kept {
  readonly version: number;
  readonly value: NewValue | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A {@linkcode Database} in memory. */
export class MemoryDatabase implements Database {
  /** Thrown by the next call and by every one until it is taken away. */
  failure: Error | undefined;
  /** Versions below it are gone. */
  watermark = 0;
  /** What is held now. */
  readonly holds = new Set<SnapshotHold>();
  readonly #clock: Clock;
  readonly #valueSizeBytesMax: number;
  readonly #kept = new Map<string, Kept[]>();
  readonly #remembered = new Map<string, { fingerprint: string; result: CommandResult }>();
  #sorted: string[] | undefined = [];
  #lastVersion: number;

  constructor(clock: Clock, valueSizeBytesMax = 1_048_576) {
    this.#clock = clock;
    this.#valueSizeBytesMax = valueSizeBytesMax;
    this.#lastVersion = clock.wallMicros();
  }

  /** The version of the last commit. */
  get lastVersion(): number {
    return this.#lastVersion;
  }

  get(key: string, options: ReadOptions): Promise<GetResult> {
    return this.#attempt(options, () => {
      const version = options.snapshot?.version ?? this.#lastVersion;
      return { value: this.#read(key, version), version };
    });
  }

  getMany(
    keys: readonly string[],
    options: ReadOptions,
  ): Promise<{ values: readonly (StoredValue | undefined)[]; version: number }> {
    return this.#attempt(options, () => {
      const version = options.snapshot?.version ?? this.#lastVersion;
      return { values: keys.map((key) => this.#read(key, version)), version };
    });
  }

  scan(range: KeyRange, options: ScanOptions): Promise<ScanResult> {
    return this.#attempt(options, () => {
      const version = options.snapshot?.version ?? this.#lastVersion;
      const keys = this.#keysIn(range, options.reverse === true);
      const entries: StoredEntry[] = [];
      let sizeBytes = 0;
      for (const key of keys) {
        const value = this.#read(key, version);
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
      const version = options.snapshot?.version ?? this.#lastVersion;
      const live = this.#keysIn(range, false).filter((key) => this.#read(key, version));
      return { count: live.length, version };
    });
  }

  run(command: Command, options: WriteOptions): Promise<CommandResult> {
    return this.#attempt(options, () => this.#remember(command, options));
  }

  batch(
    operations: readonly BatchOperation[],
    options: WriteOptions,
  ): Promise<readonly BatchOperationResult[]> {
    return this.#attempt(options, () => operations.map((operation) => this.#one(operation)));
  }

  hold(_holder: SnapshotHolder, version: number = this.#lastVersion): SnapshotHold {
    if (version < this.watermark || version > this.#lastVersion) {
      throw new ShardError("version_vacuumed", `Cannot hold version ${version}: it is gone`);
    }
    const hold: SnapshotHold = {
      id: String(version),
      version,
      release: () => void this.holds.delete(hold),
    };
    this.holds.add(hold);
    return hold;
  }

  #attempt<Result>(options: { deadlineMs: number }, run: () => Result): Promise<Result> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    if (this.#clock.monotonicMs() >= options.deadlineMs) {
      return Promise.reject(new ShardError("deadline_exceeded", "Cannot answer: it is too late"));
    }
    return new Promise((resolve) => resolve(run()));
  }

  #one(operation: BatchOperation): BatchOperationResult {
    if (operation.op === "get") {
      const version = this.#lastVersion;
      return { kind: "read", result: { value: this.#read(operation.key, version), version } };
    }
    const { key, condition } = operation;
    return {
      kind: "write",
      result: operation.op === "set"
        ? this.#apply({ kind: "put", key, value: operation.value, condition })
        : this.#apply({ kind: "delete", key, condition }),
    };
  }

  #remember(command: Command, options: WriteOptions): CommandResult {
    if (options.request === undefined) return this.#apply(command);
    const id = options.request.id.toHex();
    const fingerprint = options.request.fingerprint.toHex();
    const before = this.#remembered.get(id);
    if (before !== undefined) {
      return before.fingerprint === fingerprint ? before.result : { outcome: "request_mismatch" };
    }
    const result = this.#apply(command);
    this.#remembered.set(id, { fingerprint, result });
    return result;
  }

  #apply(command: Command): CommandResult {
    const version = Math.max(this.#clock.wallMicros(), this.#lastVersion + 1);
    switch (command.kind) {
      case "put":
      case "delete": {
        const current = this.#read(command.key, this.#lastVersion);
        if (!holds(command.condition, current)) {
          return { outcome: "condition_failed", current: current?.version };
        }
        const value = command.kind === "put" ? command.value : undefined;
        const deletedCount = value === undefined && current !== undefined ? 1 : 0;
        return this.#commit(new Map([[command.key, value]]), version, { deletedCount });
      }
      case "delete_range": {
        const live = this.#keysIn(command.range, false)
          .filter((key) => this.#read(key, this.#lastVersion));
        if (live.length > command.keyCountMax) {
          return { outcome: "too_many_keys", limit: command.keyCountMax };
        }
        const changes = new Map(live.map((key) => [key, undefined]));
        return this.#commit(changes, version, { deletedCount: live.length });
      }
      case "transaction":
        return this.#transact(command, version);
    }
  }

  #transact(command: Extract<Command, { kind: "transaction" }>, version: number): CommandResult {
    const failedChecks: number[] = [];
    for (const [index, check] of command.checks.entries()) {
      const current = this.#read(check.key, this.#lastVersion)?.version ?? null;
      if (current !== check.version) failedChecks.push(index);
    }
    if (failedChecks.length > 0) return { outcome: "check_failed", failedChecks };
    const reads = command.reads.map((key) => this.#read(key, this.#lastVersion));
    const changes = new Map<string, NewValue | undefined>();
    for (const mutation of command.mutations) {
      const before = changes.has(mutation.key)
        ? changes.get(mutation.key)
        : this.#read(mutation.key, this.#lastVersion);
      const after = mutate(mutation, before);
      if (typeof after === "string") {
        return { outcome: "invalid", key: mutation.key, reason: after };
      }
      if (after !== undefined && after.bytes.length > this.#valueSizeBytesMax) {
        return { outcome: "value_too_large", key: mutation.key };
      }
      changes.set(mutation.key, after);
    }
    return this.#commit(changes, version, { deletedCount: 0, reads });
  }

  #commit(
    changes: ReadonlyMap<string, NewValue | undefined>,
    version: number,
    found: { deletedCount: number; reads?: readonly (StoredValue | undefined)[] },
  ): CommandResult {
    this.#lastVersion = version;
    for (const [key, value] of changes) {
      const kept = this.#kept.get(key);
      const entry = { version, value: value && { ...value, bytes: value.bytes.slice() } };
      if (kept === undefined) {
        this.#kept.set(key, [entry]);
        this.#sorted = undefined;
      } else kept.push(entry);
    }
    return { outcome: "committed", version, reads: [], ...found };
  }

  #read(key: string, version: number): StoredValue | undefined {
    const kept = this.#kept.get(key);
    for (let index = (kept?.length ?? 0) - 1; kept !== undefined && index >= 0; index--) {
      const { value, version: written } = kept[index];
      if (written <= version) return value && { ...value, version: written };
    }
    return undefined;
  }

  #keysIn(range: KeyRange, isReverse: boolean): string[] {
    this.#sorted ??= [...this.#kept.keys()].sort((left, right) => left < right ? -1 : 1);
    const { start = "", end } = range;
    const keys = this.#sorted.filter((key) => key >= start && (end === undefined || key < end));
    return isReverse ? keys.reverse() : keys;
  }
}

function holds(condition: Condition | undefined, current: StoredValue | undefined): boolean {
  switch (condition?.kind) {
    case undefined:
      return true;
    case "absent":
      return current === undefined;
    case "exists":
      return current !== undefined;
    case "version":
      return current !== undefined && condition.versions.includes(current.version);
  }
}

/** Returns the value after a mutation, or the reason why there is none. */
function mutate(mutation: Mutation, before: NewValue | undefined): NewValue | undefined | string {
  switch (mutation.op) {
    case "set":
      return mutation.value;
    case "delete":
      return undefined;
    case "append": {
      const { bytes, contentType } = mutation.value;
      if (before === undefined) return mutation.value;
      const joined = new Uint8Array([...before.bytes, ...bytes]);
      return { bytes: joined, contentType: before.contentType || contentType };
    }
    default: {
      const number = before === undefined ? undefined : numberOf(before);
      if (Number.isNaN(number)) return "the value is no JSON number";
      const sum = compute(mutation.op, number, mutation.operand);
      return { bytes: encoder.encode(JSON.stringify(sum)), contentType: "application/json" };
    }
  }
}

function numberOf(value: NewValue): number {
  try {
    const parsed: unknown = JSON.parse(decoder.decode(value.bytes));
    return typeof parsed === "number" ? parsed : Number.NaN;
  } catch {
    return Number.NaN;
  }
}

function compute(op: "add" | "min" | "max", before: number | undefined, operand: number): number {
  if (before === undefined) return operand;
  if (op === "add") return before + operand;
  return op === "min" ? Math.min(before, operand) : Math.max(before, operand);
}
