/**
 * Applies what is about no key that a client named: retention rules, horizons, keys whose time has
 * passed.
 *
 * What has expired is found by the index of expiries, from the replica's **position** in it on. A key
 * that is put later expires later still, so the position only rises, and what lies before it is never
 * looked at again: VACUUM takes it without a tombstone.
 *
 * Invariants:
 *
 *  1. Whether a key's time has passed is decided by the command's version, never by a clock.
 *  2. A key is removed only where the value it has is the one that the index speaks of.
 *  3. Every entry of the index that is due at or below `horizons.expiryVersion` lies before the
 *     position.
 *
 * @module
 */
import { EntryKind, type Horizons } from "../storage/mod.ts";
import type { LoggedCommand } from "./command.ts";
import type { CommandResult } from "./database.ts";
import { type Effects, expiryTreeKey, parseExpiryKey } from "./effects.ts";
import type { ReplicaStore } from "./replica_store.ts";
import { noReads } from "./result_codec.ts";
import { ruleCountMax, withAdvancedRules, withoutRule, withRule } from "./retention_rules.ts";
import { valueExpiry } from "./value.ts";

/** What a replica keeps beside its keys, as commands change it. */
export interface UpkeepState {
  readonly horizons: Horizons;
  /** Where the index of expiries is looked at next: a tree key; "" before the first. */
  readonly expiryPosition: string;
}

/** What applying worked on, and what it came to. */
export interface UpkeepOutcome {
  readonly result: CommandResult;
  readonly state: UpkeepState;
}

type UpkeepLogged = Extract<LoggedCommand, { kind: "retention" | "advance" | "expire" }>;

/** Applies a command of upkeep at `version`. */
export function applyUpkeep(
  command: UpkeepLogged,
  version: number,
  target: { readonly store: ReplicaStore; readonly effects: Effects; readonly state: UpkeepState },
): UpkeepOutcome {
  const { state } = target;
  const { horizons } = state;
  const committed = (deletedCount: number): CommandResult => ({
    outcome: "committed",
    version,
    deletedCount,
    reads: noReads,
  });
  switch (command.kind) {
    case "retention": {
      const { prefix, term } = command;
      if (term === undefined) {
        const without = withoutRule(horizons, prefix);
        return {
          result: committed(without === undefined ? 0 : 1),
          state: { ...state, horizons: without ?? horizons },
        };
      }
      const changed = withRule(horizons, { prefix, term });
      return changed === undefined
        ? { result: { outcome: "too_many_rules", limit: ruleCountMax }, state }
        : { result: committed(0), state: { ...state, horizons: changed } };
    }
    case "advance":
      return {
        result: committed(0),
        state: { ...state, horizons: withAdvancedRules(horizons, command.horizons) },
      };
    case "expire": {
      const removed = expire(command.keyCountMax, version, target);
      return { result: committed(removed.keyCount), state: removed.state };
    }
  }
}

function expire(
  keyCountMax: number,
  version: number,
  target: { readonly store: ReplicaStore; readonly effects: Effects; readonly state: UpkeepState },
): { keyCount: number; state: UpkeepState } {
  const { store, effects, state } = target;
  const start = state.expiryPosition === "" ? expiryTreeKey(0, "") : state.expiryPosition;
  const end = expiryTreeKey(version + 1, "");
  const treeKeys: string[] = [];
  let lastIndexKey: string | undefined;
  let hasMore = false;
  if (start < end) {
    const cursor = store.cursor({ start, end, version });
    try {
      for (let count = 0; cursor.isValid; count++, cursor.next()) {
        if (count === keyCountMax) {
          hasMore = true;
          break;
        }
        lastIndexKey = cursor.key;
        const { due, treeKey } = parseExpiryKey(cursor.key);
        const entry = store.entry(treeKey, version);
        const isMeant = entry !== undefined && entry.kind === EntryKind.value &&
          valueExpiry(entry.source, entry.valueStart, entry.valueEnd) === due;
        if (isMeant) treeKeys.push(treeKey);
      }
    } finally {
      cursor.close();
    }
  }
  if (treeKeys.length > 0) {
    effects.begin(version, { writer: "", changeCount: treeKeys.length });
    for (const treeKey of treeKeys) effects.expire(treeKey, version);
  }
  return {
    keyCount: treeKeys.length,
    state: movedOn(state, { version, lastIndexKey: hasMore ? lastIndexKey : undefined, end }),
  };
}

/** Returns the state behind what was dealt with: up to an entry of the index, or all that was due. */
function movedOn(
  state: UpkeepState,
  done: { version: number; lastIndexKey: string | undefined; end: string },
): UpkeepState {
  const { horizons } = state;
  const { version, lastIndexKey, end } = done;
  const dealtWith = lastIndexKey === undefined ? version : parseExpiryKey(lastIndexKey).due - 1;
  const position = lastIndexKey === undefined ? end : `${lastIndexKey}\0`;
  return {
    horizons: { ...horizons, expiryVersion: Math.max(horizons.expiryVersion, dealtWith) },
    expiryPosition: position > state.expiryPosition ? position : state.expiryPosition,
  };
}
