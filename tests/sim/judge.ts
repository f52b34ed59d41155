/**
 * Judges one life of a node by what the next one finds.
 *
 * @module
 */
import { ok } from "node:assert/strict";
import type { RetentionTerm } from "../../sharding/database.ts";
import type { Notes } from "./stage.ts";
import type { Commit, History } from "./history.ts";
import { checkHistories, checkRefusals } from "./past_reads.ts";
import { checkReads } from "./reads.ts";
import { explainRecovered, keysOf, unknownOf } from "./recovered.ts";
import type { Recovered } from "./recovered.ts";
import type { RetentionBounds } from "./retention_bounds.ts";
import type { Expiry, SimNode } from "./single_node.ts";
import type { Timeline } from "./timeline.ts";
import { checkWatches, noteExpiries } from "./watch_check.ts";

/** One life of a node, over and not judged yet. */
export interface Life {
  readonly history: History;
  readonly notes: Notes;
  /** The largest version that can have been drawn in it. */
  readonly bound: number;
  /** Whether it ended with a clean stop. */
  readonly hasClosed: boolean;
  /** From which lag on its watches may be ended. */
  readonly lagMicrosMax: number;
}

/** How much was looked at. */
export interface LifeCounts {
  acknowledgedCount: number;
  refusedCount: number;
  unknownCount: number;
  /** Reads that were held against the state at their version. */
  checkedReadCount: number;
  /** Of those, on a node that had to have all out of sight whose time had passed. */
  timelyReadCount: number;
  /** Of those, of a version that was asked for. */
  pastReadCount: number;
  /** Versions in histories. */
  historyCount: number;
  /** Reads that were refused because what they wanted was vacuumed. */
  vacuumedCount: number;
  watchEventCount: number;
  resumeCount: number;
  resetCount: number;
  /** Keys that were removed because their time had passed. */
  expiryCount: number;
}

/** What is known of all lives so far. */
export interface LifeTruth {
  readonly timeline: Timeline;
  readonly bounds: RetentionBounds;
  /** The largest version that was read at. */
  floor: number;
  readonly counts: LifeCounts;
}

/** Returns counts of nothing. */
export function noCounts(): LifeCounts {
  return {
    acknowledgedCount: 0,
    refusedCount: 0,
    unknownCount: 0,
    checkedReadCount: 0,
    timelyReadCount: 0,
    pastReadCount: 0,
    historyCount: 0,
    vacuumedCount: 0,
    watchEventCount: 0,
    resumeCount: 0,
    resetCount: 0,
    expiryCount: 0,
  };
}

/** Adds counts to a sum. */
export function addCounts(sum: LifeCounts, counts: Readonly<LifeCounts>): void {
  for (const name of Object.keys(sum) as (keyof LifeCounts)[]) sum[name] += counts[name];
}

/**
 * Looks at what a node that has just been opened holds, and judges the life before by it.
 *
 * @param next.life The life before, if there was one. @param next.retentionMs That of the new life.
 */
export async function judgeLife(
  node: SimNode,
  truth: LifeTruth,
  next: { readonly life: Life | undefined; readonly retentionMs: number },
): Promise<void> {
  const { timeline, bounds, counts } = truth;
  const { life, retentionMs } = next;
  if (life !== undefined) {
    const { commits, recovered, expiries } = await explainLife(node, timeline, life);
    timeline.add(commits, recovered.model);
    for (const expiry of expiries) timeline.addExpiry(expiry);
    noteExpiries(life.notes.watches, timeline);
    for (const { key, found } of life.notes.histories) {
      for (const { kind, version } of found.versions) {
        if (kind === "expire") timeline.addExpiry({ key, version });
      }
    }
    for (const { entry: { command }, version } of commits) bounds.apply(command, version);
    bounds.end(life.bound);
    checkLife(life, commits, truth);
  }
  const rules = new Map(
    node.database.retention().rules.map(({ prefix, term }): [string, RetentionTerm] => [
      prefix,
      term,
    ]),
  );
  bounds.begin(timeline.model.version, { retentionMicros: retentionMs * 1_000, rules });
  counts.expiryCount = timeline.expiryCount;
}

/** Returns all commits of a life, also those that only the next one shows. */
async function explainLife(
  node: SimNode,
  timeline: Timeline,
  { history, hasClosed }: Life,
): Promise<{ commits: Commit[]; recovered: Recovered; expiries: readonly Expiry[] }> {
  const unknown = unknownOf(history);
  ok(!hasClosed || unknown.length === 0, "a clean stop leaves nothing open");
  const acknowledged = history.acknowledged(timeline.model);
  const expectation = { acknowledged: acknowledged.at(-1)?.model ?? timeline.model, unknown };
  const found = await node.found({
    keys: keysOf(expectation),
    behind: expectation.acknowledged.version,
  });
  const recovered = explainRecovered(found, expectation);
  const commits = [...acknowledged, ...recovered.commits];
  history.explainRefused(timeline.model, commits);
  return { commits, recovered, expiries: found.expiries };
}

function checkLife(life: Life, commits: readonly Commit[], truth: LifeTruth): void {
  const { timeline, counts, floor } = truth;
  const { history, notes, lagMicrosMax } = life;
  const { reads, refusals, histories, watches } = notes;
  counts.acknowledgedCount += history.entries.filter(({ result }) => result).length;
  counts.unknownCount += unknownOf(history).length;
  counts.refusedCount += history.entries.filter(({ error }) => error !== undefined).length;
  counts.checkedReadCount += checkReads(reads, { model: timeline.model, commits, floor });
  counts.timelyReadCount += reads.filter(({ goneMicros }) => goneMicros > 0).length;
  counts.pastReadCount += reads.filter(({ isNewest }) => !isNewest).length;
  for (const { isNewest, version } of reads) {
    if (isNewest) truth.floor = Math.max(truth.floor, version);
  }
  checkRefusals(refusals, truth);
  counts.vacuumedCount += refusals.length;
  counts.historyCount += checkHistories(histories, truth);
  const watched = checkWatches(watches, { ...truth, lagMicrosMax });
  counts.watchEventCount += watched.eventCount;
  counts.resumeCount += watched.resumeCount;
  counts.resetCount += watched.resetCount;
}
