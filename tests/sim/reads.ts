/**
 * What clients read, held against the commits of the same time.
 *
 * @module
 */
import { deepEqual, ok } from "node:assert/strict";
import type { Commit } from "./history.ts";
import { lineOf } from "./model.ts";
import type { Model } from "./model.ts";

/** One read: of some keys, at one version. */
export interface ReadEntry {
  /** When it was asked. */
  readonly askedAt: number;
  /** Whether the newest state was asked for, and not a snapshot. */
  readonly isNewest: boolean;
  /** At which version it looked. */
  readonly version: number;
  /** What it looked at: these keys, or all from `start` up to before `end`. */
  readonly keys: readonly string[] | { readonly start: string; readonly end: string };
  /** One line per key found, or per key asked for. */
  readonly lines: readonly string[];
}

/**
 * Checks that every read saw the state at its version, and the newest ones nothing older than what
 * had been acknowledged before they were asked.
 *
 * @returns How many were checked: those that saw what nobody was told of are not.
 */
export function checkReads(
  reads: readonly ReadEntry[],
  options: { start: Model; commits: readonly Commit[] },
): number {
  const { start, commits } = options;
  let checkedCount = 0;
  for (const read of reads) {
    const acknowledged = commits.findLast(({ entry }) => entry.answeredAt < read.askedAt);
    if (read.isNewest && acknowledged !== undefined) {
      ok(read.version >= acknowledged.version, `A read at ${read.version} is stale`);
    }
    const last = commits.at(-1)?.version ?? 0;
    if (read.version > last) continue;
    const state = commits.findLast(({ version }) => version <= read.version)?.model ?? start;
    const keys = "start" in read.keys ? state.keys(read.keys.start, read.keys.end) : read.keys;
    const wanted = keys.map((key) => lineOf(key, state.get(key)));
    deepEqual(read.lines, wanted, `a read at version ${read.version}`);
    checkedCount++;
  }
  return checkedCount;
}
