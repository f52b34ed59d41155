/**
 * What a commit does to the tree: values, tombstones, the index of expiries, the change record.
 *
 * ```
 * set    ─▶ "k" key: envelope          + "e" due, key: nothing     where the value expires
 * remove ─▶ "k" key: tombstone
 * ```
 *
 * An entry of the index that a later write has made void is left alone: whoever deals with it looks
 * at the value first. So a put of a key that expires stays a blind write.
 *
 * @module
 */
import { invariant, MalformedBytesError } from "../storage/env/mod.ts";
import { EntryKind, expirySpace, userSpace } from "../storage/mod.ts";
import { ChangeKind, type ChangeRecordBuilder } from "./change_record.ts";
import type { ReplicaStore } from "./replica_store.ts";
import { encodeTombstone, TombstoneCause } from "./tombstone.ts";
import { valueExpiry } from "./value.ts";

const noBytes = new Uint8Array(0);
const versionSizeBytes = 8;
const wordSize = 2 ** 32;

/** Writes the effects of commits. */
export class Effects {
  readonly #store: ReplicaStore;
  readonly #changes: ChangeRecordBuilder;
  readonly #tombstones = new Map<string, Uint8Array>();
  #earliestDue = Infinity;

  constructor(store: ReplicaStore, changes: ChangeRecordBuilder) {
    this.#store = store;
    this.#changes = changes;
  }

  /** The earliest expiry that was written since this was last asked for; `Infinity` where none. */
  takeEarliestDue(): number {
    const due = this.#earliestDue;
    this.#earliestDue = Infinity;
    return due;
  }

  /** Begins a commit of `changeCount` changes, which follow. */
  begin(version: number, options: { writer: string; changeCount: number }): void {
    this.#changes.begin(version, options);
  }

  /** Gives a key a value: the envelope [start, end) of `source`, as it is to stand in the tree. */
  set(treeKey: string, version: number, source: Uint8Array, start: number, end: number): void {
    this.#store.write(treeKey, version, EntryKind.value, source, start, end);
    this.#changes.add(treeKey, ChangeKind.set);
    const due = valueExpiry(source, start, end);
    if (due === Infinity) return;
    invariant(due > version, () => `A value that expires at ${due} outlives its commit ${version}`);
    const indexKey = expiryTreeKey(due, treeKey.slice(userSpace.length));
    this.#store.write(indexKey, version, EntryKind.value, noBytes, 0, 0);
    if (due < this.#earliestDue) this.#earliestDue = due;
  }

  /** Takes a key's value away. */
  remove(treeKey: string, version: number, writer: string): void {
    let tombstone = this.#tombstones.get(writer);
    if (tombstone === undefined) {
      tombstone = encodeTombstone(TombstoneCause.deleted, writer);
      // A commit has one writer, and tokens are few.
      if (this.#tombstones.size >= 64) this.#tombstones.clear();
      this.#tombstones.set(writer, tombstone);
    }
    this.#write(treeKey, version, tombstone);
    this.#changes.add(treeKey, ChangeKind.delete);
  }

  /** Takes away the value of a key whose time has passed. */
  expire(treeKey: string, version: number): void {
    this.#write(treeKey, version, expiredTombstone);
    this.#changes.add(treeKey, ChangeKind.expire);
  }

  #write(treeKey: string, version: number, tombstone: Uint8Array): void {
    this.#store.write(treeKey, version, EntryKind.tombstone, tombstone, 0, tombstone.length);
  }
}

const expiredTombstone = encodeTombstone(TombstoneCause.expired, "");

/** Returns the tree key of the index entry of a key that expires. */
export function expiryTreeKey(due: number, key: string): string {
  const high = Math.floor(due / wordSize);
  const low = due >>> 0;
  return expirySpace + String.fromCharCode(
    high >>> 24,
    (high >>> 16) & 0xff,
    (high >>> 8) & 0xff,
    high & 0xff,
    low >>> 24,
    (low >>> 16) & 0xff,
    (low >>> 8) & 0xff,
    low & 0xff,
  ) + key;
}

/** Returns what an entry of the index is about. @throws {MalformedBytesError} where it is none. */
export function parseExpiryKey(indexKey: string): { due: number; treeKey: string } {
  const keyStart = expirySpace.length + versionSizeBytes;
  if (indexKey[0] !== expirySpace || indexKey.length <= keyStart) {
    throw new MalformedBytesError(`No entry of the index of expiries: ${indexKey.length} bytes`);
  }
  let due = 0;
  for (let index = expirySpace.length; index < keyStart; index++) {
    due = due * 256 + indexKey.charCodeAt(index);
  }
  return { due, treeKey: userSpace + indexKey.slice(keyStart) };
}
