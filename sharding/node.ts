/**
 * A node: everything that one process keeps on one disk, opened in order and closed in reverse.
 *
 * 1. The lock, so that nobody else writes; then the identity; then the folders.
 * 2. The node's log, recovered. The tree of the data group, as of its last flush.
 * 3. The group, which applies what the log holds above that. Only then are requests answered, watches
 *    opened and expired keys removed.
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
  type VacuumOutcome,
  type VacuumProgress,
  type VacuumReport,
  VersionClock,
} from "../storage/mod.ts";
import { treeRange } from "./command.ts";
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
import { prefixRange } from "./prefix_range.ts";
import { Replica } from "./replica.ts";
import { Upkeep } from "./upkeep.ts";
import { valueExpiry } from "./value.ts";
import { WatchHub } from "./watch_hub.ts";

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

/** Which keys are vacuumed, and how. */
export interface VacuumRequest {
  /** The beginning of the keys; all where it is left out. */
  readonly prefix?: string;
  /** How many bytes a second it may read and write; the node's own limit where it is left out. */
  readonly ioBytesPerSecond?: number;
  /** Called now and then. */
  onProgress?(progress: VacuumProgress): void;
}

/** What a vacuum came to, and what other merges have dropped meanwhile. */
export interface VacuumView extends VacuumOutcome {
  /** What all tables took before, those of other keys included. */
  readonly sizeBytesBefore: number;
  readonly sizeBytesAfter: number;
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
      nodeName: config.nodeName,
      holds: parts.engine,
      watches: parts.watches,
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

  /**
   * Gives back the space of all versions that nobody may read any more: first the horizons move on as
   * far as they may, then the tree is merged, beside reads and writes.
   *
   * @throws {StorageError} `disk_full`, `io`, `corruption`, `closed`. @throws {ConsensusError}
   */
  async vacuum(request: VacuumRequest = {}): Promise<VacuumView> {
    const { engine, upkeep } = this.#parts;
    const before = engine.statistics();
    const sizeBytesBefore = engine.tableSizeBytes;
    await upkeep.advance();
    const { prefix, ioBytesPerSecond, onProgress } = request;
    const range = prefix === undefined ? {} : treeRange(prefixRange(prefix));
    const outcome = await engine.vacuum({ ...range, ioBytesPerSecond, onProgress });
    const after = engine.statistics();
    return {
      ...outcome,
      // Other merges of the time count too: the flush may have set one off.
      droppedCount: after.droppedCount - before.droppedCount,
      droppedBytes: after.droppedBytes - before.droppedBytes,
      sizeBytesBefore,
      sizeBytesAfter: engine.tableSizeBytes,
    };
  }

  /** Tells to the entry what is live, held and dead. Reads everything. */
  vacuumReport(
    request: Pick<VacuumRequest, "prefix" | "onProgress"> = {},
  ): Promise<VacuumReport> {
    const { prefix, onProgress } = request;
    const range = prefix === undefined ? {} : treeRange(prefixRange(prefix));
    return this.#parts.engine.vacuumReport({ ...range, onProgress });
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
    expiryOf: valueExpiry,
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
  const parts = { replica, engine, group, clock, logger };
  const { watches, upkeep } = openServices(parts, { options, opened });
  return {
    identity,
    clock,
    startedMs,
    engine,
    replica,
    log,
    group,
    memory,
    blockCache,
    watches,
    upkeep,
  };
}

/** Starts what goes on beside requests: everything that the log holds has been applied. */
function openServices(
  parts: Pick<StatisticsSources, "replica" | "engine" | "group" | "clock"> & { logger: Logger },
  setting: { options: NodeOptions; opened: AsyncDisposableStack },
): { watches: WatchHub; upkeep: Upkeep } {
  const { replica, engine, group, clock, logger } = parts;
  const { options, opened } = setting;
  const { upkeepMs, watchCountMax, watchLagMsMax } = options;
  const watches = new WatchHub({
    store: engine,
    replica,
    clock,
    options: { ...options.watch, watchCountMax, watchLagMsMax },
  });
  opened.defer(() => watches.close());
  const upkeep = new Upkeep({
    replica,
    engine,
    group,
    clock,
    logger,
    upkeepMs,
    isWatched: () => watches.isWatched,
  });
  opened.defer(() => upkeep.stop());
  replica.observe({
    get wantsRecords() {
      return watches.isWatched;
    },
    applied: ({ records, earliestDue }) => {
      if (earliestDue < Infinity) upkeep.written(earliestDue);
      if (records.length > 0) watches.applied(records);
    },
  });
  upkeep.start();
  return { watches, upkeep };
}
