/**
 * A ReplicaStore over a sorted list: what applying is tested against.
 *
 * @module
 */
import { EntryKind } from "../../storage/cursor.ts";
import type {
  ReplicaStore,
  StoreCursor,
  StoreRange,
  StoreValue,
} from "../../sharding/replica_store.ts";

interface ModelVersion {
  readonly version: number;
  readonly kind: EntryKind;
  readonly bytes: Uint8Array;
}

/** Keeps every version of every key. */
export class ModelStore implements ReplicaStore {
  /** Versions of each tree key, newest last. */
  readonly versions = new Map<string, ModelVersion[]>();

  get(key: string, version: number): StoreValue | undefined {
    const newest = this.versions.get(key)?.findLast((entry) => entry.version <= version);
    return newest === undefined || newest.kind === EntryKind.tombstone
      ? undefined
      : { version: newest.version, bytes: newest.bytes };
  }

  write(
    key: string,
    version: number,
    kind: EntryKind,
    source: Uint8Array,
    start: number,
    end: number,
  ): void {
    const versions = this.versions.get(key) ?? [];
    const last = versions.at(-1);
    if (last !== undefined && last.version >= version) {
      throw new Error(`${key} has version ${last.version} and gets ${version}`);
    }
    versions.push({ version, kind, bytes: source.slice(start, end) });
    this.versions.set(key, versions);
  }

  cursor(range: StoreRange): StoreCursor {
    const { start, end, version, reverse } = range;
    const keys = [...this.versions.keys()]
      .filter((key) => key >= start && (end === undefined || key < end))
      .filter((key) => this.get(key, version) !== undefined)
      .sort();
    if (reverse === true) keys.reverse();
    return new ModelCursor(keys.map((key) => ({ key, found: this.get(key, version) })));
  }

  /** Every version of every key, in order, as text: two stores are equal where these are. */
  dump(): string[] {
    return [...this.versions].sort(([left], [right]) => left < right ? -1 : 1).flatMap((
      [key, versions],
    ) => versions.map((entry) => `${key} ${entry.version} ${entry.kind} ${entry.bytes.toHex()}`));
  }
}

class ModelCursor implements StoreCursor {
  readonly #entries: readonly { key: string; found: StoreValue | undefined }[];
  #index = 0;

  constructor(entries: readonly { key: string; found: StoreValue | undefined }[]) {
    this.#entries = entries;
  }

  get isValid(): boolean {
    return this.#index < this.#entries.length;
  }

  get key(): string {
    return this.#entries[this.#index].key;
  }

  get version(): number {
    return this.#entries[this.#index].found?.version ?? 0;
  }

  get source(): Uint8Array {
    return this.#entries[this.#index].found?.bytes ?? new Uint8Array(0);
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
