/**
 * Our own tree, with a log before it as the peers have: each batch is one frame, written and not
 * synced, and then applied.
 *
 * @module
 */
import {
  ByteWriter,
  DenoDisk,
  type DiskFile,
  latin1Bytes,
  silentLogger,
  SystemClock,
} from "../../storage/env/mod.ts";
import { FrameWriter, logMarkNone } from "../../storage/log/mod.ts";
import {
  BlockCache,
  Engine,
  EntryKind,
  MemoryBudget,
  treeOptions,
  userTreeKey,
  WorkerCompactionExecutor,
} from "../../storage/mod.ts";
import { measureSyncedPuts } from "./node_in_process.ts";
import { mainOfTree, type TreeUnderTest } from "./tree_workload.ts";

const mebibyte = 1_048_576;
/** Flushes run on the same thread: as requests do, let them in now and then. */
const batchesPerTurn = 16;

class AnkyloTree implements TreeUnderTest {
  readonly #engine: Engine;
  readonly #executor: WorkerCompactionExecutor;
  readonly #logFile: DiskFile;
  readonly #log: FrameWriter;
  readonly #record = new ByteWriter();
  #version = 0;

  private constructor(parts: {
    engine: Engine;
    executor: WorkerCompactionExecutor;
    logFile: DiskFile;
  }) {
    this.#engine = parts.engine;
    this.#executor = parts.executor;
    this.#logFile = parts.logFile;
    this.#log = new FrameWriter(parts.logFile, { fileNumber: 1, position: 0 });
  }

  static async open(directory: string): Promise<AnkyloTree> {
    const disk = new DenoDisk();
    disk.createDirectory(directory);
    const executor = new WorkerCompactionExecutor();
    const engine = await Engine.open({
      disk,
      clock: new SystemClock(),
      logger: silentLogger,
      directory,
      options: treeOptions(),
      memory: new MemoryBudget(96 * mebibyte),
      blockCache: new BlockCache(64 * mebibyte),
      executor,
      onFatal(error) {
        throw error;
      },
    });
    const logFile = disk.open(`${directory}/bench.log`, "create");
    return new AnkyloTree({ engine, executor, logFile });
  }

  writeBatch(keys: readonly string[], value: Uint8Array): void | Promise<void> {
    const version = ++this.#version;
    this.#record.clear();
    for (const key of keys) {
      this.#record.bytesPrefixed(latin1Bytes(key));
      this.#record.bytesPrefixed(value);
    }
    this.#log.append(this.#record.view(), logMarkNone);
    for (const key of keys) {
      this.#engine.write(userTreeKey(key), version, EntryKind.value, value, 0, value.length);
    }
    // The peers keep only the newest value of a key, so nothing older may be read here either.
    const horizon = version - 1;
    this.#engine.commit({
      index: version,
      term: 1,
      lastVersion: version,
      horizons: {
        userVersion: horizon,
        changeVersion: horizon,
        requestVersion: horizon,
        expiryVersion: horizon,
        rules: [],
      },
      machine: new Uint8Array(0),
    });
    const stall = this.#engine.admission();
    if (stall !== undefined) return stall;
    if (version % batchesPerTurn === 0) return new Promise((resolve) => setImmediate(resolve));
  }

  async settle(): Promise<void> {
    await this.#engine.flush();
    while (this.#engine.statistics().compactionDebtBytes > 0) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  get(key: string): number | undefined {
    return this.#engine.get(userTreeKey(key), this.#version)?.bytes.length;
  }

  scan(start: string, limit: number): number {
    const cursor = this.#engine.cursor({
      start: userTreeKey(start),
      end: undefined,
      version: this.#version,
    });
    let count = 0;
    let sizeBytes = 0;
    while (cursor.isValid && count < limit) {
      count++;
      sizeBytes += cursor.key.length + cursor.valueEnd - cursor.valueStart;
      cursor.next();
    }
    cursor.close();
    if (count > 0 && sizeBytes === 0) throw new Error("Cannot have read entries of no size");
    return count;
  }

  async close(): Promise<void> {
    await this.#engine.close();
    this.#executor.close();
    this.#logFile.close();
  }
}

if (import.meta.main) {
  const [directory, mode] = Deno.args;
  if (mode === "synced") {
    const rate = await measureSyncedPuts(directory, { writerCount: 64, durationMs: 2_000 });
    Deno.stdout.writeSync(new TextEncoder().encode(`{"synced puts, 64 writers":${rate}}\n`));
  } else {
    await mainOfTree((path) => AnkyloTree.open(path));
  }
}
