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
import type { Command, CommandResult, Database, RequestIdentity } from "../../sharding/database.ts";
import type { ModelValue } from "./model.ts";
import { lineOf, textOf } from "./model.ts";
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
    const clock = new SimClock(scheduler);
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

  /** Reads everything, in pages. One line per key, as a `Model` prints it. */
  async lines(pageSize = 1_000): Promise<string[]> {
    const lines: string[] = [];
    for (let start = "";;) {
      const page = await this.database.scan({ start }, { ...this.deadline(), limit: pageSize });
      for (const entry of page.entries) lines.push(lineOf(entry.key, modelValue(entry)));
      const last = page.entries.at(-1);
      if (!page.hasMore || last === undefined) return lines;
      start = `${last.key}\0`;
    }
  }

  /** The process is gone at once: nothing it waits for will ever happen. */
  kill(): void {
    this.disk.freeze();
    this.clock.stop();
  }
}

function modelValue(
  found: { bytes: Uint8Array; contentType: string; version: number },
): ModelValue {
  return { text: textOf(found.bytes), contentType: found.contentType, version: found.version };
}
