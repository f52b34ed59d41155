/**
 * Clients that look back: at a version, at a key's history, under a hold in the past. And what they
 * were told, held against the commits and against what the retention allows.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { ShardError } from "../../sharding/errors.ts";
import type { KeyVersion } from "../../sharding/database.ts";
import { lineOf, modelValue } from "./model.ts";
import type { ModelEntry } from "./model.ts";
import type { BoundKeys, RetentionBounds } from "./retention_bounds.ts";
import type { ClientStage, HistoryRead, VacuumedRefusal } from "./stage.ts";
import type { Timeline } from "./timeline.ts";

/** How far back clients ask, in microseconds. */
const pastMicrosMax = 1_500_000;

/** Reads one key, some or a range as of a version of the near past. */
export async function readPast(stage: ClientStage): Promise<void> {
  const { node, workload, random, notes } = stage;
  const at = pastVersion(stage);
  const options = { ...node.deadline(), at };
  const askedAt = stage.now();
  const common = { askedAt, answeredAt: askedAt, isNewest: false, version: at, goneMicros: 0 };
  if (random.below(3) > 0) {
    const key = workload.key();
    await vacuumedOr(stage, { keys: key, version: at }, async () => {
      const { value, version } = await node.database.get(key, options);
      equal(version, at, "a read at a version looks at it");
      const lines = [lineOf(key, value && modelValue(value))];
      notes.reads.push({ ...common, keys: [key], lines });
    });
    return;
  }
  const [start, end] = [workload.key(), workload.key()].sort();
  await vacuumedOr(stage, { keys: { start, end }, version: at }, async () => {
    const scanOptions = { ...options, limit: 1_000, reverse: random.below(2) === 0 };
    const { entries } = await node.database.scan({ start, end }, scanOptions);
    const lines = entries.map((entry) => lineOf(entry.key, modelValue(entry)));
    if (scanOptions.reverse) lines.reverse();
    notes.reads.push({ ...common, keys: { start, end }, lines });
    const { count } = await node.database.count({ start, end }, options);
    equal(count, entries.length, `a count at version ${at}`);
  });
}

/** Returns a version up to now, mostly that of a commit or beside one. */
export function pastVersion(stage: ClientStage): number {
  const { random, seen, workload, node } = stage;
  const choice = random.below(4);
  if (choice === 0) {
    return Math.max(
      0,
      Math.min(node.clock.wallMicros(), seen.version) - random.below(pastMicrosMax),
    );
  }
  if (choice === 1) return Math.max(0, seen.version - random.below(3));
  let entry = seen.entry(workload.key());
  for (let back = random.below(6); back > 0; back--) entry = entry?.before ?? entry;
  return Math.max(0, (entry?.version ?? seen.version) - random.below(2));
}

/** Reads the history of a key, or of one that never was. */
export async function readHistory(stage: ClientStage): Promise<void> {
  const { node, workload, random, notes, seen } = stage;
  const key = workload.key();
  const options = {
    limit: 1 + random.below(12),
    before: random.below(3) === 0 ? seen.entry(key)?.version : undefined,
    withoutValues: random.below(4) === 0,
  };
  const found = await node.database.history(key, { ...node.deadline(), ...options });
  notes.histories.push({ key, options, found, now: stage.versionBound() });
}

/** Runs a read; notes that what it wanted was vacuumed. */
async function vacuumedOr(
  stage: ClientStage,
  asked: { readonly keys: BoundKeys; readonly version: number },
  read: () => Promise<void>,
): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (!(error instanceof ShardError)) throw error;
    if (error.code !== "version_vacuumed") throw error;
    const { oldestVersion } = error;
    stage.notes.refusals.push({ ...asked, oldestVersion, now: stage.versionBound() });
  }
}

