/**
 * The past of keys as the server sees it: snapshots and what holds them, retention, history, watches.
 *
 * @module
 */
import type { KeyRange, StoredValue } from "./stored_value.ts";

/** How long versions are kept: by time, in microseconds of versions, or by count. */
export type RetentionTerm =
  | { readonly kind: "duration"; readonly retentionMicros: number }
  | { readonly kind: "versions"; readonly versionCount: number };

/** A read view at one version that VACUUM must respect until it is released. */
export interface SnapshotHold {
  /** Names the holder for operators. */
  readonly id: string;
  /** What is seen: all commits up to it. */
  readonly version: number;
  /** Set once an operator has ended it: reads under it are refused with `version_vacuumed`. */
  readonly isEnded: boolean;
  /** Lets go. Harmless the second time. */
  release(): void;
}

/** Which version is held, and for whom. */
export interface HoldOptions {
  /** The newest where it is left out. */
  readonly version?: number;
  /** The keys that will be read; all of them where it is left out. */
  readonly range?: KeyRange;
  /** Whether change records will be read too: they go by the watermark, whatever the rules say. */
  readonly readsChanges?: boolean;
  /** Called once, where an operator ends the hold before it was released. */
  onEnded?(): void;
}

/** Who holds a snapshot, as an operator sees it. */
export interface SnapshotHolder {
  /** What kind of thing holds it. */
  readonly kind: "cursor" | "stream" | "read" | "export" | "backup" | "watch";
  /** From whom: a token name, an address. */
  readonly owner: string;
}

/** What keeps old versions from VACUUM. */
export interface Holder {
  /** Names it; that of a retention rule cannot be released. */
  readonly id: string;
  /** The kinds of snapshots, or the retention of the node or of a rule. */
  readonly kind: SnapshotHolder["kind"] | "retention" | "rule";
  readonly owner: string;
  /** The oldest version that it keeps readable. */
  readonly version: number;
  /** For how long it has been there; undefined of retentions. */
  readonly ageMs: number | undefined;
  /** Whether the watermark waits for it and for nothing else. */
  readonly isHoldingBack: boolean;
}

/** One rule of retention, as an operator sees it. */
export interface RetentionRuleView {
  /** What the keys begin with. */
  readonly prefix: string;
  readonly term: RetentionTerm;
  /** The oldest version that can be read of those keys. */
  readonly oldestVersion: number;
}

/** How long versions are kept. */
export interface RetentionView {
  /** Where no rule says otherwise, in microseconds of versions. */
  readonly retentionMicros: number;
  /** The oldest version that can be read where no rule says otherwise. */
  readonly oldestVersion: number;
  /** In order of their prefixes. */
  readonly rules: readonly RetentionRuleView[];
}

/** What happened to a key at one version. */
export interface KeyVersion {
  readonly version: number;
  readonly kind: "set" | "delete" | "expire";
  /** The value, of a `set`. */
  readonly value: StoredValue | undefined;
  /** The node that took the request; empty where the node did it by itself. */
  readonly node: string;
  /** The name of the token that asked; empty without tokens. */
  readonly token: string;
}

/** How a key's versions are read. */
export interface HistoryOptions {
  readonly deadlineMs: number;
  /** How many at most, from 1; fewer where their values come to more than 16 MiB. */
  readonly limit: number;
  /** Only what is older than this version. */
  readonly before?: number;
  /** Leave the values' `bytes` empty. */
  readonly withoutValues?: boolean;
}

/** The versions of a key that are still kept. */
export interface KeyHistory {
  /** Newest first. */
  readonly versions: readonly KeyVersion[];
  /** Whether there are older ones. */
  readonly hasMore: boolean;
  /** What is older than this may be gone. */
  readonly oldestVersion: number;
  /** What was looked at: all commits up to it. */
  readonly version: number;
}

/** One change, as a watch tells of it. */
export interface WatchEvent {
  readonly kind: "set" | "delete" | "expire";
  readonly key: string;
  readonly version: number;
  /** The new value, of a `set`. */
  readonly value: StoredValue | undefined;
  /** The value before, where the watch asked for it and there was one. */
  readonly previous: StoredValue | undefined;
}

/** What a watch is told next. */
export type WatchBatch =
  /** Whole commits, each one's events next to each other, in order of versions. */
  | { readonly kind: "events"; readonly events: readonly WatchEvent[] }
  /** Everything up to this version has been told. */
  | { readonly kind: "progress"; readonly version: number }
  /**
   * The end: the watch cannot go on without a gap. `oldestVersion` is the oldest version that a new
   * watch may begin behind; `resumeVersion` is what was told last.
   */
  | {
    readonly kind: "reset";
    readonly reason: "vacuumed" | "too_slow" | "released";
    readonly oldestVersion: number;
    readonly resumeVersion: number;
  };

/** What is watched. */
export interface WatchRequest {
  readonly range: KeyRange;
  /** Begins behind this version; behind the newest where it is left out. */
  readonly from?: number;
  /** Whether events carry the value before; of an `expire` the value whose time has passed. */
  readonly withPrevious: boolean;
  /** How often it tells of progress while nothing happens, from 1 millisecond; 5 seconds if left out. */
  readonly progressMs?: number;
  /** Who watches, for operators. */
  readonly owner: string;
}

/** A watch that is open. It must be closed. */
export interface Watch {
  /** What it has told so far: everything up to it. */
  readonly version: number;
  /**
   * Resolves with what comes next. Called again only once it has resolved. Resolves with undefined
   * once the watch is closed, and behind a reset.
   */
  next(): Promise<WatchBatch | undefined>;
  /** Lets go of everything. Harmless the second time. */
  close(): void;
}
