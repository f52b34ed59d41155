/**
 * A replica in memory under a hub of watches: commits, vacuums, and what every watch should hear.
 *
 * @module
 */
import { ChangeKind, ChangeRecordBuilder } from "../../sharding/change_record.ts";
import type {
  HoldOptions,
  KeyRange,
  SnapshotHold,
  SnapshotHolder,
  Watch,
  WatchBatch,
  WatchEvent,
  WatchRequest,
} from "../../sharding/database.ts";
import { ShardError } from "../../sharding/errors.ts";
import type {
  StoreCursor,
  StoreEntry,
  StoreRange,
  StoreValue,
} from "../../sharding/replica_store.ts";
import { encodeValue } from "../../sharding/value.ts";
import { WatchHub } from "../../sharding/watch_hub.ts";
import { isInRange } from "../../sharding/watch_index.ts";
import type { WatchOptions } from "../../sharding/watch_options.ts";
import { ByteWriter } from "../../storage/env/mod.ts";
import { EntryKind, type Horizons, noHorizons } from "../../storage/mod.ts";
import { ManualClock } from "../server/manual_clock.ts";

/** One change: a text puts it, null deletes the key, `expire` takes it as its time had passed. */
export type Draft = readonly [key: string, value: string | null | { readonly expire: true }];

interface Stored {
  readonly version: number;
  readonly kind: EntryKind;
  readonly bytes: Uint8Array;
}

/** A hold of the fixture. */
export interface FixtureHold extends SnapshotHold {
  readonly holder: SnapshotHolder;
  readonly options: HoldOptions;
}

/** A clock on which every look takes as long as the test says. */
export class LookingClock extends ManualClock {
  stepMs = 0;
  /** How often others had a turn. */
  yieldCount = 0;

  override monotonicMs(): number {
    if (this.stepMs > 0) this.advance(this.stepMs);
    return super.monotonicMs();
  }

  override yield(): Promise<void> {
    this.yieldCount++;
    return super.yield();
  }
}

/** Store, replica and hub in one. Versions begin at 1,000,000. */
export class WatchFixture {
  readonly clock = new LookingClock();
  readonly hub: WatchHub;
  readonly holds = new Set<FixtureHold>();
  /** What was committed, as watches on everything would hear of it. */
  readonly history: { readonly version: number; readonly events: readonly WatchEvent[] }[] = [];
  lastVersion = 1_000_000;
  /** Thrown by reads of the version before. */
  failure: Error | undefined;
  /** How often the value before was read. */
  previousCount = 0;
  /** How often a value was read. */
  entryCount = 0;
  #closed = 0;
  #watermark = 0;
  readonly #entries = new Map<string, Stored[]>();

  constructor(options: Partial<WatchOptions> = {}) {
    this.hub = new WatchHub({ store: this, replica: this, clock: this.clock, options });
  }