/** Checks that nothing was called vacuumed that the retention keeps. */
export function checkRefusals(
  refusals: readonly VacuumedRefusal[],
  truth: { readonly bounds: RetentionBounds; readonly timeline: Timeline },
): void {
  const { bounds, timeline } = truth;
  for (const { keys, version, oldestVersion, now } of refusals) {
    const where = `${JSON.stringify(keys ?? "changes")} at ${version}, by ${now}`;
    ok(oldestVersion !== undefined && oldestVersion > version, `${oldestVersion} for ${where}`);
    const allowed = keys === undefined
      ? bounds.changeHorizonMax(now)
      : bounds.horizonMax(keys, now);
    ok(oldestVersion <= allowed, `${oldestVersion} is the oldest for ${where}, not ${allowed}`);
    if (typeof keys !== "string") continue;
    const count = bounds.countOf(keys, now);
    const value = timeline.model.get(keys, version);
    // Of what is counted a tombstone may go, where it is the last.
    if (count === undefined || value === undefined || version < count.since) continue;
    const newerCount = timeline.entryCountMax(keys, value.version, now);
    ok(newerCount >= count.versionCount, `one of ${count.versionCount} is refused: ${where}`);
  }
}

/** Checks histories. @returns How many versions they told of. */
export function checkHistories(
  histories: readonly HistoryRead[],
  truth: { readonly bounds: RetentionBounds; readonly timeline: Timeline },
): number {
  let count = 0;
  for (const history of histories) {
    checkHistory(history, truth);
    count += history.found.versions.length;
  }
  return count;
}

function checkHistory(
  read: HistoryRead,
  { bounds, timeline }: { readonly bounds: RetentionBounds; readonly timeline: Timeline },
): void {
  const { key, options, found, now } = read;
  const { limit, before = Infinity, withoutValues } = options;
  const { versions, hasMore, oldestVersion } = found;
  const where = `the history of ${key} at ${found.version} before ${before}`;
  ok(versions.length <= limit, `${versions.length} versions in ${where}`);
  ok(!hasMore || versions.length === limit, `${where} has more`);
  ok(oldestVersion <= bounds.horizonMax(key, now), `${oldestVersion} is the oldest in ${where}`);
  for (const [index, { version }] of versions.entries()) {
    ok(version < (versions[index - 1]?.version ?? before), `${where} is out of order`);
  }
  // Whether a deletion below the horizon is still there depends on VACUUM, so it is not told of.
  const toldOf = (one: ModelEntry | undefined) => {
    while (one !== undefined && one.value === undefined && one.version <= oldestVersion) {
      one = one.before;
    }
    return one;
  };
  let entry = toldOf(timeline.model.entry(key, Math.min(found.version, before - 1)));
  for (const one of versions) {
    // That an expiry fits is the timeline's to say.
    ok(one.kind === "set" || one.version > oldestVersion, `${where} tells of a removal`);
    if (one.kind === "expire") continue;
    deepEqual(keyVersionLine(key, one), entryLine(key, entry, withoutValues), where);
    entry = toldOf(entry?.before);
  }
  // `entry` is the newest that was not told.
  if (hasMore || entry === undefined) return;
  const isNewestMissing = !versions.some(({ version }) => version <= oldestVersion);
  const removedAt = timeline.expiryOf(key, entry.version) ?? entry.value?.expiresAt ?? Infinity;
  const isNeeded = entry.version > oldestVersion ||
    (isNewestMissing && removedAt > oldestVersion && before > found.version &&
      timeline.model.entry(key, oldestVersion) === entry);
  ok(!isNeeded, `${where} from ${oldestVersion} on lacks version ${entry.version}`);
}

function keyVersionLine(key: string, one: KeyVersion): string {
  const from = `${one.node} ${one.token}`;
  return one.kind === "set"
    ? `${lineOf(key, one.value && modelValue(one.value))} by ${from}`
    : `${key} ${one.version} deleted by ${from}`;
}

function entryLine(
  key: string,
  entry: ModelEntry | undefined,
  withoutValues: boolean | undefined,
): string {
  if (entry === undefined) return "nothing";
  const value = entry.value && { ...entry.value, text: withoutValues ? "" : entry.value.text };
  return value === undefined
    ? `${key} ${entry.version} deleted by node1 `
    : `${lineOf(key, value)} by node1 `;
}
