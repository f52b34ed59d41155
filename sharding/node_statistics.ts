/**
 * What a node tells about itself: plain numbers, for metrics and status pages.
 *
 * @module
 */
import type {
  NodeLog,
  NodeLogStatistics,
  RaftGroup,
  RaftGroupStatistics,
} from "../consensus/mod.ts";
import type { Clock } from "../storage/env/mod.ts";
import {
  type BlockCache,
  type Engine,
  type EngineStatistics,
  type MemoryBudget,
  StorageError,
} from "../storage/mod.ts";
import type { ApplyCounts } from "./apply.ts";
import type { CommandResult, Holder } from "./database.ts";
import { holdersOf } from "./holders.ts";
import type { NodeIdentity } from "./node_identity.ts";
import type { Replica } from "./replica.ts";
import type { Upkeep } from "./upkeep.ts";
import type { WatchHub, WatchStatistics } from "./watch_hub.ts";

/** How far the data has got, and how far back it can be read. */
export interface ProgressStatistics {
  readonly appliedIndex: number;
  readonly durableIndex: number;
  readonly lastVersion: number;
  /** The oldest version that can be read. */
  readonly watermark: number;
  /** The oldest version that somebody holds; undefined where nobody does. */
  readonly oldestHeldVersion: number | undefined;
}

/** How versions pass, and what keeps old ones. */
export interface TimeStatistics {
  /** What a linearizable read looks at. */
  readonly closedVersion: number;
  /** How far the watermark is behind the closed version. */
  readonly watermarkAgeMs: number;
  /** The kind of what the watermark waits for: a snapshot's, or `retention`. */
  readonly watermarkHolderKind: Holder["kind"];
  /** Snapshots that are held. */
  readonly holderCount: number;
  /** Retention rules, without those that were taken back. */
  readonly ruleCount: number;
  /** How long the first key that is to be removed has been due; 0 where none is. */
  readonly expiryLagMs: number;
  /** Keys that are due and not removed yet, overwritten ones included; counted up to ten thousand. */
  readonly expiryBacklogCount: number;
}

/** The memory shared by all trees. */
export interface MemoryStatistics {
  readonly memtableBytes: number;
  readonly memtableBytesMax: number;
  readonly frozenBytes: number;
  readonly blockCacheBytes: number;
  readonly blockCacheBytesMax: number;
}

/** All about a node. */
export interface NodeStatistics {
  readonly clusterId: string;
  readonly nodeName: string;
  readonly uptimeMs: number;
  readonly progress: ProgressStatistics;
  readonly time: TimeStatistics;
  readonly watch: WatchStatistics;
  /** What was applied since the start, replay included. */
  readonly commands: Readonly<ApplyCounts>;
  readonly memory: MemoryStatistics;
  readonly log: NodeLogStatistics;
  readonly group: RaftGroupStatistics;
  readonly tree: EngineStatistics;
}

/** Whom the figures are asked of. */
export interface StatisticsSources {
  readonly identity: NodeIdentity;
  readonly clock: Clock;
  readonly startedMs: number;
  readonly engine: Engine;
  readonly replica: Replica;
  readonly log: NodeLog;
  readonly group: RaftGroup<CommandResult>;
  readonly memory: MemoryBudget;
  readonly blockCache: BlockCache;
  readonly watches: WatchHub;
  readonly upkeep: Upkeep;
}

/** Returns the figures as of now. */
export function nodeStatistics(sources: StatisticsSources): NodeStatistics {
  const { identity, clock, startedMs, engine, replica, log, group, memory, blockCache } = sources;
  return {
    clusterId: identity.clusterId,
    nodeName: identity.nodeName,
    uptimeMs: clock.monotonicMs() - startedMs,
    progress: {
      appliedIndex: replica.appliedIndex,
      durableIndex: replica.durableIndex,
      lastVersion: replica.lastVersion,
      watermark: replica.watermark,
      oldestHeldVersion: engine.oldestHeldVersion(),
    },
    time: timeStatistics(sources),
    watch: sources.watches.statistics(),
    commands: { ...replica.counts },
    memory: {
      memtableBytes: memory.usedBytes,
      memtableBytesMax: memory.capacityBytes,
      frozenBytes: memory.frozenBytes,
      blockCacheBytes: blockCache.sizeBytes,
      blockCacheBytesMax: blockCache.capacityBytes,
    },
    log: log.statistics(),
    group: group.statistics(),
    tree: engine.statistics(),
  };
}

function timeStatistics({ engine, replica, clock, upkeep }: StatisticsSources): TimeStatistics {
  const { closedVersion, watermark } = replica;
  const holders = holdersOf(replica, { holders: engine.holders(), nowMs: clock.monotonicMs() });
  return {
    closedVersion,
    watermarkAgeMs: Math.max(0, closedVersion - watermark) / 1_000,
    watermarkHolderKind: holders.find(({ isHoldingBack }) => isHoldingBack)?.kind ?? "retention",
    holderCount: holders.filter(({ ageMs }) => ageMs !== undefined).length,
    ruleCount: replica.horizons.rules.filter(({ isRetired }) => !isRetired).length,
    expiryLagMs: upkeep.expiryLagMs,
    expiryBacklogCount: dueCount(upkeep),
  };
}

/** Figures are told though the disk fails. */
function dueCount(upkeep: Upkeep): number {
  try {
    return upkeep.countDue();
  } catch (error) {
    if (error instanceof StorageError) return 0;
    throw error;
  }
}
