/**
 * What an engine tells about itself: plain numbers, for metrics and status pages.
 *
 * @module
 */
import type { CompactionCounters, Compactor } from "./compaction_job.ts";
import { estimateDead, sum } from "./dead_estimate.ts";
import type { DurationStatistics } from "./env/mod.ts";
import type { StorageError, StorageErrorCode } from "./errors.ts";
import type { Horizons } from "./key_space.ts";
import type { BlockCache } from "./lsm/block_cache.ts";
import { compactionDebtBytes } from "./lsm/compaction_picker.ts";
import type { TableMeta } from "./lsm/table_meta.ts";
import type { Memtables } from "./memtables.ts";
import type { SnapshotHolder } from "./mvcc/snapshot.ts";
import type { TreeOptions } from "./options.ts";
import type { TreeFiles } from "./tree_files.ts";

/** One level. */
export interface LevelStatistics {
  readonly tableCount: number;
  readonly sizeBytes: number;
  readonly entryCount: number;
  readonly tombstoneCount: number;
  /** Entries behind a newer version of their key in the same table. */
  readonly shadowedCount: number;
  /** Bytes of keys and values of those. */
  readonly shadowedBytes: number;
}

/** What has happened since the engine was opened. */
export interface EngineCounters extends CompactionCounters {
  /** Memtables that became sstables. */
  flushCount: number;
  /** Bytes of those sstables. */
  flushedBytes: number;
  /** Times a write was slowed or stopped. */
  stallCount: number;
  /** How long those took together, in milliseconds. */
  stallMs: number;
}

/** All about one engine. */
export interface EngineStatistics extends Readonly<EngineCounters> {
  readonly levels: readonly LevelStatistics[];
  readonly memtableBytes: number;
  readonly memtableEntryCount: number;
  readonly frozenMemtableCount: number;
  readonly frozenMemtableBytes: number;
  /** Of the block cache that all trees of the node share. */
  readonly blockCacheBytes: number;
  readonly blockCacheHitCount: number;
  readonly blockCacheMissCount: number;
  /** Superseded entries and tombstones in tables, and records whose time is over: an estimate. */
  readonly deadEntryCount: number;
  /** Bytes of keys and values of those, before compression. */
  readonly deadBytes: number;
  /** Of those bytes what VACUUM would give back now. */
  readonly reclaimableBytes: number;
  /** How long a change of the tree's files waited for the one before. */
  readonly installWait: DurationStatistics;
  /** Whether VACUUM is at work, by itself or by request. */
  readonly isVacuuming: boolean;
  /** Bytes that wait to be compacted. */
  readonly compactionDebtBytes: number;
  /** The oldest version that can be read. */
  readonly watermark: number;
  readonly lastVersion: number;
  readonly appliedIndex: number;
  readonly durableIndex: number;
  /** Who holds which version readable, oldest first. */
  readonly holders: readonly SnapshotHolder[];
  /** Why flushes or compactions do not get on; undefined where they do. */
  readonly failure: { readonly code: StorageErrorCode; readonly message: string } | undefined;
}

/** Gathers the figures of an engine's parts. */
export function engineStatistics(parts: {
  readonly counters: EngineCounters;
  readonly files: TreeFiles;
  readonly memtables: Memtables;
  readonly blockCache: BlockCache;
  readonly compactor: Compactor;
  readonly options: TreeOptions;
  readonly holders: readonly SnapshotHolder[];
  readonly failure: StorageError | undefined;
}): EngineStatistics {
  const { files, memtables, blockCache, compactor, failure } = parts;
  const set = files.current;
  const levels = set.levels.map((_, level) => set.metas(level));
  const dead = deadFigures(levels, memtables.applied.horizons);
  return {
    ...parts.counters,
    levels: levels.map(levelStatistics),
    memtableBytes: memtables.active.sizeBytes,
    memtableEntryCount: memtables.active.entryCount,
    frozenMemtableCount: memtables.frozen.length,
    frozenMemtableBytes: memtables.frozenBytes,
    blockCacheBytes: blockCache.sizeBytes,
    blockCacheHitCount: blockCache.hitCount,
    blockCacheMissCount: blockCache.missCount,
    ...dead,
    reclaimableBytes: compactor.reclaimableBytes(files.applied.horizons),
    isVacuuming: compactor.isVacuuming,
    installWait: files.installWaits.statistics(),
    compactionDebtBytes: compactionDebtBytes(levels, parts.options),
    watermark: memtables.applied.horizons.userVersion,
    lastVersion: memtables.applied.lastVersion,
    appliedIndex: memtables.applied.index,
    durableIndex: files.applied.index,
    holders: parts.holders,
    failure: failure && { code: failure.code, message: failure.message },
  };
}

/** Returns fresh counters. */
export function newCounters(): EngineCounters {
  return {
    flushCount: 0,
    flushedBytes: 0,
    stallCount: 0,
    stallMs: 0,
    compactionCount: 0,
    movedCount: 0,
    droppedTableCount: 0,
    compactionReadBytes: 0,
    compactionWrittenBytes: 0,
    droppedCount: 0,
    droppedBytes: 0,
    vacuumCount: 0,
    vacuumReadBytes: 0,
    vacuumWrittenBytes: 0,
    throttledMs: 0,
  };
}

/** User entries are dead once superseded, whoever may still read them; records once nobody needs them. */
function deadFigures(
  levels: readonly (readonly TableMeta[])[],
  horizons: Horizons,
): { deadEntryCount: number; deadBytes: number } {
  const last = Number.MAX_SAFE_INTEGER;
  const dead = { ...horizons, rules: [], userVersion: last };
  const figures = sum(levels.flat().map((table) => estimateDead(table, dead)));
  return {
    deadEntryCount: Math.round(figures.entryCount),
    deadBytes: Math.round(figures.sizeBytes),
  };
}

/** Adds up the tables of a level. */
export function levelStatistics(tables: readonly TableMeta[]): LevelStatistics {
  const total = (field: keyof TableMeta) =>
    tables.reduce((sum, table) => sum + Number(table[field]), 0);
  return {
    tableCount: tables.length,
    sizeBytes: total("sizeBytes"),
    entryCount: total("entryCount"),
    tombstoneCount: total("tombstoneCount"),
    shadowedCount: total("shadowedCount"),
    shadowedBytes: total("shadowedBytes"),
  };
}
