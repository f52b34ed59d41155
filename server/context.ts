/**
 * What the HTTP application is built from: the one thing the composition root hands to `buildApp`.
 *
 * The application opens nothing and listens nowhere. Everything it waits for ends when `closing` is
 * aborted: streams are closed with a last line that says so, cursors let their versions go, and
 * `/readyz` answers 503.
 *
 * @module
 */
import type { Clock, Logger } from "../storage/env/mod.ts";
import type { Database, VacuumReport } from "../sharding/mod.ts";
import { invariant } from "../storage/env/mod.ts";

/** One access token and the name it goes by in logs and change records. */
export interface AccessToken {
  /** A short name; two tokens may share one. */
  readonly name: string;
  /** The secret itself. */
  readonly token: string;
}

/** What the application may know and ask of the node beside its data. */
export interface NodeView {
  /** Plain numbers, in nested plain objects, for `/metrics` and `/v1/status`. */
  statistics(): object;
  /** Reads every byte on disk. Resolves with a report of plain data. */
  check(onProgress?: (progress: CheckProgress) => void): Promise<object>;
  /** Drops what nobody can read any more. Resolves with a report of plain data. */
  vacuum(request: VacuumRequest): Promise<object>;
  /** Tells what a vacuum would find. */
  vacuumReport(request: VacuumReportRequest): Promise<VacuumReport>;
}

/** How far long work has got. */
export interface WorkProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** How far a check has got. */
export interface CheckProgress {
  readonly checkedBytes: number;
  readonly totalBytes: number;
}

/** What a report of a vacuum is about. */
export interface VacuumReportRequest {
  /** The keys that begin with it; all of them where it is left out. */
  readonly prefix?: string;
  /** Is told how far it has got, now and then. */
  onProgress?(progress: WorkProgress): void;
}

/** What is vacuumed, and how fast. */
export interface VacuumRequest extends VacuumReportRequest {
  /**
   * How many bytes a second it may read and write, 0 for no bound; as the node is set where it is
   * left out.
   */
  readonly ioBytesPerSecond?: number;
}

/** What an operator decides. `appConfig` lays it over the defaults. */
export interface AppConfig {
  /** The node's name, as `Ankylo-Node` says it. */
  readonly nodeName: string;
  /** The shard that answers, as `Ankylo-Shard` says it. */
  readonly shardName: string;
  /** The server's version, as `/v1/status` says it. */
  readonly productVersion: string;
  /** With none the API is open. */
  readonly tokens: readonly AccessToken[];
  /** Whether `/metrics` is answered without a token. */
  readonly isMetricsOpen: boolean;
  /** The longest value that is taken. */
  readonly valueSizeBytesMax: number;
  /** How many requests may be in work at once. */
  readonly requestCountMax: number;
  /** How many bytes of request bodies may be in memory at once. */
  readonly bodySizeBytesInFlightMax: number;
  /** How many bytes of large answers may be in memory at once. */
  readonly answerSizeBytesInFlightMax: number;
  /** How many NDJSON streams may be open at once. */
  readonly streamCountMax: number;
  /** How long a stream waits for a client that does not read. */
  readonly streamIdleMs: number;
  /** How many cursors may hold a version at once. */
  readonly cursorCountMax: number;
  /** From how long on a request is worth a line in the log. */
  readonly slowRequestMs: number;
  /** Whether each request is a line at debug level. */
  readonly isAccessLogged: boolean;
}

/** What the application is built from. */
export interface AppContext {
  /** The data. */
  readonly database: Database;
  /** The node that holds it. */
  readonly node: NodeView;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: AppConfig;
  /** Aborted when the server begins to stop. */
  readonly closing: AbortSignal;
  /** Is told of an invariant that does not hold: the process must end. */
  onFatal(error: unknown): void;
}

const mebibyte = 1_048_576;

const configDefault: AppConfig = {
  nodeName: "node1",
  // Group 1 is the meta group's; the data of a lone node is group 2.
  shardName: "2",
  productVersion: "0.1.0",
  tokens: [],
  isMetricsOpen: true,
  valueSizeBytesMax: mebibyte,
  // Far above what keeps two cores busy, far below what fills the memory.
  requestCountMax: 4_096,
  // Four of the largest batches.
  bodySizeBytesInFlightMax: 256 * mebibyte,
  // Sixteen of the largest pages.
  answerSizeBytesInFlightMax: 256 * mebibyte,
  streamCountMax: 256,
  streamIdleMs: 60_000,
  cursorCountMax: 1_024,
  slowRequestMs: 1_000,
  isAccessLogged: false,
};

/**
 * Returns the configuration with what is given laid over the defaults.
 *
 * @throws {InvariantError} where a value is out of its bounds: callers check what users typed.
 */
export function appConfig(given: Partial<AppConfig> = {}): AppConfig {
  const config = { ...configDefault, ...given };
  invariant(
    /^[A-Za-z0-9._-]{1,255}$/.test(config.nodeName),
    () => `A node's name goes into a header: ${config.nodeName}`,
  );
  invariant(
    config.valueSizeBytesMax >= 1 && config.valueSizeBytesMax <= 16 * mebibyte,
    () => `A value's limit is 1 byte to 16 MiB: ${config.valueSizeBytesMax}`,
  );
  invariant(
    config.bodySizeBytesInFlightMax >= 64 * mebibyte,
    () => `One batch must fit: ${config.bodySizeBytesInFlightMax}`,
  );
  for (const name of ["requestCountMax", "streamCountMax", "cursorCountMax"] as const) {
    invariant(config[name] >= 1, () => `Cannot use ${name}=${config[name]}: it is 1 or more`);
  }
  return config;
}
