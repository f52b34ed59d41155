/**
 * What the server sees of the data: client operations on keys, and nothing of shards or logs.
 *
 * Keys are latin1 strings, one character a byte, without the tree's tag. Versions are microseconds
 * since the Unix epoch, strictly rising from commit to commit. Whatever a call hands out may be
 * kept, and must not be modified; whatever it is given is copied before it returns its promise.
 *
 * @module
 */
import type {
  HistoryOptions,
  Holder,
  HoldOptions,
  KeyHistory,
  RetentionTerm,
  RetentionView,
  SnapshotHold,
  SnapshotHolder,
  Watch,
  WatchRequest,
} from "./past.ts";
import type { KeyRange, NewValue, StoredEntry, StoredValue } from "./stored_value.ts";

export type * from "./past.ts";
export type * from "./stored_value.ts";

/** What must hold of a key before a write of it. */
export type Condition =
  | { readonly kind: "absent" }
  | { readonly kind: "exists" }
  /** One of these versions is the newest. */
  | { readonly kind: "version"; readonly versions: readonly number[] };

/** One check of a transaction: `version` is the newest, or the key is absent where it is null. */
export interface Check {
  readonly key: string;
  readonly version: number | null;
}

/**
 * One change of a transaction. `add`, `min`, `max` take a JSON number. They and `append` leave the
 * time that a value has to live as it is, unless they bring one; `set` begins anew.
 */
export type Mutation =
  | { readonly op: "set"; readonly key: string; readonly value: NewValue }
  | { readonly op: "delete"; readonly key: string }
  | {
    readonly op: "add" | "min" | "max";
    readonly key: string;
    readonly operand: number;
    readonly ttlMicros?: number;
  }
  | { readonly op: "append"; readonly key: string; readonly value: NewValue };

/** What can be asked of the state machine in one step. */
export type Command =
  | {
    readonly kind: "put";
    readonly key: string;
    readonly value: NewValue;
    readonly condition?: Condition;
  }
  | { readonly kind: "delete"; readonly key: string; readonly condition?: Condition }
  /** All keys of the range, or none where there are more than `keyCountMax`. */
  | { readonly kind: "delete_range"; readonly range: KeyRange; readonly keyCountMax: number }
  /** Checks and reads see the state before the mutations, which apply in order: all or nothing. */
  | {
    readonly kind: "transaction";
    readonly checks: readonly Check[];
    readonly mutations: readonly Mutation[];
    readonly reads: readonly string[];
  }
  /**
   * Writes the value that a key had at a version once more, as a new commit. It lives for ever unless
   * `ttlMicros` says otherwise.
   */
  | {
    readonly kind: "revert";
    readonly key: string;
    readonly toVersion: number;
    readonly condition?: Condition;
    readonly ttlMicros?: number;
  }
  /** Keeps the versions of the keys under a prefix by a rule of their own. */
  | { readonly kind: "set_retention"; readonly prefix: string; readonly rule: RetentionTerm }
  /** Takes such a rule back: `deletedCount` tells whether there was one. */
  | { readonly kind: "remove_retention"; readonly prefix: string };

/**
 * What a command came to. All but `committed` mean that nothing was applied.
 *
 * `version` is that of the command itself, given also where nothing changed.
 */
export type CommandResult =
  | {
    readonly outcome: "committed";
    readonly version: number;
    /** How many keys a delete or a range delete removed; 0 for other commands. */
    readonly deletedCount: number;
    /** What a transaction's reads found, in their order. */
    readonly reads: readonly (StoredValue | undefined)[];
  }
  /** The condition of a put or delete did not hold; `current` is the newest version, if any. */
  | { readonly outcome: "condition_failed"; readonly current: number | undefined }
  | { readonly outcome: "check_failed"; readonly failedChecks: readonly number[] }
  /** A mutation did not fit the value it met, such as `add` on text. */
  | { readonly outcome: "invalid"; readonly key: string; readonly reason: string }
  /** A value would have grown past the limit. */
  | { readonly outcome: "value_too_large"; readonly key: string }
  /** The version to revert to is not kept any more; `oldestVersion` is the oldest that is. */
  | { readonly outcome: "version_vacuumed"; readonly oldestVersion: number }
  /** The key had no value at the version to revert to. */
  | { readonly outcome: "no_value"; readonly key: string }
  /** There are as many retention rules as there may be. */
  | { readonly outcome: "too_many_rules"; readonly limit: number }
  /** A range delete met more keys than it may remove. */
  | { readonly outcome: "too_many_keys"; readonly limit: number }
  /** The request id is remembered with another body. */
  | { readonly outcome: "request_mismatch" };

