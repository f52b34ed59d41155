/**
 * What an engine stands on: the seams, the node's shares, the tree's tunables.
 *
 * @module
 */
import type { CompactionExecutor } from "./compaction_executor.ts";
import type { Clock, Disk, Logger } from "./env/mod.ts";
import type { BlockCache } from "./lsm/block_cache.ts";
import type { MemoryBudget } from "./memory_budget.ts";
import type { ExpiryRule } from "./mvcc/expiry.ts";
import type { TreeOptions } from "./options.ts";

/** What an engine stands on. */
export interface EngineConfig {
  /** Where the tree is. */
  readonly disk: Disk;
  /** Measures slices and pauses. */
  readonly clock: Clock;
  /** Receives a line per failure and per compaction. */
  readonly logger: Logger;
  /** The replica's folder. The names above its parent are the caller's to make durable. */
  readonly directory: string;
  /** The tree's tunables. */
  readonly options: TreeOptions;
  /** Shared by all trees of the node. */
  readonly memory: MemoryBudget;
  /** Shared by all trees of the node. */
  readonly blockCache: BlockCache;
  /** Shared by all trees of the node; not closed here. Closing it first cuts a running merge short. */
  readonly executor: CompactionExecutor;
  /** When the values of user keys expire; never if not given. */
  readonly expiryOf?: ExpiryRule;
  /** Called once, with what the process must end for. */
  onFatal(error: unknown): void;
}
