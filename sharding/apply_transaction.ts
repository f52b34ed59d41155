/**
 * Applies a transaction: reads and checks first, then the mutations in order over an overlay, then
 * all effects at once or none.
 *
 * 1. Reads and checks look at the state before the transaction.
 * 2. Each mutation meets what the ones before it have left behind, which is kept in the overlay.
 * 3. The values left behind are bounded together.
 * 4. Only when all have come to something is the overlay written: one version per key.
 *
 * @module
 */
import { userSpace } from "../storage/mod.ts";
import type { LoggedCheck, LoggedTransaction } from "./command.ts";
import type { CommandResult, StoredValue } from "./database.ts";
import type { Effects } from "./effects.ts";
import { AppendBuffers, evaluateMutation, type MutationContext } from "./mutation.ts";
import type { ReadStore, ReplicaStore } from "./replica_store.ts";
import { decodeValue } from "./value.ts";

/** How many bytes of values one transaction or batch may read. */
export const readsSizeBytesMax = 67_108_864;

/** The same where the answer is to be remembered. */
export const rememberedReadsSizeBytesMax = 16_777_216;

/**
 * How many bytes of values one transaction may leave behind: appends make large values of small
 * commands, and all effects of an entry go into one memtable.
 */
export const effectsSizeBytesMax = 67_108_864;

/** What applying a transaction works on. */
export interface TransactionTarget {
  readonly store: ReplicaStore;
  readonly effects: Effects;
}

/** What checks and reads are made of. */
export type ReadPart = Pick<LoggedTransaction, "checks" | "reads">;

/**
 * Applies a transaction at `version`.
 *
 * @returns What it came to; only `committed` has changed anything.
 */
export function applyTransaction(
  command: LoggedTransaction,
  version: number,
  target: TransactionTarget,
): CommandResult {
  const { store } = target;
  const answer = evaluateReads(command, {
    store,
    version,
    sizeBytesMax: command.request === undefined ? readsSizeBytesMax : rememberedReadsSizeBytesMax,
  });
  if (answer.outcome !== "committed") return answer;
  const overlay = new Map<string, Uint8Array | undefined>();
  const { writer, valueSizeBytesMax } = command;
  const buffers = new AppendBuffers();
  const context: MutationContext = { version, writer, valueSizeBytesMax, buffers };
  let sizeBytes = 0;
  for (const mutation of command.mutations) {
    const { treeKey, op } = mutation;
    const isBlind = op === "set" || op === "delete";
    const current = isBlind
      ? undefined
      : overlay.has(treeKey)
      ? overlay.get(treeKey)
      : store.get(treeKey, version)?.bytes;
    const outcome = evaluateMutation(mutation, current, context);
    sizeBytes -= overlay.get(treeKey)?.length ?? 0;
    switch (outcome.kind) {
      case "value":
        overlay.set(treeKey, outcome.envelope);
        sizeBytes += outcome.envelope.length;
        break;
      case "deleted":
        overlay.set(treeKey, undefined);
        break;
      case "invalid":
        return { outcome: "invalid", key: userKeyOf(treeKey), reason: outcome.reason };
      case "value_too_large":
        return { outcome: "value_too_large", key: userKeyOf(treeKey) };
    }
    if (sizeBytes > effectsSizeBytesMax) {
      const reason = `Cannot apply: the values come to more than ${effectsSizeBytesMax} bytes`;
      return { outcome: "invalid", key: userKeyOf(treeKey), reason };
    }
  }
  writeOverlay(overlay, { version, writer, target });
  return answer;
}

/**
 * Evaluates checks and reads on the state as seen at `version`.
 *
 * @returns `committed` at that version with what the reads found, or what was in the way.
 */
export function evaluateReads(
  part: ReadPart,
  options: { store: ReadStore; version: number; sizeBytesMax: number },
): CommandResult {
  const { store, version, sizeBytesMax } = options;
  const failedChecks = failedChecksOf(part.checks, store, version);
  if (failedChecks.length > 0) return { outcome: "check_failed", failedChecks };
  const reads: (StoredValue | undefined)[] = [];
  let sizeBytes = 0;
  for (const treeKey of part.reads) {
    const found = store.get(treeKey, version);
    sizeBytes += found?.bytes.length ?? 0;
    if (sizeBytes > sizeBytesMax) {
      const reason = `Cannot answer: the reads come to more than ${sizeBytesMax} bytes`;
      return { outcome: "invalid", key: userKeyOf(treeKey), reason };
    }
    reads.push(found === undefined ? undefined : decodeValue(found.bytes, found.version));
  }
  return { outcome: "committed", version, deletedCount: 0, reads };
}

function failedChecksOf(
  checks: readonly LoggedCheck[],
  store: ReadStore,
  version: number,
): number[] {
  const failed: number[] = [];
  for (let index = 0; index < checks.length; index++) {
    const check = checks[index];
    const current = store.get(check.treeKey, version)?.version ?? null;
    if (current !== check.version) failed.push(index);
  }
  return failed;
}

function writeOverlay(
  overlay: Map<string, Uint8Array | undefined>,
  options: { version: number; writer: string; target: TransactionTarget },
): void {
  const { version, writer, target: { store, effects } } = options;
  // A delete of what was never there would only be a tombstone to carry along.
  for (const [treeKey, envelope] of overlay) {
    if (envelope === undefined && store.get(treeKey, version) === undefined) {
      overlay.delete(treeKey);
    }
  }
  if (overlay.size === 0) return;
  effects.begin(version, { writer, changeCount: overlay.size });
  for (const [treeKey, envelope] of overlay) {
    if (envelope === undefined) effects.remove(treeKey, version, writer);
    else effects.set(treeKey, version, envelope, 0, envelope.length);
  }
}

function userKeyOf(treeKey: string): string {
  return treeKey.slice(userSpace.length);
}
