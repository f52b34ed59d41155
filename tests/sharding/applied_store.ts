/**
 * A store to which entries are applied as a replica does it, without one: the state beside the keys
 * goes on from entry to entry, and reads go by its horizons.
 *
 * @module
 */
import { type AppliedEntry, Applier, type WrittenRecord } from "../../sharding/apply.ts";
import type { UpkeepState } from "../../sharding/apply_upkeep.ts";
import type { UpkeepCommand } from "../../sharding/command.ts";
import type {
  Command,
  CommandResult,
  RetentionTerm,
  StoredValue,
} from "../../sharding/database.ts";
import { decodeTombstone } from "../../sharding/tombstone.ts";
import { decodeValue } from "../../sharding/value.ts";
import { EntryKind, noHorizons, versionMax } from "../../storage/mod.ts";
import { withCounts } from "../../storage/mvcc/retention.ts";
import { buildEntry } from "./entry_building.ts";
import { ModelStore } from "./model_store.ts";

/** The state of a replica that has applied nothing. */
export const noState: UpkeepState = { horizons: noHorizons, expiryPosition: "" };

/** A store with what applying keeps beside it. */
export class AppliedStore {
  readonly store: ModelStore;
  state: UpkeepState = noState;
  applier: Applier;

  constructor(store: ModelStore = new ModelStore()) {
    this.store = store;
    this.applier = new Applier(store);
  }

  /** Applies an entry. */
  apply(payload: Uint8Array, records?: WrittenRecord[]): AppliedEntry {
    const applied = this.applier.apply(payload, { state: this.state, records });
    const horizons = withCounts(applied.state.horizons, this.store.horizons);
    this.state = { ...applied.state, horizons };
    this.store.horizons = horizons;
    return applied;
  }

  /** Applies an entry of these commands. */
  run(base: number, ...commands: readonly (Command | UpkeepCommand)[]): CommandResult[] {
    return this.apply(buildEntry({ base }, commands.map((command) => ({ command })))).results;
  }

  /** Sets a rule of a prefix of user keys. */
  setRule(base: number, prefix: string, rule: RetentionTerm): void {
    this.run(base, { kind: "set_retention", prefix, rule });
  }

  /** Moves the horizon of a rule. */
  advance(base: number, prefix: string, version: number): void {
    this.run(base, { kind: "advance", horizons: [{ prefix: `k${prefix}`, version }] });
  }

  /** Moves the watermark. */
  moveWatermark(userVersion: number): void {
    this.state = { ...this.state, horizons: { ...this.state.horizons, userVersion } };
    this.store.horizons = this.state.horizons;
  }

  /** Returns what a key holds, as text; undefined where it holds nothing. */
  text(key: string, version = versionMax): string | undefined {
    const found = this.store.get(`k${key}`, version);
    if (found === undefined) return undefined;
    return new TextDecoder().decode(decodeValue(found.bytes, 0).bytes);
  }

  /** Returns what each user key holds, as seen at a version, in order. */
  live(version: number): [string, StoredValue][] {
    const cursor = this.store.cursor({ start: "k", end: "l", version });
    const live: [string, StoredValue][] = [];
    for (; cursor.isValid; cursor.next()) {
      live.push([cursor.key.slice(1), decodeValue(cursor.source, cursor.version)]);
    }
    return live;
  }

  /** Returns all that a user key was, oldest first: `1 set x`, `2 delete`, `3 expire`. */
  story(key: string): string[] {
    return (this.store.written.get(`k${key}`) ?? []).map(({ version, kind, bytes }) => {
      if (kind === EntryKind.tombstone) {
        return `${version} ${
          decodeTombstone(bytes, 0, bytes.length).isExpired ? "expire" : "delete"
        }`;
      }
      return `${version} set ${new TextDecoder().decode(decodeValue(bytes, version).bytes)}`;
    });
  }
}

/** Returns a put of text that lives for so long behind its commit. */
export function putLiving(key: string, text: string, ttlMicros: number): Command {
  const value = { bytes: new TextEncoder().encode(text), contentType: "text/plain", ttlMicros };
  return { kind: "put", key, value };
}
