/**
 * A ReplicaStore over a sorted list: what applying is tested against.
 *
 * It says of every version what the tree says, without memtables and files: expired values are out
 * of sight, and what lies below a key's horizon is refused, unless its rule has surely kept it.
 *
 * @module
 */
import { valueExpiry } from "../../sharding/value.ts";
import { EntryKind, versionMax } from "../../storage/cursor.ts";
import {
  horizonOf,
  horizonOver,
  type Horizons,
  noHorizons,
  ruleOf,
  StorageError,
  userSpace,
} from "../../storage/mod.ts";
import { Collector } from "../../storage/mvcc/collect.ts";
import type {
  ReplicaStore,
  StoreCursor,
  StoreEntry,
  StoreRange,
  StoreValue,
  StoreVersions,
} from "../../sharding/replica_store.ts";

/** One version of a tree key. */
export interface ModelVersion {
  readonly version: number;
  readonly kind: EntryKind;
  readonly bytes: Uint8Array;
}

/** Keeps every version of every key, until it is vacuumed. */
export class ModelStore implements ReplicaStore {
  /** Versions of each tree key, newest last. */
  readonly written = new Map<string, ModelVersion[]>();
  /** What reads go by. */
  horizons: Horizons = noHorizons;

  get(key: string, version: number): StoreValue | undefined {
    const newest = this.#newest(key, version);
    if (version < horizonOf(this.horizons, key)) this.#checkCounted(key, version, newest);
    return newest === undefined || !isLive(key, newest, version) ? undefined : newest;
  }

  entry(key: string, version: number): StoreEntry | undefined {
    const newest = this.#newest(key, version);
    return newest === undefined ? undefined : storeEntry(newest);
  }

  versions(key: string, from: number): StoreVersions {
    const kept = (this.written.get(key) ?? []).filter(({ version }) => version <= from);
    return new ModelVersions(kept.reverse());
  }

  write(
    key: string,
    version: number,
    kind: EntryKind,
    source: Uint8Array,
    start: number,
    end: number,
  ): void {
    const versions = this.written.get(key) ?? [];
    const last = versions.at(-1);
    if (last !== undefined && last.version >= version) {
      throw new Error(`${key} has version ${last.version} and gets ${version}`);
    }
    versions.push({ version, kind, bytes: source.slice(start, end) });
    this.written.set(key, versions);
  }

  cursor(range: StoreRange): StoreCursor {
    const { start, end, version, reverse } = range;
    checkHorizon(version, horizonOver(this.horizons, start, end));
    const found = [...this.written.keys()]
      .filter((key) => key >= start && (end === undefined || key < end))
      .flatMap((key) => {
        const newest = this.#newest(key, version);
        return newest !== undefined && isLive(key, newest, version) ? [{ key, found: newest }] : [];
      })
      .sort((left, right) => left.key < right.key ? -1 : 1);
    if (reverse === true) found.reverse();
    return new ModelCursor(found);
  }

  /** Drops all that VACUUM may drop by now. */
  vacuum(): void {
    const collector = new Collector({ horizons: this.horizons, deeperRanges: [] });
    for (
      const [key, versions] of [...this.written].sort(([left], [right]) => left < right ? -1 : 1)
    ) {
      const kept = versions.toReversed().filter(({ version, kind }) =>
        !collector.drops(key, version, kind)
      );
      this.written.set(key, kept.reverse());
      if (kept.length === 0) this.written.delete(key);
    }
  }

  /** Every version of every key, in order, as text: two stores are equal where these are. */
  dump(space = ""): string[] {
    return [...this.written].filter(([key]) => key.startsWith(space))
      .sort(([left], [right]) => left < right ? -1 : 1).flatMap(([key, versions]) =>
        versions.map((entry) => `${key} ${entry.version} ${entry.kind} ${entry.bytes.toHex()}`)
      );
  }

  #newest(key: string, version: number): ModelVersion | undefined {
    return this.written.get(key)?.findLast((entry) => entry.version <= version);
  }

  /** Below its horizon a key can be read as far as its rule counts. */
  #checkCounted(key: string, version: number, newest: ModelVersion | undefined): void {
    const rule = ruleOf(this.horizons, key);
    const newerCount =
      (this.written.get(key) ?? []).filter((entry) => entry.version > (newest?.version ?? 0))
        .length;
    const isCounted = newest !== undefined && newerCount < (rule?.versionCount ?? 0) &&
      version >= (rule?.countedFrom ?? Infinity);
    if (!isCounted) checkHorizon(version, horizonOf(this.horizons, key));
  }
}

function checkHorizon(version: number, oldestVersion: number): void {
  if (version >= oldestVersion) return;
  const reason = `Cannot read at version ${version}: kept are those from ${oldestVersion} on`;
  throw new StorageError("version_vacuumed", reason, { oldestVersion });
}

function isLive(key: string, entry: ModelVersion, version: number): boolean {
  if (entry.kind === EntryKind.tombstone) return false;
  return key[0] !== userSpace ||
    valueExpiry(entry.bytes, 0, entry.bytes.length) > Math.min(version, versionMax);
}

function storeEntry({ version, kind, bytes }: ModelVersion): StoreEntry {
  return { version, kind, source: bytes, valueStart: 0, valueEnd: bytes.length };
}

class ModelVersions implements StoreVersions {
  readonly #entries: readonly ModelVersion[];
  #index = 0;

  constructor(entries: readonly ModelVersion[]) {
    this.#entries = entries;
  }

  get isValid(): boolean {
    return this.#index < this.#entries.length;
  }

  get version(): number {
    return this.#entries[this.#index].version;
  }

  get kind(): EntryKind {
    return this.#entries[this.#index].kind;
  }

  get source(): Uint8Array {
    return this.#entries[this.#index].bytes;
  }

  readonly valueStart = 0;

  get valueEnd(): number {
    return this.source.length;
  }

  next(): void {
    this.#index++;
  }

  close(): void {
    this.#index = this.#entries.length;
  }
}

class ModelCursor implements StoreCursor {
  readonly #entries: readonly { key: string; found: ModelVersion }[];
  #index = 0;

  constructor(entries: readonly { key: string; found: ModelVersion }[]) {
    this.#entries = entries;
  }

  get isValid(): boolean {
    return this.#index < this.#entries.length;
  }

  get key(): string {
    return this.#entries[this.#index].key;
  }

  get version(): number {
    return this.#entries[this.#index].found.version;
  }

  get source(): Uint8Array {
    return this.#entries[this.#index].found.bytes;
  }

  readonly valueStart = 0;

  get valueEnd(): number {
    return this.source.length;
  }

  next(): void {
    this.#index++;
  }

  readonly isPaused = false;

  resume(): void {}

  close(): void {
    this.#index = this.#entries.length;
  }
}
