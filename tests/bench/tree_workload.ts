/**
 * The workload in process, the same for every tree: one driver, and a small adapter a tree.
 *
 * Each tree runs in a process of its own, so that no garbage of one is collected in the time of
 * another: `deno run -A tests/bench/tree_<name>.ts <folder> <key count>` prints a `TreeResult`.
 *
 * @module
 */

/** A tree under test. Keys are 16 digits. */
export interface TreeUnderTest {
  /** Writes one value under each key, as one batch that is logged but not synced. */
  writeBatch(keys: readonly string[], value: Uint8Array): void | Promise<void>;
  /** Lets what waits in memory be written and merged, as far as the tree offers that. */
  settle(): Promise<void>;
  /** Returns the size of the value, or undefined. */
  get(key: string): number | undefined | Promise<number | undefined>;
  /** Visits up to `limit` entries from a key on, reading key and value; returns how many. */
  scan(start: string, limit: number): number | Promise<number>;
  close(): Promise<void>;
}

/** Figures by metric, in operations or entries a second. */
export type TreeResult = Record<string, number>;

/** Puts in a batch, as users of a tree in process gather them. */
export const batchCount = 100;
const settlePauseMs = 1_500;

/** Returns the key of a number. */
export function treeKey(number: number): string {
  return String(number).padStart(16, "0");
}

/** Returns 256 bytes that do not compress to nothing. */
export function treeValue(): Uint8Array {
  const value = new Uint8Array(256);
  let state = 12_345;
  for (let index = 0; index < value.length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    value[index] = state >>> 24;
  }
  return value;
}

/**
 * Runs the workload.
 *
 * @param open Opens a tree in an empty folder.
 */
export async function runTreeWorkload(
  open: (directory: string) => Promise<TreeUnderTest>,
  options: { directory: string; keyCount: number },
): Promise<TreeResult> {
  const { directory, keyCount } = options;
  const result: TreeResult = {};
  const sequential = await open(`${directory}/sequential`);
  result["fill sequential"] = await write(sequential, {
    keyCount,
    batchCount,
    keyNumber: (index) => index,
  });
  await sequential.close();

  const single = await open(`${directory}/single`);
  result["fill sequential, single puts"] = await write(single, {
    keyCount: keyCount / 4,
    batchCount: 1,
    keyNumber: (index) => index,
  });
  await single.close();

  const tree = await open(`${directory}/random`);
  const random = generator();
  const keyNumber = () => random() % keyCount;
  result["fill random"] = await write(tree, { keyCount, batchCount, keyNumber });
  result["overwrite"] = await write(tree, { keyCount: keyCount / 2, batchCount, keyNumber });
  await tree.settle();
  await new Promise((resolve) => setTimeout(resolve, settlePauseMs));
  result["random get"] = await getRandom(tree, keyCount, random);
  result["full scan"] = await perSecond(() => tree.scan(treeKey(0), Infinity));
  const scanCount = Math.min(5_000, keyCount / 100);
  result["scans of 100 in process"] = await perSecond(async () => {
    for (let index = 0; index < scanCount; index++) {
      await tree.scan(treeKey(random() % keyCount), 100);
    }
    return scanCount;
  });
  await tree.close();
  return result;
}

/** Runs the workload as the command line asks, and prints what came of it. */
export async function mainOfTree(
  open: (directory: string) => Promise<TreeUnderTest>,
): Promise<void> {
  const [directory, keyCount] = Deno.args;
  const result = await runTreeWorkload(open, { directory, keyCount: Number(keyCount) });
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(result)}\n`));
}

async function perSecond(work: () => number | Promise<number>): Promise<number> {
  const startMs = performance.now();
  const count = await work();
  return count / (performance.now() - startMs) * 1_000;
}

interface WriteOptions {
  readonly keyCount: number;
  readonly batchCount: number;
  readonly keyNumber: (index: number) => number;
}

function write(tree: TreeUnderTest, options: WriteOptions): Promise<number> {
  const { keyCount, keyNumber } = options;
  const value = treeValue();
  return perSecond(async () => {
    let keys: string[] = [];
    for (let index = 0; index < keyCount; index++) {
      keys.push(treeKey(keyNumber(index)));
      if (keys.length < options.batchCount) continue;
      const written = tree.writeBatch(keys, value);
      if (written !== undefined) await written;
      keys = [];
    }
    return keyCount;
  });
}

function getRandom(tree: TreeUnderTest, keyCount: number, random: () => number): Promise<number> {
  const getCount = Math.min(200_000, keyCount);
  return perSecond(async () => {
    for (let index = 0; index < getCount; index++) {
      const found = tree.get(treeKey(random() % keyCount));
      if (found instanceof Promise) await found;
    }
    return getCount;
  });
}

/** The same numbers for every tree. */
function generator(): () => number {
  let state = 2_463_534_242;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
