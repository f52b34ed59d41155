/**
 * The composition root: the one place where the host's clock, disk, threads and sockets meet the
 * rooms.
 *
 * ```
 * SystemClock, MeteredDisk(DenoDisk), SeededRandom, ConsoleLogger, WorkerCompactionExecutor
 *      └─▶ Node.open ─▶ Database ─▶ buildApp ─▶ handler ─▶ Deno.serve (mod.ts)
 * ```
 *
 * Any adapter can be replaced: a test assembles a real process over a disk that fails.
 *
 * @module
 */
import { Node } from "../sharding/mod.ts";
import { WorkerCompactionExecutor } from "../storage/mod.ts";
import {
  type Clock,
  DenoDisk,
  type Disk,
  type Logger,
  type LogLevel,
  MeteredDisk,
  SeededRandom,
  SystemClock,
} from "../storage/env/mod.ts";
import type { Compression } from "../storage/mod.ts";
import { treeOptionsDefault } from "../storage/mod.ts";
import { buildApp } from "./app.ts";
import type { ServerConfig } from "./config.ts";
import { appConfig, type NodeView } from "./context.ts";
import type { Credentials } from "./credentials.ts";
import { ConsoleLogger } from "./telemetry/logger_console.ts";
import { productVersion } from "./version.ts";

/** What of the host is replaced. */
export interface HostParts {
  readonly clock?: Clock;
  readonly disk?: Disk;
  readonly logger?: Logger;
}

/** What is assembled from. */
export interface AssembleOptions {
  readonly config: ServerConfig;
  readonly credentials: Credentials;
  readonly parts?: HostParts;
  /** Aborted when the server begins to stop. */
  readonly closing: AbortSignal;
  /** Is told of what ends the process. */
  onFatal(error: unknown): void;
}

/** A node with its HTTP face, listening nowhere. */
export interface Assembly {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Answers a request. Never rejects. */
  handle(request: Request): Response | Promise<Response>;
  /** Closes the node. Called once, when no request is in flight any more. */
  close(): Promise<void>;
}

/**
 * Opens the data folder and builds everything above it.
 *
 * @throws {ShardError | StorageError | ConsensusError | DiskError} where the folder cannot be
 * opened; the message says why.
 */
export async function assemble(options: AssembleOptions): Promise<Assembly> {
  const { config, credentials, parts = {}, closing, onFatal } = options;
  const clock = parts.clock ?? new SystemClock();
  const logger = parts.logger ?? consoleLogger(config);
  const disk = new MeteredDisk(parts.disk ?? new DenoDisk(), clock);
  const executor = new WorkerCompactionExecutor();
  let node: Node;
  try {
    node = await Node.open({
      disk,
      clock,
      logger,
      random: new SeededRandom(seedFromHost()),
      dataDirectory: config.word("dataDir"),
      nodeName: config.word("name"),
      options: nodeOptions(config),
      executor,
      onFatal,
    });
  } catch (error) {
    executor.close();
    throw error;
  }
  const app = buildApp({
    database: node.database,
    node: nodeView(node, { disk, dataDirectory: config.word("dataDir") }),
    clock,
    logger,
    closing,
    onFatal,
    config: appConfig({
      nodeName: config.word("name"),
      productVersion,
      tokens: credentials.tokens,
      isMetricsOpen: !config.isOn("metricsAuth"),
      valueSizeBytesMax: config.number("valueSizeMax"),
      requestCountMax: config.number("requestsMax"),
      bodySizeBytesInFlightMax: config.number("bodyMemoryMax"),
      streamCountMax: config.number("streamsMax"),
      streamIdleMs: config.number("streamIdle"),
      cursorCountMax: config.number("cursorsMax"),
      slowRequestMs: config.number("slowRequest"),
      isAccessLogged: config.isOn("accessLog"),
    }),
  });
  return {
    logger,
    clock,
    handle: (request) => app.fetch(request),
    close: async () => {
      await node.close();
      executor.close();
    },
  };
}

/** Returns the node as the application sees it: with the figures of the disk that it stands on. */
function nodeView(
  node: Node,
  host: { readonly disk: MeteredDisk; readonly dataDirectory: string },
): NodeView {
  const { disk, dataDirectory } = host;
  return {
    statistics: () => ({
      ...node.statistics(),
      disk: { ...disk.statistics(), freeBytes: disk.freeSpaceBytes(dataDirectory) },
    }),
    check: (onProgress) => node.check(onProgress),
    vacuum: (request) => node.vacuum(request),
    vacuumReport: (request) => node.vacuumReport(request),
  };
}

function nodeOptions(config: ServerConfig): Parameters<typeof Node.open>[0]["options"] {
  return {
    retentionMs: config.number("retention"),
    upkeepMs: config.number("vacuumInterval"),
    watchCountMax: config.number("watchesMax"),
    watchLagMsMax: config.number("watchLagMax"),
    valueSizeBytesMax: config.number("valueSizeMax"),
    memoryBudgetBytes: config.number("memoryBudget"),
    blockCacheBytes: config.number("blockCache"),
    tree: {
      table: {
        ...treeOptionsDefault.table,
        blockSizeBytes: config.number("blockSize"),
        // The table of fields lets no other word through.
        compression: config.word("compression") as Compression,
      },
      memtableSizeBytesMax: config.number("memtableSize"),
      isAutovacuumOn: config.isOn("autovacuum"),
      autovacuumDeadRatio: config.number("vacuumDeadRatio") / 100,
      vacuumIoBytesPerSecond: config.number("vacuumIoMax"),
    },
    log: {
      logSizeBytesMax: config.number("logSizeMax"),
      segmentSizeBytes: config.number("logSegmentSize"),
    },
  };
}

function consoleLogger(config: ServerConfig): Logger {
  const encoder = new TextEncoder();
  const isText = config.word("logFormat") === "text";
  return new ConsoleLogger({
    // The table of fields lets no other word through.
    level: config.word("logLevel") as LogLevel,
    write: (line) => {
      try {
        Deno.stderr.writeSync(encoder.encode(isText ? textLine(line) : line));
      } catch {
        // Whoever read the log has gone. The data matters more.
      }
    },
  });
}

/** Returns a line of the log for people: time, level, event, then `name=value`. */
export function textLine(json: string): string {
  const { time, level, event, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [time, String(level).toUpperCase().padEnd(5), event, ...pairs].join(" ") + "\n";
}

function seedFromHost(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high >>> 11) * 2 ** 32 + low;
}
