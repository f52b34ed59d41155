/**
 * What commands mean, said once more as plainly as possible: all that each key ever held, and the
 * version at which somebody looks.
 *
 * Rules go by time here: of those that count the model knows nothing.
 *
 * @module
 */
import type { UpkeepCommand } from "../../sharding/command.ts";
import type {
  Command,
  CommandResult,
  Condition,
  Mutation,
  NewValue,
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

/** What a key holds from a version on. */
interface Moment {
  readonly version: number;
  readonly value: StoredValue | undefined;
}

/** A key-value map with its past, requests remembered, and rules of retention. */
export class CommandModel {
  /** Newest last. */
  readonly moments = new Map<string, Moment[]>();
  /** The horizon of each prefix's rule. */
  readonly rules = new Map<string, { version: number; isRetired: boolean }>();
  #rulesBefore: CommandModel["rules"] = new Map();
  readonly #remembered = new Map<string, Remembered>();

  /** Begins an entry: until it ends, what can be read is decided by the rules as they are now. */
  beginEntry(): void {
    this.#rulesBefore = structuredClone(this.rules);
  }

  /** Returns what a key holds, as seen at a version. */
  at(key: string, version: number): StoredValue | undefined {
    const value = this.moments.get(key)?.findLast((moment) => moment.version <= version)?.value;
    return value === undefined || (value.expiresAt ?? Infinity) <= version ? undefined : value;
  }

  /** Returns what all keys hold, as seen at a version, in order. */
  all(version: number): [string, StoredValue][] {
    return [...this.moments.keys()].sort().flatMap((key): [string, StoredValue][] => {
      const value = this.at(key, version);
      return value === undefined ? [] : [[key, value]];
    });
  }

  /** Runs a command at a version. */
  run(
    command: Command | UpkeepCommand,
    version: number,
    request?: RequestIdentity,
  ): CommandResult {
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

  #run(command: Command | UpkeepCommand, version: number): CommandResult {
    switch (command.kind) {
      case "put":
      case "delete":
      case "revert": {
        const current = this.at(command.key, version)?.version;
        if (!holds(command.condition, current)) return { outcome: "condition_failed", current };
        if (command.kind === "revert") return this.#revert(command, version);
        const value = command.kind === "put" ? stored(command.value, version) : undefined;
        this.#set(command.key, version, value);
        const isRemoved = command.kind === "delete" && current !== undefined;
        return committed(version, isRemoved ? 1 : 0);
      }
      case "delete_range": {
        const { start = "", end } = command.range;
        const keys = this.all(version).map(([key]) => key).filter((key) =>
          key >= start && (end === undefined || key < end)
        );
        if (keys.length > command.keyCountMax) {
          return { outcome: "too_many_keys", limit: command.keyCountMax };
        }
        for (const key of keys) this.#set(key, version, undefined);
        return committed(version, keys.length);
      }
      case "transaction":
        return this.#transact(command, version);
      case "set_retention": {
        const horizon = horizonIn(this.rules, command.prefix);
        this.rules.set(command.prefix, { version: horizon, isRetired: false });
        return committed(version);
      }
      case "remove_retention":
        return committed(version, this.#retire(command.prefix) ? 1 : 0);
      case "advance":
        for (const horizon of command.horizons) {
          const rule = this.rules.get(horizon.prefix.slice(1));
          if (rule === undefined || rule.isRetired) continue;
          rule.version = Math.max(rule.version, horizon.version);
        }
        return committed(version);
      case "expire":
        // Who looks sees nothing of it: what it removes has been out of sight already.
        return committed(version);
    }
  }

  #set(key: string, version: number, value: StoredValue | undefined): void {
    this.moments.set(key, [...this.moments.get(key) ?? [], { version, value }]);
  }

  #revert(command: Extract<Command, { kind: "revert" }>, version: number): CommandResult {
    const { key, toVersion, ttlMicros } = command;
    const value = this.at(key, toVersion);
    const horizon = horizonIn(this.rules, key);
    const isGone = toVersion < horizonIn(this.#rulesBefore, key) ||
      (value === undefined && toVersion < horizon);
    if (isGone) return { outcome: "version_vacuumed", oldestVersion: horizon };
    if (value === undefined) return { outcome: "no_value", key };
    const { bytes, contentType } = value;
    this.#set(key, version, stored({ bytes, contentType, ttlMicros }, version));
    return committed(version);
  }

  /** A rule stays until the horizon without it has come up to its own. */
  #retire(prefix: string): boolean {
    const rule = this.rules.get(prefix);
    if (rule === undefined || rule.isRetired) return false;
    rule.isRetired = true;
    for (const [name, { version, isRetired }] of this.rules) {
      if (!isRetired) continue;
      const rest = new Map(this.rules);
      rest.delete(name);
      if (horizonIn(rest, name) >= version) this.rules.delete(name);
    }
    return true;
  }

  #transact(command: Extract<Command, { kind: "transaction" }>, version: number): CommandResult {
    const failedChecks = command.checks.flatMap((check, index) =>
      (this.at(check.key, version)?.version ?? null) === check.version ? [] : [index]
    );
    if (failedChecks.length > 0) return { outcome: "check_failed", failedChecks };
    const reads = command.reads.map((key) => this.at(key, version));
    const before = new Map(this.all(version));
    const after = new Map(before);
    for (const mutation of command.mutations) {
      const refusal = mutate(after, mutation, version);
      if (refusal !== undefined) return refusal;
    }
    for (const key of new Set(command.mutations.map((mutation) => mutation.key))) {
      this.#set(key, version, after.get(key));
    }
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
    const { contentType } = old ?? mutation.value;
    const { ttlMicros } = mutation.value;
    const after = stored({ bytes, contentType, ttlMicros }, version);
    values.set(key, { ...after, expiresAt: after.expiresAt ?? old?.expiresAt });
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
  const { ttlMicros } = mutation;
  const after = stored({ bytes, contentType: "application/json", ttlMicros }, version);
  values.set(key, { ...after, expiresAt: after.expiresAt ?? before?.expiresAt });
  return undefined;
}

function stored({ bytes, contentType, ttlMicros }: NewValue, version: number): StoredValue {
  const expiresAt = ttlMicros === undefined ? undefined : version + ttlMicros;
  return { bytes, contentType, version, expiresAt };
}

/** The horizon of the longest rule that a key is under. */
function horizonIn(rules: CommandModel["rules"], key: string): number {
  const prefixes = [...rules.keys()].filter((prefix) => key.startsWith(prefix)).sort();
  return rules.get(prefixes.at(-1) ?? "none")?.version ?? 0;
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

function firstKey(command: Command | UpkeepCommand): string {
  if ("key" in command) return command.key;
  if (command.kind !== "transaction") return "";
  return command.mutations[0]?.key ?? command.checks[0]?.key ?? command.reads[0] ?? "";
}
