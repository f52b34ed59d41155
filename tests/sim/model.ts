/**
 * What the database should hold: every version of every key, and the meaning of each command said
 * once more, simply.
 *
 * Commands are applied in order of their versions. Where an answer is known it must be the one that
 * the model comes to. The versions of a key are a chain, newest first, which copies of a model share.
 *
 * @module
 */
import { latin1Decode } from "../../storage/env/mod.ts";
import type { Command, CommandResult, Condition, Mutation } from "../../sharding/database.ts";
import type { RequestIdentity, RetentionTerm, StoredValue } from "../../sharding/database.ts";

/** A value in the model: its bytes one character each, so that comparing is plain. */
export interface ModelValue {
  readonly text: string;
  readonly contentType: string;
  readonly version: number;
  readonly expiresAt: number | undefined;
}

/** What a commit made of a key, in front of what had been made of it before. */
export interface ModelEntry {
  readonly version: number;
  /** Undefined where the key was deleted. */
  readonly value: ModelValue | undefined;
  readonly before: ModelEntry | undefined;
}

/** A key that a command changed. */
export interface ModelChange {
  readonly key: string;
  readonly kind: "set" | "delete";
}

interface Remembered {
  readonly fingerprint: string;
  readonly result: CommandResult;
}

type Transaction = Extract<Command, { kind: "transaction" }>;
type Revert = Extract<Command, { kind: "revert" }>;

/** Returns bytes as text, one character each. */
export function textOf(bytes: Uint8Array): string {
  return latin1Decode(bytes, 0, bytes.length);
}

/** Returns text, one character a byte, as bytes. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Returns what was read as the model has it. */
export function modelValue(found: StoredValue): ModelValue {
  const { bytes, contentType, version, expiresAt } = found;
  return { text: textOf(bytes), contentType, version, expiresAt };
}

/** A sorted map of versions with the meaning of every command. */
export class Model {
  /** The version of the command that was applied last. */
  version = 0;
  /** What that command changed, each key once. */
  changes: readonly ModelChange[] = [];
  #newest = new Map<string, ModelEntry>();
  #remembered = new Map<string, Remembered>();
  #rules = new Map<string, RetentionTerm>();

  /** Returns a copy that goes its own way. */
  clone(): Model {
    const copy = new Model();
    copy.version = this.version;
    copy.#newest = new Map(this.#newest);
    copy.#remembered = new Map(this.#remembered);
    copy.#rules = new Map(this.#rules);
    return copy;
  }

  /** Returns what was made of a key last, at or below a version, expired or not. */
  entry(key: string, at: number = Infinity): ModelEntry | undefined {
    let entry = this.#newest.get(key);
    while (entry !== undefined && entry.version > at) entry = entry.before;
    return entry;
  }

  /** Returns what a reader at a version sees of a key; at that of the last command if none is given. */
  get(key: string, at: number = this.version): ModelValue | undefined {
    const value = this.entry(key, at)?.value;
    return value !== undefined && (value.expiresAt ?? Infinity) > at ? value : undefined;
  }

  /** Returns the keys from `start` up to before `end` that have a value at a version, in order. */
  keys(start = "", end?: string, at: number = this.version): string[] {
    return this.keysEver(start, end).filter((key) => this.get(key, at) !== undefined);
  }

