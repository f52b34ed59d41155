/**
 * A node over a memory disk, for tests of what stands on it.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import type {
  Command,
  CommandResult,
  Database,
  RequestIdentity,
  StoredEntry,
} from "../../sharding/mod.ts";
import { Node, type NodeOptions } from "../../sharding/mod.ts";
import {
  type Clock,
  type Disk,
  MemoryDisk,
  SeededRandom,
  silentLogger,
  SystemClock,
} from "../../storage/env/mod.ts";
import { InlineCompactionExecutor } from "../../storage/mod.ts";

/** Where test nodes keep their data. */
export const dataDirectory = "/data";

/** An hour of versions. */
export const hourMicros = 3_600_000_000;

/** A clock whose wall time a test moves; all else is the host's. */
export class ShiftedClock extends SystemClock implements Clock {
  /** Added to the wall clock, in microseconds. */
  shiftMicros = 0;

  override wallMicros(): number {
    return super.wallMicros() + this.shiftMicros;
  }
}

/** Options under which a hundred writes flush and compact, and the log is cut. */
export const tinyOptions: Partial<NodeOptions> = {
  retentionMs: 0,
  tree: {
    table: { blockSizeBytes: 256, restartInterval: 4, compression: "none", filterBitsPerKey: 10 },
    memtableSizeBytesMax: 4_096,
    level0FileCountCompact: 2,
    level0FileCountSlow: 8,
    level0FileCountStop: 12,
    level1SizeBytesMax: 8_192,
    tableSizeBytesTarget: 4_096,
    slowdownMsMax: 0,
  },
  log: { segmentSizeBytes: 16_384, logSizeBytesMax: 65_536 },
};

/** Small segments, so that a test does not write 64 MB of zeros. */
const plainOptions: Partial<NodeOptions> = { log: { segmentSizeBytes: 4 * 1_048_576 } };

/** A node on a disk that can be opened again. */
export class TestNode {
  readonly disk: MemoryDisk;
  readonly clock: ShiftedClock;
  readonly options: Partial<NodeOptions>;
  node: Node;
  readonly #fatal: unknown[];

  private constructor(parts: {
    disk: MemoryDisk;
    clock: ShiftedClock;
    options: Partial<NodeOptions>;
    node: Node;
    fatal: unknown[];
  }) {
    this.disk = parts.disk;
    this.clock = parts.clock;
    this.options = parts.options;
    this.node = parts.node;
    this.#fatal = parts.fatal;
  }

  /** Opens a node on an empty disk. */
  static async open(options: Partial<NodeOptions> = {}): Promise<TestNode> {
    const disk = new MemoryDisk();
    const clock = new ShiftedClock();
    const fatal: unknown[] = [];
    const merged = { ...plainOptions, ...options };
    const node = await openNode({ disk, clock, options: merged, fatal });
    return new TestNode({ disk, clock, options: merged, node, fatal });
  }

  get database(): Database {
    return this.node.database;
  }

  /** A deadline that no test reaches. */
  get soon(): { deadlineMs: number } {
    return { deadlineMs: this.clock.monotonicMs() + 60_000 };
  }

  /** Closes the node and opens it on the same disk. */
  async restart(): Promise<void> {
    await this.node.close();
    const { disk, clock, options } = this;
    this.node = await openNode({ disk, clock, options, fatal: this.#fatal });
  }

  /** Closes the node; fails where it met something fatal or left a file open. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.close();
    deepEqual(this.#fatal, []);
    equal(this.disk.openFileCount, 0);
  }

  run(command: Command, request?: RequestIdentity): Promise<CommandResult> {
    return this.database.run(command, { ...this.soon, request });
  }

  /** Runs a command that must commit, and returns its version. */
  async commit(command: Command): Promise<number> {
    const result = await this.run(command);
    if (result.outcome !== "committed") throw new Error(`It came to ${result.outcome}`);
    return result.version;
  }

  /** Returns the text of a key; undefined where it has none. */
  async text(key: string): Promise<string | undefined> {
    const { value } = await this.database.get(key, this.soon);
    return value === undefined ? undefined : new TextDecoder().decode(value.bytes);
  }

  /** Returns the text of a key at a version; undefined where it had none. */
  async textAt(key: string, at: number): Promise<string | undefined> {
    const { value, version } = await this.database.get(key, { ...this.soon, at });
    equal(version, at);
    return value === undefined ? undefined : new TextDecoder().decode(value.bytes);
  }

  /** Lets an hour and a second pass by the wall clock, for reads too. */
  async passAnHour(): Promise<void> {
    this.clock.shiftMicros += hourMicros + 1_000_000;
    await this.database.reach(this.clock.wallMicros(), this.soon);
  }

  /** Returns everything, read in pages. */
  async all(pageSize = 100): Promise<StoredEntry[]> {
    const entries: StoredEntry[] = [];
    for (let start = "";;) {
      const page = await this.database.scan({ start }, { ...this.soon, limit: pageSize });
      entries.push(...page.entries);
      const last = page.entries.at(-1);
      if (!page.hasMore || last === undefined) return entries;
      start = `${last.key}\0`;
    }
  }
}

function openNode(
  { disk, clock, options, fatal }: {
    disk: Disk;
    clock: Clock;
    options: Partial<NodeOptions>;
    fatal: unknown[];
  },
): Promise<Node> {
  return Node.open({
    disk,
    clock,
    random: new SeededRandom(1),
    logger: silentLogger,
    dataDirectory,
    options,
    executor: new InlineCompactionExecutor({ disk, clock }),
    nodeName: "node1",
    onFatal: (error) => fatal.push(error),
  });
}
