/**
 * How much of a table VACUUM may drop, told from the sketches in the manifest for any horizons: pure.
 *
 * A sketch knows no keys. Where several horizons govern the user keys of a table, each is taken to govern
 * an equal part. Of a rule that counts n versions, each key with dead entries is taken to keep n − 1 of
 * them. So an estimate may be wrong; {@linkcode mayDrop} errs on one side only, and whoever merges by
 * estimates remembers what came of it (`reclaim_memory.ts`).
 *
 * @module
 */
import type { Horizons } from "./key_space.ts";
import { userSpace } from "./key_space.ts";
import type { DeathSketch } from "./lsm/death_sketch.ts";
import { deadShare, DeathCause } from "./lsm/death_sketch.ts";
import type { TableMeta } from "./lsm/table_meta.ts";
import { coveringRule, touchesPrefix } from "./mvcc/retention.ts";

/** A horizon of some user keys of a table. */
export interface GoverningHorizon {
  /** The rule's prefix; "" for the watermark. */
  readonly prefix: string;
  /** The horizon. */
  readonly version: number;
  /** How many newest versions of each key are kept beyond it; 0 where it goes by time. */
  readonly versionCount: number;
}

/** What can go. */
export interface DeadEstimate {
  /** Entries, tombstones included. */
  readonly entryCount: number;
  /** Bytes of their keys and values. */
  readonly sizeBytes: number;
  /** Of those the tombstones: they go only where nothing deeper may hold their keys. */
  readonly tombstoneCount: number;
  /** Bytes of those. */
  readonly tombstoneBytes: number;
}

/** Nothing. */
export const noneDead: DeadEstimate = {
  entryCount: 0,
  sizeBytes: 0,
  tombstoneCount: 0,
  tombstoneBytes: 0,
};

/** Returns about how much of a table is dead at the horizons. */
export function estimateDead(table: TableMeta, horizons: Horizons): DeadEstimate {
  const governing = governingHorizons(table, horizons);
  return sum(table.deaths.map((sketch) => estimate(sketch, deadPart(sketch, horizons, governing))));
}

/**
 * Returns how much more of a table is dead at the horizons than at `since`, at which it was merged.
 *
 * @param since Horizons at which all was dropped that could be.
 * @param options `keptTombstones` is whether that left the tombstones, because deeper tables stood below.
 */
export function estimateDeadSince(
  table: TableMeta,
  horizons: Horizons,
  { since, keptTombstones }: { since: Horizons; keptTombstones: boolean },
): DeadEstimate {
  const governing = governingHorizons(table, horizons);
  const before = governingHorizons(table, since);
  const isSameRules = governing.length === before.length &&
    governing.every((one, slot) =>
      one.prefix === before[slot].prefix && one.versionCount === before[slot].versionCount
    );
  if (!isSameRules) return estimateDead(table, horizons);
  return sum(table.deaths.map((sketch) => {
    const isKept = keptTombstones && sketch.cause === DeathCause.tombstone;
    const part = deadPart(sketch, horizons, governing);
    const partBefore = isKept ? 0 : deadPart(sketch, since, before);
    return estimate(sketch, Math.max(0, part - partBefore));
  }));
}

/**
 * Tells whether a merge to the deepest level might drop anything of a table. "No" is certain; "yes" is
 * too where one horizon governs its user keys, and that by time.
 */
export function mayDrop(table: TableMeta, horizons: Horizons): boolean {
  const governing = governingHorizons(table, horizons);
  const userHorizon = Math.max(0, ...governing.map(({ version }) => version));
  return table.deaths.some((sketch) =>
    sketch.points[0] <= (horizonOfCause(sketch.cause, horizons) ?? userHorizon)
  );
}

/** Tells whether whatever the user keys of a table stand before, in tables below, may go. */
export function isSettled(table: TableMeta, horizons: Horizons): boolean {
  const governing = governingHorizons(table, horizons);
  return governing.length > 0 &&
    governing.every(({ version, versionCount }) =>
      versionCount <= 1 && table.newestVersion <= version
    );
}

/**
 * Tells whether all entries of a table are records whose time is over. It may go without being read:
 * nobody asks for such records any more, so that one which lies deeper and comes to light does no harm.
 */
export function isWhollyDead(table: TableMeta, horizons: Horizons): boolean {
  const gone = table.deaths.filter(({ cause, points }) => {
    const horizon = horizonOfCause(cause, horizons);
    return horizon !== undefined && points[points.length - 1] <= horizon;
  });
  return gone.reduce((total, { entryCount }) => total + entryCount, 0) === table.entryCount;
}

/** Returns the horizons of the user keys in a table's range: that which covers it first. */
export function governingHorizons(table: TableMeta, horizons: Horizons): GoverningHorizon[] {
  const range = { start: table.smallestKey, end: `${table.largestKey}\0` };
  if (range.end <= userSpace || range.start[0] > userSpace) return [];
  const covering = coveringRule(horizons, range);
  const inside = horizons.rules.filter(({ prefix }) =>
    prefix.length > (covering?.prefix.length ?? 0) && touchesPrefix(range, prefix)
  );
  const outer = covering ?? { prefix: "", version: horizons.userVersion, versionCount: 0 };
  return [outer, ...inside].map(({ prefix, version, versionCount }) => ({
    prefix,
    version,
    versionCount,
  }));
}

/** Returns the one horizon of a cause; undefined for user keys, none for causes not known. */
function horizonOfCause(cause: DeathCause, horizons: Horizons): number | undefined {
  switch (cause) {
    case DeathCause.shadowed:
    case DeathCause.tombstone:
      return undefined;
    case DeathCause.change:
      return horizons.changeVersion;
    case DeathCause.request:
      return horizons.requestVersion;
    case DeathCause.expiry:
      return horizons.expiryVersion;
    default:
      return -1;
  }
}

/** Returns which part of a sketch's entries is dead, from 0 to 1. */
function deadPart(
  sketch: DeathSketch,
  horizons: Horizons,
  governing: readonly GoverningHorizon[],
): number {
  const horizon = horizonOfCause(sketch.cause, horizons);
  if (horizon !== undefined) return deadShare(sketch, horizon);
  if (governing.length === 0) return 0;
  const parts = governing.map(({ version, versionCount }) => {
    const keptCount = sketch.keyCount * Math.max(0, versionCount - 1);
    return deadShare(sketch, version) * Math.max(0, 1 - keptCount / sketch.entryCount);
  });
  return parts.reduce((total, part) => total + part, 0) / parts.length;
}

function estimate(sketch: DeathSketch, part: number): DeadEstimate {
  const entryCount = sketch.entryCount * part;
  const sizeBytes = sketch.sizeBytes * part;
  const isTombstones = sketch.cause === DeathCause.tombstone;
  return {
    entryCount,
    sizeBytes,
    tombstoneCount: isTombstones ? entryCount : 0,
    tombstoneBytes: isTombstones ? sizeBytes : 0,
  };
}

/** Adds up estimates. */
export function sum(estimates: readonly DeadEstimate[]): DeadEstimate {
  return estimates.reduce((total, one) => ({
    entryCount: total.entryCount + one.entryCount,
    sizeBytes: total.sizeBytes + one.sizeBytes,
    tombstoneCount: total.tombstoneCount + one.tombstoneCount,
    tombstoneBytes: total.tombstoneBytes + one.tombstoneBytes,
  }), noneDead);
}
