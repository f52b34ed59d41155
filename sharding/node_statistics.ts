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
import type { BlockCache, Engine, EngineStatistics, MemoryBudget } from "../storage/mod.ts";
import type { ApplyCounts } from "./apply.ts";
import type { CommandResult } from "./database.ts";
import type { NodeIdentity } from "./node_identity.ts";
import type { Replica } from "./replica.ts";

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
