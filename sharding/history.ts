/**
 * The versions of one key that are still kept, newest first.
 *
 * What VACUUM has passed may be there or not, and differs from replica to replica. So what is shown
 * goes by the key's horizon and not by what is found: everything above it, the newest at or below it,
 * and under a rule that counts as many as the rule keeps.
 *
 * @module
 */
import type { Clock } from "../storage/env/mod.ts";
import { EntryKind, horizonOf, type Horizons, ruleOf } from "../storage/mod.ts";
import type { HistoryOptions, KeyHistory, KeyVersion, StoredValue } from "./database.ts";
import { checkDeadline } from "./failures.ts";
import type { ReadStore, StoreEntry } from "./replica_store.ts";
import { decodeTombstone } from "./tombstone.ts";
import { decodeValue, valueWriter } from "./value.ts";
import { writerNames } from "./writer.ts";

const noBytes = new Uint8Array(0);
const sizeBytesMax = 16_777_216;
const sliceMsMax = 2;
const stepsPerLook = 64;

/** What a key's versions are read from. */
export interface HistorySource {
  readonly store: ReadStore;
  readonly clock: Clock;
  readonly horizons: Horizons;
  /** What is looked at: all commits up to it. */
  readonly version: number;
}

/**
 * Reads the versions of a key.
 *
 * @throws {ShardError} `deadline_exceeded`. @throws {StorageError} `corruption`, `io`.
 */
export async function readHistory(
  treeKey: string,
  options: HistoryOptions,
  source: HistorySource,
): Promise<KeyHistory> {
  const { store, clock, horizons, version } = source;
  checkDeadline(clock.monotonicMs(), options.deadlineMs);
  const walk = new HistoryWalk(treeKey, options, horizons);
  const entries = store.versions(treeKey, version);
  try {
    let sliceStartMs = clock.monotonicMs();
    for (let count = 1; entries.isValid && walk.takes(entries); count++) {
      entries.next();
      if (count % stepsPerLook !== 0 || clock.monotonicMs() - sliceStartMs < sliceMsMax) continue;
      await clock.yield();
      sliceStartMs = clock.monotonicMs();
      checkDeadline(sliceStartMs, options.deadlineMs);
    }
  } finally {
    entries.close();
  }
  return {
    versions: walk.versions,
    hasMore: walk.hasMore,
    oldestVersion: horizonOf(horizons, treeKey),
    version,
  };
}

/** Decides entry by entry, newest first. */
class HistoryWalk {
  readonly versions: KeyVersion[] = [];
  hasMore = false;
  readonly #options: HistoryOptions;
  readonly #horizon: number;
  /** How many newest versions a rule keeps, and from which version on it alone decided. */
  readonly #keptCount: number;
  readonly #countedFrom: number;
  #seenCount = 0;
  #hasPassedHorizon = false;
  #hasPassedCount = false;
  #sizeBytes = 0;

  constructor(treeKey: string, options: HistoryOptions, horizons: Horizons) {
    this.#options = options;
    this.#horizon = horizonOf(horizons, treeKey);
    const rule = ruleOf(horizons, treeKey);
    this.#keptCount = rule?.versionCount ?? 0;
    this.#countedFrom = rule?.countedFrom ?? Infinity;
  }

  /** Shows an entry, or leaves it out; returns false where it is one too many. */
  takes(entry: StoreEntry): boolean {
    const isCounted = this.#seenCount < this.#keptCount && !this.#hasPassedCount;
    if (this.#hasPassedHorizon && !isCounted) return false;
    this.#seenCount++;
    this.#hasPassedHorizon ||= entry.version <= this.#horizon;
    this.#hasPassedCount ||= entry.version <= this.#countedFrom;
    const { before, limit, withoutValues } = this.#options;
    const isUncertain = entry.kind === EntryKind.tombstone && entry.version <= this.#horizon;
    if (isUncertain || (before !== undefined && entry.version >= before)) return true;
    const sizeBytes = withoutValues === true ? 0 : entry.valueEnd - entry.valueStart;
    const isFull = this.versions.length === limit ||
      (this.versions.length > 0 && this.#sizeBytes + sizeBytes > sizeBytesMax);
    if (isFull) {
      this.hasMore = true;
      return false;
    }
    this.#sizeBytes += sizeBytes;
    this.versions.push(keyVersion(entry, withoutValues === true));
    return true;
  }
}

function keyVersion(entry: StoreEntry, withoutValues: boolean): KeyVersion {
  const { version, kind, source, valueStart, valueEnd } = entry;
  if (kind === EntryKind.tombstone) {
    const { isExpired, writer } = decodeTombstone(source, valueStart, valueEnd);
    const said = isExpired ? "expire" : "delete";
    return { version, kind: said, value: undefined, ...writerNames(writer) };
  }
  const decoded = decodeValue(source.subarray(valueStart, valueEnd), version);
  const value: StoredValue = withoutValues ? { ...decoded, bytes: noBytes } : decoded;
  const names = writerNames(valueWriter(source, valueStart, valueEnd));
  return { version, kind: "set", value, ...names };
}
