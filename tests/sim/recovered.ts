/**
 * Whether what a node holds after a restart follows from what clients were told before.
 *
 * Every acknowledged command is there. Of those whose outcome nobody heard a prefix is, in the order
 * in which they were asked: they lay behind the acknowledged ones in one log. Nothing else is.
 *
 * @module
 */
import { AssertionError, ok } from "node:assert/strict";
import { InvariantError } from "../../storage/env/mod.ts";
import { ShardError } from "../../sharding/errors.ts";
import type { Commit, History, HistoryEntry } from "./history.ts";
import { Model } from "./model.ts";

/** What a restart is held against. */
export interface Expectation {
  /** The state after every acknowledged command. Not modified. */
  readonly acknowledged: Model;
  /** The newest acknowledged version. */
  readonly lastVersion: number;
  /** Commands without an answer, in the order in which they were asked. */
  readonly unknown: readonly HistoryEntry[];
}

/** What a restart came to. */
export interface Recovered {
  /** The state that was found. */
  readonly model: Model;
  /** How many of the unknown commands had been applied. */
  readonly appliedCount: number;
}

/**
 * Returns what the answers of a history allow a restart to find.
 *
 * @param options.start What was held when the history began. @param options.commits What
 * `History.explain()` returned for it.
 */
export function expectationOf(
  history: History,
  options: { start?: Model; commits?: readonly Commit[] } = {},
): Expectation {
  const { start = new Model() } = options;
  const commits = options.commits ?? history.explain(start);
  for (const { error } of history.entries) if (error !== undefined) worldsFailure(error);
  return {
    acknowledged: commits.at(-1)?.model ?? start,
    lastVersion: commits.at(-1)?.version ?? start.newestVersion(),
    unknown: history.entries.filter(isUnknown),
  };
}

/** Tells whether nobody heard what became of a command. */
function isUnknown({ result, error }: HistoryEntry): boolean {
  if (result !== undefined) return false;
  return !(error instanceof ShardError) || error.code === "outcome_unknown";
}

/** Takes the world's failures as they are, and throws on what a fault must never bring about. */
export function worldsFailure(error: unknown): void {
  if (error instanceof InvariantError || error instanceof TypeError) throw error;
  // Nobody asks for a version that is not held, or is not the newest.
  if (error instanceof ShardError && error.code === "version_vacuumed") throw error;
  ok(error instanceof Error, `Not an error: ${String(error)}`);
}

// Stands for versions that nobody was told, one after another; larger than every real one.
const unknownVersionStart = 8_000_000_000_000_000;

/**
 * Finds the prefix of unknown commands that explains what was found.
 *
 * @param lines What was found, as a `Model` prints it.
 * @throws {AssertionError} where none does.
 */
export function explainRecovered(
  lines: readonly string[],
  expectation: Expectation,
): Recovered {
  const { acknowledged, unknown, lastVersion } = expectation;
  const candidate = acknowledged.clone();
  for (let appliedCount = 0;; appliedCount++) {
    const model = withFoundVersions(candidate, { lines, lastVersion });
    if (model?.lines().join("\n") === lines.join("\n")) return { model, appliedCount };
    if (appliedCount === unknown.length) break;
    const { command, request } = unknown[appliedCount];
    candidate.apply(command, unknownVersionStart + appliedCount, request);
  }
  throw new AssertionError({
    message: `No prefix of ${unknown.length} unknown commands explains what was found.\n` +
      differences(acknowledged.lines(), lines).join("\n"),
  });
}

/** Returns where two states differ, for a report. */
export function differences(wanted: readonly string[], found: readonly string[]): string[] {
  const brief = (line: string) => line.length > 120 ? `${line.slice(0, 120)}…` : line;
  return [
    ...wanted.filter((line) => !found.includes(line)).map((line) => `  missing ${brief(line)}`),
    ...found.filter((line) => !wanted.includes(line)).map((line) => `  found   ${brief(line)}`),
  ].slice(0, 12);
}

/**
 * Returns the model with the versions that were found in place of those that nobody was told;
 * undefined where they do not rise as their commands do.
 */
function withFoundVersions(
  model: Model,
  options: { lines: readonly string[]; lastVersion: number },
): Model | undefined {
  const found = new Map(options.lines.map((line) => {
    const [key, version] = line.split(" ");
    return [key, Number(version)];
  }));
  const real = new Map<number, number>();
  for (const key of model.keys()) {
    const version = model.get(key)?.version ?? 0;
    if (version < unknownVersionStart) continue;
    const given = found.get(key);
    if (given === undefined || (real.get(version) ?? given) !== given) return undefined;
    real.set(version, given);
  }
  let last = options.lastVersion;
  for (const unknown of [...real.keys()].sort((left, right) => left - right)) {
    const given = real.get(unknown) ?? 0;
    if (given <= last) return undefined;
    last = given;
  }
  return model.withVersions(real);
}
