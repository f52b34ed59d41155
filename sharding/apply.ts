/**
 * Applies an entry of the log: its commands in order, each at its own version.
 *
 * Where it stands: `replica.ts` calls it for every committed entry; it reads and writes the tree
 * through `replica_store.ts` and knows neither files nor clocks. Conditions are decided here, on the
 * state that the commands before have left behind, and never in front of the log: so a
 * compare-and-set has no race, and every replica comes to the same answer.
 *
 * Invariants:
 *
 *  1. Same state and same entry give the same effects and the same results, everywhere, always.
 *  2. A command that does not answer `committed` has changed no user key.
 *  3. Versions of the effects of command i are base + i: strictly rising over the log.
 *
 * @module
 */
import { invariant, MalformedBytesError } from "../storage/env/mod.ts";
import { EntryKind } from "../storage/mod.ts";
import { applyRevert } from "./apply_revert.ts";
import { applyTransaction } from "./apply_transaction.ts";
import { applyUpkeep, type UpkeepState } from "./apply_upkeep.ts";
import { ChangeRecordBuilder } from "./change_record.ts";
import type { LoggedCommand, LoggedDelete, LoggedDeleteRange, LoggedPut } from "./command.ts";
import { decodeCommand } from "./command_codec.ts";
import { holds } from "./condition.ts";
import type { CommandResult } from "./database.ts";
import { Effects } from "./effects.ts";
import { entryHeaderSizeBytes, readEntryHeader } from "./entry_header.ts";
import type { ReplicaStore } from "./replica_store.ts";
import { RequestMemory } from "./request_memory.ts";
import { noReads } from "./result_codec.ts";
import { settledEnvelope } from "./value.ts";

const lengthSizeBytes = 4;

/** What was applied since the start, in plain numbers. */
export interface ApplyCounts {
  put: number;
  delete: number;
  delete_range: number;
  transaction: number;
  revert: number;
  retention: number;
  advance: number;
  expire: number;
  /** Keys that were removed because their time had passed. */
  expired_key: number;
  /** Commands whose condition or check did not hold. */
  conflict: number;
  /** Commands answered from the memory of requests, mismatches included. */
  remembered: number;
}

/** What applying an entry came to. */
export interface AppliedEntry {
  /** The version of the last command. */
  readonly lastVersion: number;
  /** One per command, in order. */
  readonly results: CommandResult[];
  /** What the replica keeps beside its keys from now on. */
  readonly state: UpkeepState;
  /** The earliest expiry among the values that were written; `Infinity` where none expires. */
  readonly earliestDue: number;
}

/** A change record as it went into the tree. */
export interface WrittenRecord {
  /** The version of its last commit. */
  readonly version: number;
  /** Owned by whoever is told. */
  readonly record: Uint8Array;
}