  /** Returns the keys from `start` up to before `end` that ever had a value, in order. */
  keysEver(start = "", end?: string): string[] {
    return [...this.#newest.keys()]
      .filter((key) => key >= start && (end === undefined || key < end))
      .sort();
  }

  /** Returns all that a reader at a version sees, one line per key, for comparing. */
  lines(at: number = this.version): string[] {
    return this.keys("", undefined, at).map((key) => lineOf(key, this.get(key, at)));
  }

  /** Tells whether a reader at a version sees all of it, and is shown these lines. */
  isShown(lines: readonly string[], at: number): boolean {
    return at >= this.version && this.lines(at).join("\n") === lines.join("\n");
  }

  /** The retention rules, one line each, in order. */
  ruleLines(): string[] {
    return [...this.#rules].map(([prefix, term]) => ruleLine(prefix, term)).sort();
  }

  /** Returns the versions behind `after` and up to `upTo` at which a key's newest value expires. */
  dues(after: number, upTo: number): number[] {
    const dues = new Set<number>();
    for (const { value } of this.#newest.values()) {
      const due = value?.expiresAt ?? Infinity;
      if (due > after && due <= upTo) dues.add(due);
    }
    return [...dues].sort((left, right) => left - right);
  }

  /** Applies a command at a version and returns what it must answer. */
  apply(command: Command, version: number, request?: RequestIdentity): CommandResult {
    this.version = Math.max(this.version, version);
    this.changes = [];
    if (request === undefined) return this.#evaluate(command, version);
    const id = textOf(request.id);
    const fingerprint = textOf(request.fingerprint);
    const known = this.#remembered.get(id);
    if (known !== undefined) {
      return known.fingerprint === fingerprint ? known.result : { outcome: "request_mismatch" };
    }
    const result = this.#evaluate(command, version);
    this.#remembered.set(id, { fingerprint, result });
    return result;
  }

  #evaluate(command: Command, version: number): CommandResult {
    switch (command.kind) {
      case "put":
        return this.#conditional(command, version, () => {
          this.#set(command.key, textOf(command.value.bytes), {
            version,
            contentType: command.value.contentType,
            expiresAt: dueOf(version, command.value.ttlMicros),
          });
          return committed(version);
        });
      case "delete":
        return this.#conditional(command, version, () => {
          return committed(version, this.#remove([command.key], version));
        });
      case "delete_range": {
        const keys = this.keys(command.range.start, command.range.end, version);
        if (keys.length > command.keyCountMax) {
          return { outcome: "too_many_keys", limit: command.keyCountMax };
        }
        return committed(version, this.#remove(keys, version));
      }
      case "transaction":
        return this.#transaction(command, version);
      case "revert":
        return this.#conditional(command, version, () => this.#revert(command, version));
      case "set_retention":
        this.#rules.set(command.prefix, command.rule);
        return committed(version);
      case "remove_retention":
        return committed(version, this.#rules.delete(command.prefix) ? 1 : 0);
    }
  }

  #conditional(
    { key, condition }: { readonly key: string; readonly condition?: Condition },
    version: number,
    change: () => CommandResult,
  ): CommandResult {
    const current = this.get(key, version)?.version;
    const holds = condition === undefined ||
      (condition.kind === "absent" && current === undefined) ||
      (condition.kind === "exists" && current !== undefined) ||
      (condition.kind === "version" && current !== undefined &&
        condition.versions.includes(current));
    return holds ? change() : { outcome: "condition_failed", current };
  }

  #revert({ key, toVersion, ttlMicros }: Revert, version: number): CommandResult {
    const past = this.get(key, toVersion);
    if (past === undefined) return { outcome: "no_value", key };
    const { text, contentType } = past;
    this.#set(key, text, { version, contentType, expiresAt: dueOf(version, ttlMicros) });
    return committed(version);
  }

  #transaction(command: Transaction, version: number): CommandResult {
    const failedChecks = command.checks.flatMap((check, index) => {
      return (this.get(check.key, version)?.version ?? null) === check.version ? [] : [index];
    });
    if (failedChecks.length > 0) return { outcome: "check_failed", failedChecks };
    const reads = command.reads.map((key): StoredValue | undefined => {
      const found = this.get(key, version);
      return found && { ...found, bytes: bytesOf(found.text) };
    });
    const overlay = new Map<string, ModelValue | undefined>();
    for (const mutation of command.mutations) {
      const { key } = mutation;
      const current = overlay.has(key) ? overlay.get(key) : this.get(key, version);
      const made = mutated(mutation, current, version);
      if (made === "invalid") return { outcome: "invalid", key, reason: "" };
      overlay.set(key, made);
    }
    for (const [key, value] of overlay) {
      if (value === undefined) this.#remove([key], version);
      else this.#set(key, value.text, value);
    }
    return { ...committed(version), reads };
  }

  #set(key: string, text: string, given: Omit<ModelValue, "text">): void {
    const { version, contentType, expiresAt } = given;
    const value = { text, contentType, version, expiresAt };
    this.#newest.set(key, { version, value, before: this.entry(key) });
    this.changes = [...this.changes, { key, kind: "set" }];
  }

  /** Removes those of the keys that are there. Returns how many. */
  #remove(keys: readonly string[], version: number): number {
    const found = keys.filter((key) => this.get(key, version) !== undefined);
    for (const key of found) {
      this.#newest.set(key, { version, value: undefined, before: this.entry(key) });
      this.changes = [...this.changes, { key, kind: "delete" }];
    }
    return found.length;
  }
}

