/**
 * The event that a change becomes: the change record says which key and what happened, the value is
 * the version of the key itself.
 *
 * An event is made once and shared by all watches that it concerns, whatever their queues. So it
 * counts the queues that it stands in, and its bytes are counted once.
 *
 * @module
 */
import { invariant } from "../storage/env/mod.ts";
import { EntryKind, userTreeKey } from "../storage/mod.ts";
import { type Change, ChangeKind } from "./change_record.ts";
import type { StoredValue, WatchEvent } from "./database.ts";
import type { ReadStore } from "./replica_store.ts";
import { decodeValue } from "./value.ts";

/** What an event takes beside its key and values. */
const eventSizeBytes = 128;

const kinds = {
  [ChangeKind.delete]: "delete",
  [ChangeKind.set]: "set",
  [ChangeKind.expire]: "expire",
} as const;

/** A {@linkcode WatchEvent} that may stand in many queues. */
export interface SharedEvent extends WatchEvent {
  /** What it takes in memory, about. */
  readonly sizeBytes: number;
  /** In how many queues it stands. */
  queuedCount: number;
}

/** Where the values of a change are. */
export interface EventSource {
  readonly store: Pick<ReadStore, "get" | "entry">;
  /** The version of the commit: still readable, and the one before where that is asked for. */
  readonly version: number;
}

/** The events of one change: made when first asked for, one with the value before, one without. */
export class ChangeEvents {
  readonly #change: Change;
  readonly #source: EventSource;
  #plain: SharedEvent | undefined;
  #full: SharedEvent | undefined;

  constructor(change: Change, source: EventSource) {
    this.#change = change;
    this.#source = source;
  }

  /** Returns the event for a watch. @throws {StorageError} `corruption`, `io`. */
  of({ withPrevious }: { readonly withPrevious: boolean }): SharedEvent {
    return withPrevious
      ? this.#full ??= readEvent(this.#change, { ...this.#source, withPrevious })
      : this.#plain ??= readEvent(this.#change, { ...this.#source, withPrevious });
  }
}

/** It holds copies: it may wait for long, and a view would keep whole buffers of the tree. */
function readEvent(
  change: Change,
  source: EventSource & { readonly withPrevious: boolean },
): SharedEvent {
  const { key, kind } = change;
  const { store, version, withPrevious } = source;
  const treeKey = userTreeKey(key);
  let value: StoredValue | undefined;
  let sizeBytes = eventSizeBytes + key.length;
  if (kind === ChangeKind.set) {
    const entry = store.entry(treeKey, version);
    invariant(
      entry !== undefined && entry.version === version && entry.kind === EntryKind.value,
      () => `A change record names a value at ${version} that is not there`,
    );
    const { valueStart, valueEnd } = entry;
    value = decodeValue(entry.source.slice(valueStart, valueEnd), version);
    sizeBytes += value.bytes.length;
  }
  let previous: StoredValue | undefined;
  if (withPrevious) {
    previous = previousValue(treeKey, kind, source);
    sizeBytes += previous?.bytes.length ?? 0;
  }
  return { kind: kinds[kind], key, version, value, previous, sizeBytes, queuedCount: 0 };
}

/** Of a key whose time has passed it is the value that reads do not see any more. */
function previousValue(
  treeKey: string,
  kind: ChangeKind,
  { store, version }: EventSource,
): StoredValue | undefined {
  if (kind !== ChangeKind.expire) {
    const found = store.get(treeKey, version - 1);
    return found && decodeValue(found.bytes.slice(), found.version);
  }
  const entry = store.entry(treeKey, version - 1);
  if (entry === undefined || entry.kind !== EntryKind.value) return undefined;
  return decodeValue(entry.source.slice(entry.valueStart, entry.valueEnd), entry.version);
}
