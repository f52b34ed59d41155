/**
 * Whether what a node holds after a restart follows from what clients were told before.
 *
 * Every acknowledged command is there. Of those whose outcome nobody heard a prefix is, in the order
 * in which they were asked: they lay behind the acknowledged ones in one log. Nothing else is. Which
 * versions they got tells a watch that is opened at once; that it tells the truth is what the values
 * that were found must bear out.
 *
 * @module
 */
import { AssertionError, ok } from "node:assert/strict";
import { InvariantError } from "../../storage/env/mod.ts";
import { ShardError } from "../../sharding/errors.ts";
import type { Commit, History, HistoryEntry } from "./history.ts";
import { Model } from "./model.ts";
import type { ModelChange } from "./model.ts";

/** What a restart is held against. */
export interface Expectation {
  /** The state after every acknowledged command. Not modified. */
  readonly acknowledged: Model;
  /** Commands without an answer, in the order in which they were asked. */
  readonly unknown: readonly HistoryEntry[];
}

/** A commit as a watch tells of it. */
export interface ToldCommit {
  readonly version: number;
  readonly changes: readonly ModelChange[];
}

/** What a node was found to hold. */
export interface FoundState {
  /** One line per key, as a `Model` prints it. */
  readonly lines: readonly string[];
  /** At which version it was looked at. */
  readonly version: number;
  /** The retention rules, as a `Model` prints them. */
  readonly ruleLines: readonly string[];
  /** The commits behind the acknowledged ones, up to that version, without expiries. */
  readonly tail: readonly ToldCommit[];
}

/** What a restart came to. */
export interface Recovered {
  /** The state that was found. */
  readonly model: Model;
  /** How many of the unknown commands had been applied. */
  readonly appliedCount: number;
  /** Those of them that changed something. */
  readonly commits: readonly Commit[];
}

/** Returns what the answers of a history allow a restart to find. */
export function expectationOf(history: History, start: Model = new Model()): Expectation {
  const commits = history.explain(start);
  return { acknowledged: commits.at(-1)?.model ?? start, unknown: unknownOf(history) };
}

/** Returns the commands of which nobody heard what became of them. */
export function unknownOf(history: History): HistoryEntry[] {
  for (const { error } of history.entries) if (error !== undefined) worldsFailure(error);
  return history.entries.filter(({ result, error }) => {
    if (result !== undefined) return false;
    return !(error instanceof ShardError) || error.code === "outcome_unknown";
  });
}

/** Looks at what a node holds, and how it came to what nobody was told of. */
export function findState(
  node: { found(options: { keys: Iterable<string>; behind: number }): Promise<FoundState> },
  expectation: Expectation,
): Promise<FoundState> {
  return node.found({ keys: keysOf(expectation), behind: expectation.acknowledged.version });
}

/** Returns all keys that may be there. */
export function keysOf({ acknowledged, unknown }: Expectation): Set<string> {
  const keys = new Set(acknowledged.keysEver());
  for (const { command } of unknown) {
    if ("key" in command) keys.add(command.key);
    if (command.kind === "transaction") { for (const { key } of command.mutations) keys.add(key); }
  }
  return keys;
}

/** Takes the world's failures as they are, and throws on what a fault must never bring about. */
export function worldsFailure(error: unknown): void {
  if (error instanceof InvariantError || error instanceof TypeError) throw error;
  if (error instanceof AssertionError) throw error;
  // Whoever asks for a version that may be gone looks at the refusal by himself.
  const isVersion = error instanceof ShardError &&
    (error.code === "version_vacuumed" || error.code === "version_to_come");
  if (isVersion) throw error;
  ok(error instanceof Error, `Not an error: ${String(error)}`);
}

/**
 * Finds the prefix of unknown commands that explains what was found.
 *
 * @throws {AssertionError} where none does.
 */
export function explainRecovered(found: FoundState, expectation: Expectation): Recovered {
  const { acknowledged, unknown } = expectation;
  const explained = explainFrom({ model: acknowledged, commits: [], appliedCount: 0 }, {
    found,
    unknown,
  });
  if (explained !== undefined) return explained;
  throw new AssertionError({
    message: `No prefix of ${unknown.length} unknown commands explains what was found at ` +
      `${found.version}, with ${JSON.stringify(found.tail)} behind ${acknowledged.version}:\n` +
      differences(acknowledged.lines(found.version), found.lines).join("\n"),
  });
}

/** Goes on from some unknown commands and as many commits as changed something. */
function explainFrom(
  so: Recovered,
  wanted: { readonly found: FoundState; readonly unknown: readonly HistoryEntry[] },
): Recovered | undefined {
  const { found, unknown } = wanted;
  const { model, commits, appliedCount } = so;
  const told = found.tail.at(commits.length);
  if (told === undefined && isFound(model, found)) return so;
  if (appliedCount === unknown.length) return undefined;
  const entry = unknown[appliedCount];
  const { command, request } = entry;
  if (told !== undefined && told.version > model.version) {
    const next = model.clone();
    next.apply(command, told.version, request);
    if (changesLine(next.changes) === changesLine(told.changes)) {
      const commit = { entry, version: told.version, changes: next.changes, model: next };
      const more = { model: next, commits: [...commits, commit], appliedCount: appliedCount + 1 };
      const explained = explainFrom(more, wanted);
      if (explained !== undefined) return explained;
    }
  }
  // It changed no key, at the first or the last version that it can have had.
  for (const version of [model.version + 1, (told?.version ?? found.version) - 1]) {
    const next = model.clone();
    next.apply(command, version, request);
    if (next.changes.length > 0) continue;
    next.version = model.version;
    const explained = explainFrom({ ...so, model: next, appliedCount: appliedCount + 1 }, wanted);
    if (explained !== undefined) return explained;
  }
  // What it was to go back to may have been vacuumed.
  if (command.kind !== "revert") return undefined;
  return explainFrom({ ...so, appliedCount: appliedCount + 1 }, wanted);
}

function isFound(model: Model, found: FoundState): boolean {
  return model.isShown(found.lines, found.version) &&
    model.ruleLines().join("\n") === found.ruleLines.join("\n");
}

/** Returns the changes of a commit as text in which equal changes are equal, whatever their order. */
export function changesLine(changes: readonly ModelChange[]): string {
  return changes.map(({ key, kind }) => `${kind} ${key}`).sort().join();
}

/** Returns where two states differ, for a report. */
export function differences(wanted: readonly string[], found: readonly string[]): string[] {
  const brief = (line: string) => line.length > 160 ? `${line.slice(0, 160)}…` : line;
  return [
    ...wanted.filter((line) => !found.includes(line)).map((line) => `  missing ${brief(line)}`),
    ...found.filter((line) => !wanted.includes(line)).map((line) => `  found   ${brief(line)}`),
  ].slice(0, 12);
}