/** Returns what a mutation makes of a value: a value, none, or nothing that can be. */
function mutated(
  mutation: Mutation,
  current: ModelValue | undefined,
  version: number,
): ModelValue | undefined | "invalid" {
  switch (mutation.op) {
    case "delete":
      return undefined;
    case "set":
    case "append": {
      const { bytes, contentType, ttlMicros } = mutation.value;
      const base = mutation.op === "append" ? current : undefined;
      return {
        text: (base?.text ?? "") + textOf(bytes),
        contentType: base?.contentType ?? contentType,
        version,
        expiresAt: dueOf(version, ttlMicros) ?? base?.expiresAt,
      };
    }
    default: {
      const { op, operand, ttlMicros } = mutation;
      const contentType = "application/json";
      if (current !== undefined && current.contentType !== contentType) return "invalid";
      const number = current === undefined ? undefined : Number(current.text);
      const combined = number === undefined
        ? operand
        : op === "add"
        ? number + operand
        : Math[op](number, operand);
      const expiresAt = dueOf(version, ttlMicros) ?? current?.expiresAt;
      return { text: JSON.stringify(combined), contentType, version, expiresAt };
    }
  }
}

function dueOf(version: number, ttlMicros: number | undefined): number | undefined {
  return ttlMicros === undefined ? undefined : version + ttlMicros;
}

/** Returns the line that stands for a key and its value. */
export function lineOf(key: string, value: ModelValue | undefined): string {
  if (value === undefined) return `${key} absent`;
  const until = value.expiresAt === undefined ? "" : ` until ${value.expiresAt}`;
  return `${key} ${value.version} ${value.contentType} ${value.text}${until}`;
}

/** Returns the line that stands for a retention rule. */
export function ruleLine(prefix: string, term: RetentionTerm): string {
  const amount = term.kind === "duration" ? term.retentionMicros : term.versionCount;
  return `${prefix} ${term.kind} ${amount}`;
}

/** Returns an answer as text in which equal answers are equal. Reasons in words do not count. */
export function resultLine(result: CommandResult): string {
  switch (result.outcome) {
    case "committed": {
      const reads = result.reads.map((read) => lineOf("", read && modelValue(read)));
      return `committed ${result.version} deleted ${result.deletedCount} reads ${reads.join()}`;
    }
    case "condition_failed":
      return `condition_failed ${result.current}`;
    case "check_failed":
      return `check_failed ${result.failedChecks.join()}`;
    case "invalid":
    case "value_too_large":
    case "no_value":
      return `${result.outcome} ${result.key}`;
    case "too_many_keys":
    case "too_many_rules":
      return `${result.outcome} ${result.limit}`;
    case "version_vacuumed":
    case "request_mismatch":
      return result.outcome;
  }
}

function committed(version: number, deletedCount = 0): CommandResult & { outcome: "committed" } {
  return { outcome: "committed", version, deletedCount, reads: [] };
}
