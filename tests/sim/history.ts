/**
 * What clients asked and were told, and whether one order of all of it explains every answer.
 *
 * The order is that of the versions, which the answers carry. A command that was refused by a
 * condition carries none: it must be explained by a state that was current between its question and
 * its answer, at a version that the clock allows.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { Command, CommandResult, RequestIdentity } from "../../sharding/database.ts";
import { Model, resultLine, textOf } from "./model.ts";
import type { ModelChange } from "./model.ts";

/** One request of a client. Moments are counts of whatever the caller counts, and only rise. */
export interface HistoryEntry {
  readonly command: Command;
  readonly request: RequestIdentity | undefined;
  /** When it was asked. */
  readonly askedAt: number;
  /** The wall clock then, in microseconds; 0 where nobody looked. */
  readonly askedMicros: number;
  /** When it was answered; `Infinity` where it never was. */
  answeredAt: number;
  /** The wall clock then; `Infinity` where nobody looked. */
  answeredMicros: number;
  /** What it was told, where it was. */
  result: CommandResult | undefined;
  /** Why it was refused, where it was. */
  error: unknown;
}

/** A committed command, and what the database held once it had been applied. */
export interface Commit {
  readonly entry: HistoryEntry;
  readonly version: number;
  /** Each key once. */
  readonly changes: readonly ModelChange[];
  /** Not modified any more. */
  readonly model: Model;
}

interface Answered {
  readonly entry: HistoryEntry;
  readonly version: number;
  readonly result: CommandResult;
}

/** How far versions may be ahead of the clock: by the windows of some restarts. */
const aheadMicrosMax = 2_000_000;

/** Requests in the order in which they were asked. */
export class History {
  readonly entries: HistoryEntry[] = [];

  /** Notes a question. */
  ask(
    command: Command,
    options: { at: number; micros?: number; request?: RequestIdentity },
  ): HistoryEntry {
    const entry: HistoryEntry = {
      command,
      request: options.request,
      askedAt: options.at,
      askedMicros: options.micros ?? 0,
      answeredAt: Infinity,
      answeredMicros: Infinity,
      result: undefined,
      error: undefined,
    };
    this.entries.push(entry);
    return entry;
  }

  /**
   * Checks all answers, and returns the commits in order with the states they made.
   *
   * @param start What was held in the beginning. Not modified.
   */
  explain(start: Model = new Model()): Commit[] {
    const commits = this.acknowledged(start);
    this.explainRefused(start, commits);
    return commits;
  }

  /** Checks the answers of what was committed, and returns the commits. */
  acknowledged(start: Model): Commit[] {
    const model = start.clone();
    return this.#committed().map(({ entry, version, result }): Commit => {
      const want = model.apply(entry.command, version, entry.request);
      equal(resultLine(result), resultLine(want), `answer to ${describe(entry)}`);
      return { entry, version, changes: model.changes, model: model.clone() };
    });
  }

  /**
   * Checks the answers of what was refused.
   *
   * @param commits All there were, also those that nobody was told of.
   */
  explainRefused(start: Model, commits: readonly Commit[]): void {
    const unexplained = this.#refused();
    for (let index = 0; index <= commits.length; index++) {
      explainRefused(unexplained, {
        model: commits[index - 1]?.model ?? start,
        last: commits[index - 1],
        next: commits[index],
      });
    }
    for (const entry of unexplained) {
      ok(false, `No state explains ${describe(entry)}: ${JSON.stringify(entry.result)}`);
    }
  }

  /** Committed commands in order of version; a retry that was told the first answer counts once. */
  #committed(): Answered[] {
    const found = new Map<number, Answered>();
    for (const entry of this.entries) {
      const { result } = entry;
      if (result?.outcome !== "committed") continue;
      const first = found.get(result.version);
      if (first === undefined) {
        found.set(result.version, { entry, version: result.version, result });
      } else {
        ok(entry.request !== undefined, `Two commits have version ${result.version}`);
        deepEqual(entry.request.id, first.entry.request?.id, "only a retry repeats a version");
        equal(resultLine(result), resultLine(first.result), "a retry gets the first answer");
      }
    }
    return [...found.values()].sort((left, right) => left.version - right.version);
  }

  /**
   * Commands that changed nothing; of those with one identity the first, which the rest repeat. What
   * was vacuumed is judged by `retention_bounds.ts`.
   */
  #refused(): Set<HistoryEntry> {
    const first = new Map<string, string>();
    const refused = this.entries.filter(({ request, result }) => {
      if (result === undefined || result.outcome === "committed") return false;
      if (result.outcome === "version_vacuumed") return false;
      const id = request && textOf(request.id);
      const known = id === undefined ? undefined : first.get(id);
      if (id !== undefined) first.set(id, known ?? resultLine(result));
      return known === undefined || known !== resultLine(result);
    });
    return new Set(refused);
  }
}

/** Strikes out what a state explains, which began with one commit and ended with the next. */
function explainRefused(
  unexplained: Set<HistoryEntry>,
  state: {
    readonly model: Model;
    readonly last: Commit | undefined;
    readonly next: Commit | undefined;
  },
): void {
  const { model, last, next } = state;
  for (const entry of unexplained) {
    // The state began at the earliest when `last` was asked, and ended when `next` was answered.
    if (last !== undefined && last.entry.askedAt > entry.answeredAt) continue;
    const isOver = next?.entry.result !== undefined && next.entry.answeredAt < entry.askedAt;
    if (isOver) continue;
    const isExplained = versionsOf(entry, { model, next }).some((version) => {
      const want = model.clone().apply(entry.command, version);
      return entry.result !== undefined && resultLine(entry.result) === resultLine(want);
    });
    if (isExplained) unexplained.delete(entry);
  }
}

/** Returns versions that a refused command may have had in a state, one between any two expiries. */
function versionsOf(
  entry: HistoryEntry,
  state: { readonly model: Model; readonly next: Commit | undefined },
): number[] {
  const { model, next } = state;
  const { askedMicros, answeredMicros } = entry;
  // The clock may have gone back meanwhile.
  const from = Math.max(model.version, Math.min(askedMicros, answeredMicros));
  const upTo = Math.min(
    (next?.version ?? Infinity) - 1,
    Math.max(askedMicros, answeredMicros, model.version + aheadMicrosMax),
  );
  return from > upTo ? [] : [from, ...model.dues(from, upTo)];
}

function describe(entry: HistoryEntry): string {
  const text = JSON.stringify(
    entry.command,
    (_, value) => value instanceof Uint8Array ? new TextDecoder().decode(value) : value,
  );
  return `${text}, asked at ${entry.askedAt}, answered at ${entry.answeredAt}`;
}
