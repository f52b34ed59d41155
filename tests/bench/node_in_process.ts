/**
 * A whole node without HTTP: log, group, tree.
 *
 * @module
 */
import { type Database, Node, nodeOptionsDefault } from "../../sharding/mod.ts";
import { DenoDisk, SeededRandom, silentLogger, SystemClock } from "../../storage/env/mod.ts";
import { WorkerCompactionExecutor } from "../../storage/mod.ts";
import { treeKey, treeValue } from "./tree_workload.ts";

const mebibyte = 1_048_576;

/** A node, and how to let go of it. */
export interface NodeInProcess {
  readonly database: Database;
  close(): Promise<void>;
}

/**
 * Opens a node in a folder.
 *
 * @param options `memtableSizeBytesMax` also makes room for as much log.
 */
export async function openNode(
  directory: string,
  options: { memtableSizeBytesMax?: number } = {},
): Promise<NodeInProcess> {
  const disk = new DenoDisk();
  disk.createDirectory(directory);
  const executor = new WorkerCompactionExecutor();
  const { memtableSizeBytesMax } = options;
  const node = await Node.open({
    disk,
    clock: new SystemClock(),
    random: new SeededRandom(1),
    logger: silentLogger,
    dataDirectory: directory,
    options: memtableSizeBytesMax === undefined ? nodeOptionsDefault : {
      ...nodeOptionsDefault,
      memoryBudgetBytes: 3 * memtableSizeBytesMax,
      tree: { memtableSizeBytesMax },
      log: { logSizeBytesMax: 4_096 * mebibyte },
    },
    executor,
    onFatal(error) {
      throw error;
    },
    nodeName: "bench",
  });
  return {
    database: node.database,
    async close() {
      await node.close();
      executor.close();
    },
  };
}

/** What so many writers at once do, each waiting for its own put. */
export interface WriterOptions {
  readonly writerCount: number;
  /** Ends before the put of this number. */
  readonly putCountMax: number;
  /** Ends after this time. */
  readonly durationMs: number;
}

/** Puts values, each synced before it counts. @returns How many. */
export async function putWithWriters(database: Database, options: WriterOptions): Promise<number> {
  const value = { bytes: treeValue(), contentType: "application/octet-stream" };
  const endMs = performance.now() + options.durationMs;
  let next = 0;
  let count = 0;
  const writer = async (): Promise<void> => {
    while (next < options.putCountMax && performance.now() < endMs) {
      const result = await database.run(
        { kind: "put", key: treeKey(next++), value },
        { deadlineMs: performance.now() + 60_000 },
      );
      if (result.outcome !== "committed") throw new Error(`Cannot put: ${result.outcome}`);
      count++;
    }
  };
  await Promise.all(Array.from({ length: options.writerCount }, writer));
  return count;
}

/** Measures puts a second, each synced, in an empty folder. */
export async function measureSyncedPuts(
  directory: string,
  options: { writerCount: number; durationMs: number },
): Promise<number> {
  const node = await openNode(directory);
  const count = await putWithWriters(node.database, { ...options, putCountMax: Infinity });
  await node.close();
  return count / options.durationMs * 1_000;
}

/** Tells whether a key of the workload can be read. */
export async function hasKey(database: Database, number: number): Promise<boolean> {
  const { value } = await database.get(treeKey(number), {
    deadlineMs: performance.now() + 60_000,
  });
  return value !== undefined && value.bytes.length === treeValue().length;
}