/** Applies entries to one tree. */
export class Applier {
  readonly #store: ReplicaStore;
  readonly #changes: ChangeRecordBuilder;
  readonly #effects: Effects;
  readonly #memory: RequestMemory;
  #state: UpkeepState | undefined;
  /** Records of the entry that is applied, where somebody wants them. */
  #records: WrittenRecord[] | undefined;
  readonly #counts: ApplyCounts = {
    put: 0,
    delete: 0,
    delete_range: 0,
    transaction: 0,
    revert: 0,
    retention: 0,
    advance: 0,
    expire: 0,
    expired_key: 0,
    conflict: 0,
    remembered: 0,
  };

  constructor(store: ReplicaStore) {
    this.#store = store;
    this.#memory = new RequestMemory(store);
    this.#changes = new ChangeRecordBuilder((treeKey, version, record) => {
      store.write(treeKey, version, EntryKind.value, record, 0, record.length);
      this.#records?.push({ version, record: record.slice() });
    });
    this.#effects = new Effects(store, this.#changes);
  }

  /** What was applied since the start. */
  get counts(): Readonly<ApplyCounts> {
    return this.#counts;
  }

  /**
   * Applies an entry.
   *
   * @param payload Header and commands, as `consensus` frames them. Not modified, not kept.
   * @param options.state What the replica keeps beside its keys. @param options.records Receives the
   * entry's change records, where somebody wants them.
   * @throws {MalformedBytesError} where it is no entry: the log's checksums have ruled that out.
   */
  apply(
    payload: Uint8Array,
    options: { readonly state: UpkeepState; readonly records?: WrittenRecord[] },
  ): AppliedEntry {
    const { base } = readEntryHeader(payload);
    this.#state = options.state;
    this.#records = options.records;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const results: CommandResult[] = [];
    let position = entryHeaderSizeBytes;
    while (position < payload.length) {
      if (payload.length - position < lengthSizeBytes) {
        throw new MalformedBytesError("An entry ends inside the length of a command");
      }
      const start = position + lengthSizeBytes;
      const end = start + view.getUint32(position, true);
      if (end > payload.length) throw new MalformedBytesError("An entry ends inside a command");
      results.push(
        this.#applyCommand(decodeCommand(payload, start, end), base + results.length),
      );
      position = end;
    }
    invariant(results.length > 0, "An entry has a command");
    this.#changes.flush();
    const state = this.#currentState();
    const earliestDue = this.#effects.takeEarliestDue();
    return { lastVersion: base + results.length - 1, results, state, earliestDue };
  }

  #currentState(): UpkeepState {
    invariant(this.#state !== undefined, "An entry is applied on a state");
    return this.#state;
  }

  #applyCommand(command: LoggedCommand, version: number): CommandResult {
    const { request } = command;
    this.#counts[command.kind]++;
    if (request !== undefined) {
      const remembered = this.#memory.recall(command, request, version);
      if (remembered !== undefined) {
        this.#counts.remembered++;
        return remembered;
      }
    }
    const result = this.#evaluate(command, version);
    if (result.outcome === "condition_failed" || result.outcome === "check_failed") {
      this.#counts.conflict++;
    }
    if (request !== undefined) this.#memory.remember(command, request, { version, result });
    return result;
  }

  #evaluate(command: LoggedCommand, version: number): CommandResult {
    switch (command.kind) {
      case "put":
        return this.#put(command, version);
      case "delete":
        return this.#delete(command, version);
      case "delete_range":
        return this.#deleteRange(command, version);
      case "transaction":
        return applyTransaction(command, version, { store: this.#store, effects: this.#effects });
      case "revert": {
        const { horizons } = this.#currentState();
        const target = { store: this.#store, effects: this.#effects, horizons };
        return applyRevert(command, version, target);
      }
      default:
        return this.#upkeep(command, version);
    }
  }

  #upkeep(
    command: Extract<LoggedCommand, { kind: "retention" | "advance" | "expire" }>,
    version: number,
  ): CommandResult {
    const { result, state } = applyUpkeep(command, version, {
      store: this.#store,
      effects: this.#effects,
      state: this.#currentState(),
    });
    this.#state = state;
    if (command.kind === "expire" && result.outcome === "committed") {
      this.#counts.expired_key += result.deletedCount;
    }
    return result;
  }

  #put(command: LoggedPut, version: number): CommandResult {
    const { treeKey, condition, source, start, end, writer } = command;
    if (condition !== undefined) {
      const current = this.#store.get(treeKey, version)?.version;
      if (!holds(condition, current)) return { outcome: "condition_failed", current };
    }
    this.#effects.begin(version, { writer, changeCount: 1 });
    const envelope = settledEnvelope(source, { start, end, version });
    this.#effects.set(treeKey, version, envelope, 0, envelope.length);
    return { outcome: "committed", version, deletedCount: 0, reads: noReads };
  }

  #delete(command: LoggedDelete, version: number): CommandResult {
    const { treeKey, condition, writer } = command;
    const current = this.#store.get(treeKey, version)?.version;
    if (condition !== undefined && !holds(condition, current)) {
      return { outcome: "condition_failed", current };
    }
    if (current !== undefined) this.#remove([treeKey], version, writer);
    const deletedCount = current === undefined ? 0 : 1;
    return { outcome: "committed", version, deletedCount, reads: noReads };
  }

  #deleteRange(command: LoggedDeleteRange, version: number): CommandResult {
    const { start, end, keyCountMax, writer } = command;
    const treeKeys: string[] = [];
    if (start < end) {
      const cursor = this.#store.cursor({ start, end, version });
      try {
        for (; cursor.isValid && treeKeys.length <= keyCountMax; cursor.next()) {
          treeKeys.push(cursor.key);
        }
      } finally {
        cursor.close();
      }
    }
    if (treeKeys.length > keyCountMax) return { outcome: "too_many_keys", limit: keyCountMax };
    if (treeKeys.length > 0) this.#remove(treeKeys, version, writer);
    return { outcome: "committed", version, deletedCount: treeKeys.length, reads: noReads };
  }

  #remove(treeKeys: readonly string[], version: number, writer: string): void {
    this.#effects.begin(version, { writer, changeCount: treeKeys.length });
    for (const treeKey of treeKeys) this.#effects.remove(treeKey, version, writer);
  }
}
