/**
 * One node in a simulation: the rooms that `server/assemble.ts` joins, over a simulated disk and
 * clock, with everything tiny so that a short run flushes, compacts and cuts its log.
 *
 * @module
 */
import { silentLogger } from "../../storage/env/mod.ts";
import type { Logger, Random } from "../../storage/env/mod.ts";
import { InlineCompactionExecutor } from "../../storage/mod.ts";
import type { TreeOptions } from "../../storage/mod.ts";
import { Node } from "../../sharding/node.ts";
import { nodeOptionsDefault } from "../../sharding/node_options.ts";
import type { NodeOptions } from "../../sharding/node_options.ts";
import type { Command, CommandResult, Database, RequestIdentity } from "../../sharding/database.ts";
import type { SnapshotHold } from "../../sharding/database.ts";
import { lineOf, modelValue, ruleLine } from "./model.ts";
import type { ModelChange } from "./model.ts";
import type { FoundState } from "./recovered.ts";
import type { Scheduler } from "./scheduler.ts";
import { SimClock } from "./sim_clock.ts";
import type { SimDisk } from "./sim_disk.ts";

/** Where every simulated node keeps its data. */
export const dataDirectory = "/data";

/** A tree so small that a hundred writes reach level 2. */
export const tinyTree: Partial<TreeOptions> = {
  table: { blockSizeBytes: 256, restartInterval: 4, compression: "none", filterBitsPerKey: 10 },
  memtableSizeBytesMax: 2_048,
  frozenMemtableCountMax: 2,
  level0FileCountCompact: 2,
  level0FileCountSlow: 3,
  level0FileCountStop: 5,
  level1SizeBytesMax: 4_096,
  tableSizeBytesTarget: 2_048,
  slowdownMsMax: 2,
};

const tinyLog = { segmentSizeBytes: 4_096, logSizeBytesMax: 16_384, frameSizeBytesMax: 2_048 };

/** How long a request may wait, in virtual time. */
const deadlineMsDefault = 30_000;

/** What a simulated node is made of. */
export interface SimNodeConfig {
  readonly disk: SimDisk;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger?: Logger;
  readonly tree?: Partial<TreeOptions>;
  /** How far the wall clock is off, in milliseconds. */
  readonly clockJumpMs?: number;
  /** How long old versions stay readable. */
  readonly retentionMs?: number;
  /** How much time its work takes, as a {@linkcode SimClock} has it. */
  readonly workMs?: number;
  /** Over what a simulation takes otherwise. */
  readonly options?: Partial<NodeOptions>;
}

/** A key whose time had passed, and the version at which it was removed. */
export interface Expiry {
  readonly key: string;
  readonly version: number;
}

/** A running node. */
export class SimNode {
  readonly disk: SimDisk;
  readonly clock: SimClock;
  readonly node: Node;
  readonly #fatal: unknown[];

  private constructor(given: { disk: SimDisk; clock: SimClock; node: Node; fatal: unknown[] }) {
    this.disk = given.disk;
    this.clock = given.clock;
    this.node = given.node;
    this.#fatal = given.fatal;
  }

  /** Opens a node; rejects as `Node.open()` does. */
  static async open(config: SimNodeConfig): Promise<SimNode> {
    const { disk, scheduler, random } = config;
    const clock = new SimClock(scheduler, config);
    clock.jump(config.clockJumpMs ?? 0);
    const fatal: unknown[] = [];
    const node = await Node.open({
      disk,
      clock,
      random,
      logger: config.logger ?? silentLogger,
      dataDirectory,
      options: {
        ...nodeOptionsDefault,
        retentionMs: config.retentionMs ?? 20,
        blockCacheBytes: 16_384,
        ...config.options,
        tree: { ...tinyTree, ...config.tree },
        log: tinyLog,
      },
      executor: new InlineCompactionExecutor({ disk, clock }),
      onFatal: (error) => fatal.push(error),
      nodeName: "node1",
    });
    return new SimNode({ disk, clock, node, fatal });
  }

  /** What the node ended itself for, if it did. */
  get fatal(): unknown {
    return this.#fatal[0];
  }

  get database(): Database {
    return this.node.database;
  }

  /** Until when a request sent now may wait. */
  deadline(): { deadlineMs: number } {
    return { deadlineMs: this.clock.monotonicMs() + deadlineMsDefault };
  }

  run(command: Command, request?: RequestIdentity): Promise<CommandResult> {
    return this.database.run(command, { ...this.deadline(), request });
  }

  /** Reads everything at one version, in pages. One line per key, as a `Model` prints it. */
  async read(pageSize = 1_000): Promise<{ lines: string[]; version: number }> {
    const snapshot = this.database.hold({ kind: "read", owner: "test" });
    try {
      return { lines: await this.#lines(snapshot, pageSize), version: snapshot.version };
    } finally {
      snapshot.release();
    }
  }

  /**
   * Reads everything, and how the keys got there behind a version.
   *
   * @param options.keys Those whose past is looked at.
   */
  async found(
    options: { keys: Iterable<string>; behind: number },
  ): Promise<FoundState & { readonly expiries: readonly Expiry[] }> {
    const { database } = this;
    const snapshot = database.hold({ kind: "read", owner: "test" });
    try {
      const changes = new Map<number, ModelChange[]>();
      const expiries: Expiry[] = [];
      for (const key of options.keys) {
        const { versions } = await database.history(key, { ...this.deadline(), limit: 10_000 });
        for (const { kind, version } of versions) {
          if (kind === "expire") expiries.push({ key, version });
          else if (version > options.behind && version <= snapshot.version) {
            changes.set(version, [...changes.get(version) ?? [], { key, kind }]);
          }
        }
      }
      const { rules } = database.retention();
      return {
        lines: await this.#lines(snapshot, 1_000),
        version: snapshot.version,
        ruleLines: rules.map(({ prefix, term }) => ruleLine(prefix, term)).sort(),
        tail: [...changes].map(([version, changes]) => ({ version, changes }))
          .sort((left, right) => left.version - right.version),
        expiries,
      };
    } finally {
      snapshot.release();
    }
  }

  /** The process is gone at once: nothing it waits for will ever happen. */
  kill(): void {
    this.disk.freeze();
    this.clock.stop();
  }

  async #lines(snapshot: SnapshotHold, pageSize: number): Promise<string[]> {
    const lines: string[] = [];
    for (let start = "";;) {
      const options = { ...this.deadline(), limit: pageSize, snapshot };
      const page = await this.database.scan({ start }, options);
      for (const entry of page.entries) lines.push(lineOf(entry.key, modelValue(entry)));
      const last = page.entries.at(-1);
      if (!page.hasMore || last === undefined) return lines;
      start = `${last.key}\0`;
    }
  }
}
