/**
 * What the database should hold: a map, and the meaning of each command said once more, simply.
 *
 * Commands are applied in order of their versions. Where an answer is known it must be the one that
 * the model comes to.
 *
 * @module
 */
import { latin1Decode } from "../../storage/env/mod.ts";
import type { Command, CommandResult, Condition, Mutation } from "../../sharding/database.ts";
import type { RequestIdentity, StoredValue } from "../../sharding/database.ts";

/** A value in the model: its bytes one character each, so that comparing is plain. */
export interface ModelValue {
  readonly text: string;
  readonly contentType: string;
  readonly version: number;
}

interface Remembered {
  readonly fingerprint: string;
  readonly result: CommandResult;
}

/** Returns bytes as text, one character each. */
export function textOf(bytes: Uint8Array): string {
  return latin1Decode(bytes, 0, bytes.length);
}

/** Returns text, one character a byte, as bytes. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A sorted map with the meaning of every command. */
export class Model {
  readonly #values: Map<string, ModelValue>;
  readonly #remembered: Map<string, Remembered>;

  constructor(values?: Map<string, ModelValue>, remembered?: Map<string, Remembered>) {
    this.#values = values ?? new Map();
    this.#remembered = remembered ?? new Map();
  }

  clone(): Model {
    return new Model(new Map(this.#values), new Map(this.#remembered));
  }

  /** Returns a copy in which versions are replaced as the map says. */
  withVersions(versions: ReadonlyMap<number, number>): Model {
    const copy = this.clone();
    for (const [key, value] of copy.#values) {
      const version = versions.get(value.version);
      if (version !== undefined) copy.#values.set(key, { ...value, version });
    }
    for (const [id, { fingerprint, result }] of copy.#remembered) {
      if (result.outcome !== "committed") continue;
      const version = versions.get(result.version);
      if (version !== undefined) {
        copy.#remembered.set(id, { fingerprint, result: { ...result, version } });
      }
    }
    return copy;
  }

  /** Returns the newest version of any value, 0 where there is none. */
  newestVersion(): number {
    return Math.max(0, ...[...this.#values.values()].map(({ version }) => version));
  }

  get(key: string): ModelValue | undefined {
    return this.#values.get(key);
  }

  /** Returns the keys from `start` up to before `end`, in order. */
  keys(start = "", end?: string): string[] {
    return [...this.#values.keys()]
      .filter((key) => key >= start && (end === undefined || key < end))
      .sort();
  }

  /** Returns all that is held, one line per key, for comparing. */
  lines(): string[] {
    return this.keys().map((key) => lineOf(key, this.#values.get(key)));
  }

  /** Applies a command at a version and returns what it must answer. */
  apply(command: Command, version: number, request?: RequestIdentity): CommandResult {
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
        return this.#conditional(command.key, command.condition, () => {
          this.#set(command.key, textOf(command.value.bytes), command.value.contentType, version);
          return committed(version);
        });
      case "delete":
        return this.#conditional(command.key, command.condition, () => {
          return committed(version, this.#values.delete(command.key) ? 1 : 0);
        });
      case "delete_range": {
        const keys = this.keys(command.range.start, command.range.end);
        if (keys.length > command.keyCountMax) {
          return { outcome: "too_many_keys", limit: command.keyCountMax };
        }
        for (const key of keys) this.#values.delete(key);
        return committed(version, keys.length);
      }
      case "transaction":
        return this.#transaction(command, version);
    }
  }

  #conditional(
    key: string,
    condition: Condition | undefined,
    change: () => CommandResult,
  ): CommandResult {
    const current = this.#values.get(key)?.version;
    const holds = condition === undefined ||
      (condition.kind === "absent" && current === undefined) ||
      (condition.kind === "exists" && current !== undefined) ||
      (condition.kind === "version" && current !== undefined &&
        condition.versions.includes(current));
    return holds ? change() : { outcome: "condition_failed", current };
  }

  #transaction(
    command: Extract<Command, { kind: "transaction" }>,
    version: number,
  ): CommandResult {
    const failedChecks = command.checks.flatMap((check, index) => {
      return (this.#values.get(check.key)?.version ?? null) === check.version ? [] : [index];
    });
    if (failedChecks.length > 0) return { outcome: "check_failed", failedChecks };
    const reads = command.reads.map((key): StoredValue | undefined => {
      const found = this.#values.get(key);
      return found && { ...found, bytes: bytesOf(found.text) };
    });
    const before = new Map(this.#values);
    for (const mutation of command.mutations) {
      if (this.#mutate(mutation, version)) continue;
      this.#values.clear();
      for (const [key, value] of before) this.#values.set(key, value);
      return { outcome: "invalid", key: mutation.key, reason: "" };
    }
    return { ...committed(version), reads };
  }

  #mutate(mutation: Mutation, version: number): boolean {
    const { op, key } = mutation;
    const current = this.#values.get(key);
    if (op === "delete") {
      this.#values.delete(key);
      return true;
    }
    if (op === "set" || op === "append") {
      const before = op === "append" ? current?.text ?? "" : "";
      const contentType = op === "append" && current !== undefined
        ? current.contentType
        : mutation.value.contentType;
      this.#set(key, before + textOf(mutation.value.bytes), contentType, version);
      return true;
    }
    if (current !== undefined && current.contentType !== "application/json") return false;
    const operand = mutation.operand;
    const number = current === undefined ? undefined : Number(current.text);
    const combined = number === undefined
      ? operand
      : op === "add"
      ? number + operand
      : Math[op](number, operand);
    this.#set(key, JSON.stringify(combined), "application/json", version);
    return true;
  }

  #set(key: string, text: string, contentType: string, version: number): void {
    this.#values.set(key, { text, contentType, version });
  }
}

/** Returns the line that stands for a key and its value. */
export function lineOf(key: string, value: ModelValue | undefined): string {
  return value === undefined
    ? `${key} absent`
    : `${key} ${value.version} ${value.contentType} ${value.text}`;
}

/** Returns an answer as text in which equal answers are equal. Reasons in words do not count. */
export function resultLine(result: CommandResult): string {
  switch (result.outcome) {
    case "committed": {
      const reads = result.reads.map((read) =>
        lineOf("", read && { ...read, text: textOf(read.bytes) })
      );
      return `committed ${result.version} deleted ${result.deletedCount} reads ${reads.join()}`;
    }
    case "condition_failed":
      return `condition_failed ${result.current}`;
    case "check_failed":
      return `check_failed ${result.failedChecks.join()}`;
    case "invalid":
    case "value_too_large":
      return `${result.outcome} ${result.key}`;
    case "too_many_keys":
      return `too_many_keys ${result.limit}`;
    case "request_mismatch":
      return "request_mismatch";
  }
}

function committed(version: number, deletedCount = 0): CommandResult & { outcome: "committed" } {
  return { outcome: "committed", version, deletedCount, reads: [] };
}
