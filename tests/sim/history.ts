/**
 * What clients asked and were told, and whether one order of all of it explains every answer.
 *
 * The order is that of the versions, which the answers carry. A command that was refused by a
 * condition carries none: it must be explained by a state that was current between its question and
 * its answer.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { Command, CommandResult, RequestIdentity } from "../../sharding/database.ts";
import { Model, resultLine, textOf } from "./model.ts";

/** One request of a client. Moments are counts of whatever the caller counts, and only rise. */
export interface HistoryEntry {
  readonly command: Command;
  readonly request: RequestIdentity | undefined;
  /** When it was asked. */
  readonly askedAt: number;
  /** When it was answered; `Infinity` where it never was. */
  answeredAt: number;
  /** What it was told, where it was. */
  result: CommandResult | undefined;
  /** Why it was refused, where it was. */
  error: unknown;
}

/** A committed command, and what the database held once it had been applied. */
export interface Commit {
  readonly entry: HistoryEntry;
  readonly version: number;
  /** Not modified any more. */
  readonly model: Model;
}

/** Requests in the order in which they were asked. */
export class History {
  readonly entries: HistoryEntry[] = [];

  /** Notes a question. */
  ask(command: Command, options: { at: number; request?: RequestIdentity }): HistoryEntry {
    const entry: HistoryEntry = {
      command,
      request: options.request,
      askedAt: options.at,
      answeredAt: Infinity,
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
    const model = start.clone();
    const committed = this.#committed();
    const unexplained = this.#refused();
    const commits: Commit[] = [];
    this.#explainRefused(unexplained, { model, commits: committed, index: 0 });
    for (const [index, { entry, version, result }] of committed.entries()) {
      const want = model.apply(entry.command, version, entry.request);
      equal(resultLine(result), resultLine(want), `answer to ${describe(entry)}`);
      commits.push({ entry, version, model: model.clone() });
      this.#explainRefused(unexplained, { model, commits: committed, index: index + 1 });
    }
    for (const entry of unexplained) {
      ok(false, `No state explains ${describe(entry)}: ${JSON.stringify(entry.result)}`);
    }
    return commits;
  }

  /** Committed commands in order of version; a retry that was told the first answer counts once. */
  #committed(): { entry: HistoryEntry; version: number; result: CommandResult }[] {
    const found = new Map<
      number,
      { entry: HistoryEntry; version: number; result: CommandResult }
    >();
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

  /** Commands that changed nothing; of those with one identity the first, which the rest repeat. */
  #refused(): Set<HistoryEntry> {
    const first = new Map<string, string>();
    const refused = this.entries.filter(({ request, result }) => {
      if (result === undefined || result.outcome === "committed") return false;
      const id = request && textOf(request.id);
      const known = id === undefined ? undefined : first.get(id);
      if (id !== undefined) first.set(id, known ?? resultLine(result));
      return known === undefined || known !== resultLine(result);
    });
    return new Set(refused);
  }

  /** Strikes out what the state after the first `index` commits explains. */
  #explainRefused(
    unexplained: Set<HistoryEntry>,
    at: {
      model: Model;
      commits: readonly { entry: HistoryEntry }[];
      index: number;
    },
  ): void {
    const { model, commits, index } = at;
    const last = commits[index - 1]?.entry;
    const next = commits[index]?.entry;
    for (const entry of unexplained) {
      // The state began at the earliest when `last` was asked, and ended when `next` was answered.
      if (last !== undefined && last.askedAt > entry.answeredAt) continue;
      if (next !== undefined && next.answeredAt < entry.askedAt) continue;
      const want = model.clone().apply(entry.command, 0);
      if (entry.result !== undefined && resultLine(entry.result) === resultLine(want)) {
        unexplained.delete(entry);
      }
    }
  }
}

function describe(entry: HistoryEntry): string {
  const text = JSON.stringify(
    entry.command,
    (_, value) => value instanceof Uint8Array ? new TextDecoder().decode(value) : value,
  );
  return `${text}, asked at ${entry.askedAt}, answered at ${entry.answeredAt}`;
}
