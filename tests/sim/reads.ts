/**
 * What clients read of the state at some version, held against the commits.
 *
 * Whoever asks for the newest state is shown one at a version at or below which nothing commits any
 * more. So a read is judged once it is known what was committed, by the state at its very version.
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
  /** When its version was fixed. */
  readonly answeredAt: number;
  /** Whether the newest state was asked for, and not a version. */
  readonly isNewest: boolean;
  /** At which version it looked. */
  readonly version: number;
  /** What it looked at: these keys, or all from `start` up to before `end`. */
  readonly keys: readonly string[] | { readonly start: string; readonly end: string };
  /** One line per key found, or per key asked for. */
  readonly lines: readonly string[];
  /** What expires up to here must be out of sight: the time, less what a node may take. 0: nothing. */
  readonly goneMicros: number;
}

/** What reads are held against. */
export interface ReadTruth {
  /** Every commit, also of those that nobody was told of. Not modified. */
  readonly model: Model;
  /** Those of the time of the reads. */
  readonly commits: readonly Commit[];
  /** The largest version that was read at before. */
  readonly floor: number;
}

/**
 * Checks that every read saw the state at its version; that those of the newest state never went back
 * and saw all that had been acknowledged before they were asked; and that nothing that was asked for
 * later was committed below.
 *
 * @returns How many were checked: all.
 */
export function checkReads(reads: readonly ReadEntry[], truth: ReadTruth): number {
  const { model } = truth;
  checkOrder(reads, truth);
  for (const read of reads) {
    const { version, goneMicros } = read;
    const keys = "start" in read.keys
      ? model.keys(read.keys.start, read.keys.end, version)
      : read.keys;
    const wanted = keys.map((key) => lineOf(key, model.get(key, version)));
    deepEqual(read.lines, wanted, `a read at version ${version}`);
    for (const key of read.isNewest ? keys : []) {
      const due = model.get(key, version)?.expiresAt ?? Infinity;
      ok(due > goneMicros, `${key} outlives its time by ${goneMicros - due} µs and more`);
    }
  }
  return reads.length;
}

function checkOrder(reads: readonly ReadEntry[], { commits, floor }: ReadTruth): void {
  const newest = reads.filter(({ isNewest }) => isNewest);
  const answered = newest.map(({ answeredAt, version }) => ({ at: answeredAt, version }));
  const acknowledged = commits
    .filter(({ entry }) => entry.result !== undefined)
    .map(({ entry, version }) => ({ at: entry.answeredAt, version }));
  const before = largestBefore([...answered, ...acknowledged], floor);
  for (const { askedAt, version } of newest) {
    ok(version >= before(askedAt), `A read at ${version} is stale: ${before(askedAt)} was seen`);
  }
  const readBefore = largestBefore(answered, floor);
  for (const { entry, version } of commits) {
    const read = readBefore(entry.askedAt);
    ok(version > read, `A commit at ${version} was asked for once ${read} had been read at`);
  }
}

/** Returns a function that tells the largest version of all that happened before a moment. */
function largestBefore(
  events: readonly { at: number; version: number }[],
  floor: number,
): (at: number) => number {
  const sorted = [...events].sort((left, right) => left.at - right.at);
  const largest: number[] = [];
  for (const { version } of sorted) largest.push(Math.max(largest.at(-1) ?? floor, version));
  return (at) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle].at < at) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? floor : largest[low - 1];
  };
}
