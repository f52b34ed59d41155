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
import { applyTransaction } from "./apply_transaction.ts";
import { ChangeKind, ChangeRecordBuilder } from "./change_record.ts";
import type { LoggedCommand, LoggedDelete, LoggedDeleteRange, LoggedPut } from "./command.ts";
import { decodeCommand } from "./command_codec.ts";
import type { CommandResult, Condition } from "./database.ts";
import { entryHeaderSizeBytes, readEntryHeader } from "./entry_header.ts";
import type { ReplicaStore } from "./replica_store.ts";
import { RequestMemory } from "./request_memory.ts";
import { noReads } from "./result_codec.ts";

const noBytes = new Uint8Array(0);
const lengthSizeBytes = 4;

/** What was applied since the start, in plain numbers. */
export interface ApplyCounts {
  put: number;
  delete: number;
  delete_range: number;
  transaction: number;
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
}

/** Applies entries to one tree. */
export class Applier {
  readonly #store: ReplicaStore;
  readonly #changes: ChangeRecordBuilder;
  readonly #memory: RequestMemory;
  readonly #counts: ApplyCounts = {
    put: 0,
    delete: 0,
    delete_range: 0,
    transaction: 0,
    conflict: 0,
    remembered: 0,
  };

  constructor(store: ReplicaStore) {
    this.#store = store;
    this.#memory = new RequestMemory(store);
    this.#changes = new ChangeRecordBuilder((treeKey, version, record) =>
      store.write(treeKey, version, EntryKind.value, record, 0, record.length)
    );
  }

  /** What was applied since the start. */
  get counts(): Readonly<ApplyCounts> {
    return this.#counts;
  }

  /**
   * Applies an entry.
   *
   * @param payload Header and commands, as `consensus` frames them. Not modified, not kept.
   * @throws {MalformedBytesError} where it is no entry: the log's checksums have ruled that out.
   */
  apply(payload: Uint8Array): AppliedEntry {
    const { base } = readEntryHeader(payload);
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
    return { lastVersion: base + results.length - 1, results };
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
        return applyTransaction(command, version, { store: this.#store, changes: this.#changes });
    }
  }

  #put(command: LoggedPut, version: number): CommandResult {
    const { treeKey, condition, source, start, end, writer } = command;
    if (condition !== undefined) {
      const current = this.#store.get(treeKey, version)?.version;
      if (!holds(condition, current)) return { outcome: "condition_failed", current };
    }
    this.#store.write(treeKey, version, EntryKind.value, source, start, end);
    this.#changes.begin(version, { writer, changeCount: 1 });
    this.#changes.add(treeKey, ChangeKind.set);
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
    this.#changes.begin(version, { writer, changeCount: treeKeys.length });
    for (const treeKey of treeKeys) {
      this.#store.write(treeKey, version, EntryKind.tombstone, noBytes, 0, 0);
      this.#changes.add(treeKey, ChangeKind.delete);
    }
  }
}

/** Tells whether a condition holds of a key whose newest version is `current`, if it has a value. */
function holds(condition: Condition, current: number | undefined): boolean {
  switch (condition.kind) {
    case "absent":
      return current === undefined;
    case "exists":
      return current !== undefined;
    case "version":
      return current !== undefined && condition.versions.includes(current);
  }
}
