/**
 * What commands mean, said once more as plainly as possible: a map from key to value.
 *
 * @module
 */
import type {
  Command,
  CommandResult,
  Condition,
  Mutation,
  RequestIdentity,
  StoredValue,
} from "../../sharding/database.ts";
import { draftValueSizeBytesMax } from "./entry_building.ts";

const tenMinutesMicros = 600_000_000;

interface Remembered {
  readonly version: number;
  readonly fingerprint: string;
  readonly result: CommandResult;
}

/** A key-value map with requests remembered. */
export class CommandModel {
  /** The live values. */
  values = new Map<string, StoredValue>();
  readonly #remembered = new Map<string, Remembered>();

  /** Runs a command at a version. */
  run(command: Command, version: number, request?: RequestIdentity): CommandResult {
    if (request === undefined) return this.#run(command, version);
    const name = JSON.stringify([firstKey(command), request.id.toHex()]);
    const found = this.#remembered.get(name);
    const fingerprint = request.fingerprint.toHex();
    if (found !== undefined && version - found.version <= tenMinutesMicros) {
      return found.fingerprint === fingerprint ? found.result : { outcome: "request_mismatch" };
    }
    const result = this.#run(command, version);
    this.#remembered.set(name, { version, fingerprint, result });
    return result;
  }

  #run(command: Command, version: number): CommandResult {
    switch (command.kind) {
      case "put": {
        const current = this.values.get(command.key)?.version;
        if (!holds(command.condition, current)) return { outcome: "condition_failed", current };
        this.values.set(command.key, { ...command.value, version });
        return committed(version);
      }
      case "delete": {
        const current = this.values.get(command.key)?.version;
        if (!holds(command.condition, current)) return { outcome: "condition_failed", current };
        return committed(version, this.values.delete(command.key) ? 1 : 0);
      }
      case "delete_range": {
        const { start = "", end } = command.range;
        const keys = [...this.values.keys()].filter((key) =>
          key >= start && (end === undefined || key < end)
        );
        if (keys.length > command.keyCountMax) {
          return { outcome: "too_many_keys", limit: command.keyCountMax };
        }
        for (const key of keys) this.values.delete(key);
        return committed(version, keys.length);
      }
      case "transaction":
        return this.#transact(command, version);
    }
  }

  #transact(command: Extract<Command, { kind: "transaction" }>, version: number): CommandResult {
    const failedChecks = command.checks.flatMap((check, index) =>
      (this.values.get(check.key)?.version ?? null) === check.version ? [] : [index]
    );
    if (failedChecks.length > 0) return { outcome: "check_failed", failedChecks };
    const reads = command.reads.map((key) => this.values.get(key));
    const after = new Map(this.values);
    for (const mutation of command.mutations) {
      const refusal = mutate(after, mutation, version);
      if (refusal !== undefined) return refusal;
    }
    this.values = after;
    return { outcome: "committed", version, deletedCount: 0, reads };
  }
}

function mutate(
  values: Map<string, StoredValue>,
  mutation: Mutation,
  version: number,
): CommandResult | undefined {
  const { key } = mutation;
  const before = values.get(key);
  if (mutation.op === "delete") {
    values.delete(key);
    return undefined;
  }
  if (mutation.op === "set" || mutation.op === "append") {
    const old = mutation.op === "append" && before !== undefined ? before : undefined;
    const bytes = Uint8Array.of(...(old?.bytes ?? []), ...mutation.value.bytes);
    if (bytes.length > draftValueSizeBytesMax) return { outcome: "value_too_large", key };
    values.set(key, { bytes, contentType: (old ?? mutation.value).contentType, version });
    return undefined;
  }
  let result = mutation.operand;
  if (before !== undefined) {
    const number = before.contentType === "application/json" ? numberOf(before.bytes) : NaN;
    if (mutation.op === "add") result = number + result;
    if (mutation.op === "min") result = Math.min(number, result);
    if (mutation.op === "max") result = Math.max(number, result);
  }
  if (!Number.isFinite(result)) return { outcome: "invalid", key, reason: "" };
  const bytes = new TextEncoder().encode(JSON.stringify(result));
  values.set(key, { bytes, contentType: "application/json", version });
  return undefined;
}

/** The number in JSON text; NaN where there is none, or one that no double holds, such as 1e999. */
function numberOf(bytes: Uint8Array): number {
  try {
    const found = Number(JSON.parse(new TextDecoder().decode(bytes)));
    return Number.isFinite(found) ? found : NaN;
  } catch {
    return NaN;
  }
}

function holds(condition: Condition | undefined, current: number | undefined): boolean {
  if (condition === undefined) return true;
  if (condition.kind === "absent") return current === undefined;
  if (condition.kind === "exists") return current !== undefined;
  return condition.versions.some((version) => version === current);
}

function committed(version: number, deletedCount = 0): CommandResult {
  return { outcome: "committed", version, deletedCount, reads: [] };
}

function firstKey(command: Command): string {
  if (command.kind === "delete_range") return "";
  if (command.kind !== "transaction") return command.key;
  return command.mutations[0]?.key ?? command.checks[0]?.key ?? command.reads[0] ?? "";
}