/** Names a request, so that a retry gets the answer of the first attempt for ten minutes. */
export interface RequestIdentity {
  /** 16 bytes that stand for the scope and the client's key. */
  readonly id: Uint8Array;
  /** 16 bytes that stand for the request's content. */
  readonly fingerprint: Uint8Array;
}

/** What goes with a write. */
export interface WriteOptions {
  /** Until when the write may wait before it reaches the log, on the monotonic clock. */
  readonly deadlineMs: number;
  /** Set where the client asked to be remembered. */
  readonly request?: RequestIdentity;
  /** The name of the token that asked, for the change record; empty without tokens. */
  readonly writer?: string;
}

/** What goes with a read. */
export interface ReadOptions {
  /** Until when the read may wait, on the monotonic clock. */
  readonly deadlineMs: number;
  /** Reads under this snapshot instead of the newest state. */
  readonly snapshot?: SnapshotHold;
  /**
   * Reads as of this version instead of the newest state: `version_vacuumed` below what is kept,
   * `version_to_come` where it lies ahead of the clock. Not together with `snapshot`.
   */
  readonly at?: number;
}

/** What a read of one key found, and at which version it looked. */
export interface GetResult {
  readonly value: StoredValue | undefined;
  readonly version: number;
}

/** How a range is read. */
export interface ScanOptions extends ReadOptions {
  /** How many entries at most, from 1. */
  readonly limit: number;
  /** Stop after this many bytes of keys and values, though always with one entry; default 16 MiB. */
  readonly sizeBytesMax?: number;
  /** From the end of the range to its start. */
  readonly reverse?: boolean;
  /** Leave `bytes` empty. */
  readonly keysOnly?: boolean;
}

/** A piece of a range. */
export interface ScanResult {
  readonly entries: readonly StoredEntry[];
  /** Whether there is more behind the last entry. */
  readonly hasMore: boolean;
  readonly version: number;
}

/** One operation of a batch. */
export type BatchOperation =
  | { readonly op: "get"; readonly key: string }
  | {
    readonly op: "set";
    readonly key: string;
    readonly value: NewValue;
    readonly condition?: Condition;
  }
  | { readonly op: "delete"; readonly key: string; readonly condition?: Condition };

/** What one operation of a batch came to. */
export type BatchOperationResult =
  | { readonly kind: "read"; readonly result: GetResult }
  /** Also what became of a get that went through the log and was not answered. */
  | { readonly kind: "write"; readonly result: CommandResult }
  /** It failed by itself: a `ShardError`. */
  | { readonly kind: "failed"; readonly error: unknown };

/** Client operations on keys. Every call may reject with a `ShardError`. */
export interface Database {
  /** Reads one key: linearizable, unless under a snapshot. */
  get(key: string, options: ReadOptions): Promise<GetResult>;
  /** Reads several keys at one version. */
  getMany(
    keys: readonly string[],
    options: ReadOptions,
  ): Promise<{ values: readonly (StoredValue | undefined)[]; version: number }>;
  /** Reads a piece of a range. Long ranges give way to others in between. */
  scan(range: KeyRange, options: ScanOptions): Promise<ScanResult>;
  /** Counts the keys of a range. */
  count(range: KeyRange, options: ReadOptions): Promise<{ count: number; version: number }>;
  /** Runs one command. Resolves once it is durable and applied. */
  run(command: Command, options: WriteOptions): Promise<CommandResult>;
  /**
   * Runs operations each on its own; those on one key in their order. The operations are not copied:
   * they must not change until it resolves.
   */
  batch(
    operations: readonly BatchOperation[],
    options: WriteOptions,
  ): Promise<readonly BatchOperationResult[]>;
  /**
   * Holds a snapshot.
   *
   * @throws {ShardError} `version_vacuumed` where its version is not kept any more; `version_to_come`
   * where it is above the newest.
   */
  hold(holder: SnapshotHolder, options?: HoldOptions): SnapshotHold;
  /** Makes a version readable by time: resolves once no commit can come at or below it any more. */
  reach(version: number, options: { readonly deadlineMs: number }): Promise<void>;
  /** Returns the versions of a key that are still kept. */
  history(key: string, options: HistoryOptions): Promise<KeyHistory>;
  /**
   * Opens a watch. One whose `from` is vacuumed answers with a reset.
   *
   * @throws {ShardError} `overloaded`, `version_to_come`.
   */
  watch(request: WatchRequest): Watch;
  /** Returns how long versions are kept. Rules are set by `run`. */
  retention(): RetentionView;
  /** Returns what keeps old versions, oldest version first. */
  holders(): readonly Holder[];
  /** Ends a hold. @returns Whether there was one of that id that can be ended. */
  releaseHolder(id: string): boolean;
}