  get closedVersion(): number {
    return Math.max(this.lastVersion, this.#closed);
  }

  set closedVersion(version: number) {
    this.#closed = version;
  }

  get horizons(): Horizons {
    return { ...noHorizons, userVersion: this.#watermark, changeVersion: this.#watermark };
  }

  hold(holder: SnapshotHolder, options: HoldOptions = {}): SnapshotHold {
    const { version = this.closedVersion } = options;
    if (version < this.#watermark) {
      throw new ShardError("version_vacuumed", "Cannot hold", { oldestVersion: this.#watermark });
    }
    const hold: FixtureHold = {
      id: String(this.holds.size),
      version,
      isEnded: false,
      holder,
      options,
      release: () => void this.holds.delete(hold),
    };
    this.holds.add(hold);
    return hold;
  }

  /** Ends a hold as an operator does. */
  endHold(hold: FixtureHold): void {
    this.holds.delete(hold);
    hold.options.onEnded?.();
  }

  get(key: string, version: number): StoreValue | undefined {
    if (this.failure !== undefined) throw this.failure;
    this.previousCount++;
    if (version < this.#watermark) throw new Error(`${version} lies below ${this.#watermark}`);
    const entry = this.#newest(key, version);
    return entry?.kind === EntryKind.value ? entry : undefined;
  }

  entry(key: string, version: number): StoreEntry | undefined {
    this.entryCount++;
    const entry = this.#newest(key, version);
    if (entry === undefined) return undefined;
    const { kind, bytes } = entry;
    return { version: entry.version, kind, source: bytes, valueStart: 0, valueEnd: bytes.length };
  }

  cursor({ start, end = "", version }: StoreRange): StoreCursor {
    const found = [...this.#entries].filter(([key]) => key >= start && key < end).sort()
      .map(([key, entries]) => ({ key, entry: entries[0] }))
      .filter(({ entry }) => entry.version <= version);
    return new ListCursor(found);
  }

  /** Applies an entry of the log with these commits. */
  apply(...commits: readonly (readonly Draft[])[]): void {
    const records: { version: number; record: Uint8Array }[] = [];
    const builder = new ChangeRecordBuilder((treeKey, version, bytes) => {
      const record = bytes.slice();
      this.#entries.set(treeKey, [{ version, kind: EntryKind.value, bytes: record }]);
      records.push({ version, record });
    });
    for (const drafts of commits) {
      const version = this.closedVersion + 10;
      builder.begin(version, { writer: "", changeCount: drafts.length });
      for (const [key, value] of drafts) {
        builder.add(`k${key}`, changeKindOf(value));
        const kind = typeof value === "string" ? EntryKind.value : EntryKind.tombstone;
        const entries = this.#entries.get(`k${key}`) ?? [];
        entries.push({ version, kind, bytes: envelopeOf(value) });
        this.#entries.set(`k${key}`, entries);
      }
      this.lastVersion = version;
      this.#remember(drafts, version);
    }
    builder.flush();
    if (this.hub.isWatched) this.hub.applied(records);
  }

  /** Moves the watermark as far up to `version` as holds let it, and drops what lies behind. */
  vacuum(version: number): void {
    const held = Math.min(...[...this.holds].map((hold) => hold.version));
    this.#watermark = Math.max(this.#watermark, Math.min(version, this.lastVersion, held));
    for (const [key, entries] of this.#entries) {
      const behind = entries.findLastIndex((entry) => entry.version <= this.#watermark);
      if (key[0] === "c" && behind >= 0) this.#entries.delete(key);
      else if (behind > 0) entries.splice(0, behind);
    }
  }

  /** Returns what a watch of a range should hear behind a version. */
  expected(range: KeyRange, options: { after: number; withPrevious?: boolean }): string[] {
    return this.history.filter(({ version }) => version > options.after)
      .flatMap(({ events }) => events)
      .filter(({ key }) => isInRange(key, range))
      .map((event) => eventText(event, options.withPrevious));
  }

  /** Opens a watch of all keys, unless told otherwise. */
  watch(request: Partial<WatchRequest> = {}): Watch {
    return this.hub.watch({ range: {}, withPrevious: false, owner: "test", ...request });
  }

  #newest(key: string, version: number): Stored | undefined {
    return this.#entries.get(key)?.findLast((entry) => entry.version <= version);
  }

  #remember(drafts: readonly Draft[], version: number): void {
    const events = drafts.map(([key, value]): WatchEvent => {
      const before = this.history.flatMap((commit) => commit.events)
        .findLast((event) => event.key === key);
      return {
        key,
        version,
        kind: kindOf(value),
        value: typeof value === "string" ? storedOf(value, version) : undefined,
        previous: before?.value,
      };
    });
    this.history.push({ version, events });
  }
}

/** Returns an event as text, to be compared. */
export function eventText(event: WatchEvent, withPrevious = false): string {
  const { key, kind, version, value, previous } = event;
  const shown = value === undefined ? "" : ` ${new TextDecoder().decode(value.bytes)}`;
  const before = !withPrevious
    ? ""
    : ` was ${previous === undefined ? "-" : new TextDecoder().decode(previous.bytes)}`;
  return `${version} ${kind} ${key}${shown}${before}`;
}

/** Lets everything run that does not wait for time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 400; turn++) await Promise.resolve();
}

/** Returns what a watch tells now; "waits" where it tells nothing yet. */
export async function told(watch: Watch): Promise<WatchBatch | "waits" | undefined> {
  let batch: WatchBatch | "waits" | undefined = "waits";
  void watch.next().then((next) => batch = next);
  await settle();
  return batch;
}

function kindOf(value: Draft[1]): WatchEvent["kind"] {
  if (typeof value === "string") return "set";
  return value === null ? "delete" : "expire";
}

function changeKindOf(value: Draft[1]): ChangeKind {
  return ChangeKind[kindOf(value)];
}

function storedOf(value: string, version: number) {
  const bytes = new TextEncoder().encode(value);
  return { bytes, contentType: "text/plain", version, expiresAt: undefined };
}

function envelopeOf(value: Draft[1]): Uint8Array {
  const out = new ByteWriter(16);
  if (typeof value === "string") encodeValue(out, storedOf(value, 0));
  return out.copy();
}

class ListCursor implements StoreCursor {
  readonly isPaused = false;
  readonly valueStart = 0;
  readonly #found: readonly { readonly key: string; readonly entry: Stored }[];
  #slot = 0;

  constructor(found: readonly { readonly key: string; readonly entry: Stored }[]) {
    this.#found = found;
  }

  get isValid(): boolean {
    return this.#slot < this.#found.length;
  }

  get key(): string {
    return this.#found[this.#slot].key;
  }

  get version(): number {
    return this.#found[this.#slot].entry.version;
  }

  get source(): Uint8Array {
    return this.#found[this.#slot].entry.bytes;
  }

  get valueEnd(): number {
    return this.source.length;
  }

  next(): void {
    this.#slot++;
  }

  resume(): void {}

  close(): void {}
}
