/**
 * LevelDB through classic-level, as a peer of the tree.
 *
 * @module
 */
import { ClassicLevel } from "npm:classic-level@3.0.0";
import { mainOfTree, treeKey, type TreeUnderTest, treeValue } from "./tree_workload.ts";

type Database = ClassicLevel<string, Uint8Array>;

const entriesAtOnce = 1_000;

async function openDatabase(directory: string): Promise<Database> {
  Deno.mkdirSync(directory, { recursive: true });
  const database: Database = new ClassicLevel<string, Uint8Array>(directory, {
    keyEncoding: "utf8",
    valueEncoding: "view",
    // As ours: no compression, the same memory for writes and for blocks.
    compression: false,
    writeBufferSize: 32 * 1_048_576,
    cacheSize: 64 * 1_048_576,
  });
  await database.open();
  return database;
}

class LevelTree implements TreeUnderTest {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  writeBatch(keys: readonly string[], value: Uint8Array): Promise<void> {
    return this.#database.batch(keys.map((key) => ({ type: "put", key, value })));
  }

  /** It can only merge everything, which the others do not do: the pause behind must be enough. */
  settle(): Promise<void> {
    return Promise.resolve();
  }

  get(key: string): number | undefined {
    return this.#database.getSync(key)?.length;
  }

  async scan(start: string, limit: number): Promise<number> {
    const iterator = this.#database.iterator({
      gte: start,
      limit: Number.isFinite(limit) ? limit : -1,
    });
    let count = 0;
    for (;;) {
      const entries = await iterator.nextv(Math.min(limit, entriesAtOnce));
      if (entries.length === 0) break;
      count += entries.length;
      if (count >= limit) break;
    }
    await iterator.close();
    return count;
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

/** Puts single values, each synced before it is answered, by so many writers at once. */
async function syncedPuts(directory: string, options: { writerCount: number; durationMs: number }) {
  const database = await openDatabase(directory);
  const value = treeValue();
  const endMs = performance.now() + options.durationMs;
  let count = 0;
  const writer = async (): Promise<void> => {
    while (performance.now() < endMs) await database.put(treeKey(count++), value, { sync: true });
  };
  await Promise.all(Array.from({ length: options.writerCount }, writer));
  await database.close();
  return count / options.durationMs * 1_000;
}

if (import.meta.main) {
  const [directory, mode] = Deno.args;
  if (mode === "synced") {
    const rate = await syncedPuts(directory, { writerCount: 64, durationMs: 2_000 });
    Deno.stdout.writeSync(new TextEncoder().encode(`{"synced puts, 64 writers":${rate}}\n`));
  } else {
    await mainOfTree(async (path) => new LevelTree(await openDatabase(path)));
  }
}
