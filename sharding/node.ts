/**
 * A node: everything that one process keeps on one disk, opened in order and closed in reverse.
 *
 * 1. The lock, so that nobody else writes; then the identity; then the folders.
 * 2. The node's log, recovered. The tree of the data group, as of its last flush.
 * 3. The group, which applies what the log holds above that. Only then are requests answered.
 *
 * A crash at any step leaves a folder that opens again: every step finds what the one before made
 * durable, and makes anew what it does not find. Closing flushes nothing, since opening has to be
 * able to replay the log in any case.
 *
 * Invariants:
 *
 *  1. Nothing is answered before all that is in the log has been applied.
 *  2. Of two processes at most one gets past the lock.
 *
 * @module
 */
import { NodeLog, RaftGroup } from "../consensus/mod.ts";
import type { Clock, Disk, Logger, Random } from "../storage/env/mod.ts";
import {
  BlockCache,
  type CheckProgress,
  type CompactionExecutor,
  Engine,
  MemoryBudget,
  treeOptions,
  VersionClock,
} from "../storage/mod.ts";
import type { CommandResult, Database } from "./database.ts";
import {
  dataGroupId,
  groupDirectory,
  lockDataFolder,
  logDirectory,
  makeFolders,
} from "./data_folder.ts";
import { LocalDatabase } from "./database_local.ts";
import { checkNode, type NodeCheckReport } from "./node_check.ts";
import { openIdentity } from "./node_identity.ts";
import { type NodeOptions, nodeOptions } from "./node_options.ts";
import { type NodeStatistics, nodeStatistics, type StatisticsSources } from "./node_statistics.ts";
import { Replica } from "./replica.ts";

/** What a node is opened with. */
export interface NodeConfig {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The data folder; made where it is missing. */
  readonly dataDirectory: string;
  /** Over the defaults. */
  readonly options?: Partial<NodeOptions>;
  /** Merges sstables; closed by whoever made it. */
  readonly executor: CompactionExecutor;
  /** The node's name, unique in its cluster. */
  readonly nodeName: string;
  /** Called with what the process must end for. May be called more than once. */
  onFatal(error: unknown): void;
}

/** An open data folder. */
export class Node {
  /** Client operations on the data. */
  readonly database: Database;
  readonly #parts: StatisticsSources;
  readonly #config: NodeConfig;
  readonly #opened: AsyncDisposableStack;

  private constructor(
    config: NodeConfig,
    parts: StatisticsSources,
    opened: AsyncDisposableStack,
  ) {
    this.#config = config;
    this.#parts = parts;
    this.#opened = opened;
    this.database = new LocalDatabase({
      replica: parts.replica,
      group: parts.group,
      clock: config.clock,
      valueSizeBytesMax: nodeOptions(config.options).valueSizeBytesMax,
    });
  }

  /**
   * Opens a data folder, a new one included, and applies what its log holds.
   *
   * @throws {StorageError} `corruption`, `unsupported_format`, `disk_full`, `io`, `sync_failed`.
   * @throws {ConsensusError} `corruption`, `unsupported_format`, `disk_full`.
   * @throws {DiskError} where the disk fails.
   */
  static async open(config: NodeConfig): Promise<Node> {
    await using opened = new AsyncDisposableStack();
    const parts = await openParts(config, opened);
    const { appliedIndex } = parts.replica;
    const { replayedCount } = parts.group.statistics();
    config.logger.log("info", "node_opened", { appliedIndex, replayedCount });
    return new Node(config, parts, opened.move());
  }

  /** Returns figures for metrics and status. */
  statistics(): NodeStatistics {
    return nodeStatistics(this.#parts);
  }

  /** Reads every byte that the node relies on, and reports what is wrong, as data. */
  check(onProgress?: (progress: CheckProgress) => void): Promise<NodeCheckReport> {
    const { engine, log } = this.#parts;
    return checkNode({ engine, log, clock: this.#config.clock, onProgress });
  }

  /** Makes everything applied durable in the tree, so that opening has nothing to replay. */
  flush(): Promise<void> {
    return this.#parts.engine.flush();
  }

  /** Refuses new work, finishes what is in flight and gives everything back. May be called again. */
  close(): Promise<void> {
    return this.#opened.disposeAsync();
  }
}

async function openParts(
  config: NodeConfig,
  opened: AsyncDisposableStack,
): Promise<StatisticsSources> {
  const { disk, clock, logger, dataDirectory, executor, onFatal } = config;
  const options = nodeOptions(config.options);
  const startedMs = clock.monotonicMs();
  const lock = await lockDataFolder(config);
  opened.defer(() => lock.release());
  const identity = await openIdentity({ ...config, directory: dataDirectory });
  await makeFolders(disk, dataDirectory);

  const log = await NodeLog.open({
    disk,
    clock,
    logger,
    directory: logDirectory(dataDirectory),
    options: options.log,
    onFatal,
  });
  opened.defer(() => log.close());
  const memory = new MemoryBudget(options.memoryBudgetBytes);
  const blockCache = new BlockCache(options.blockCacheBytes);
  const engine = await Engine.open({
    disk,
    clock,
    logger,
    directory: groupDirectory(dataDirectory, dataGroupId),
    options: treeOptions(options.tree),
    memory,
    blockCache,
    executor,
    onFatal,
  });
  opened.defer(() => engine.close());
  const versions = new VersionClock(clock);
  const replica = new Replica({ engine, versions, retentionMs: options.retentionMs });
  const group = await RaftGroup.open<CommandResult>({
    groupId: dataGroupId,
    log,
    machine: replica,
    clock,
    logger,
    onFatal,
  });
  opened.defer(() => group.close());
  return { identity, clock, startedMs, engine, replica, log, group, memory, blockCache };
}
