/**
 * RocksDB through its own `db_bench` (Debian: rocksdb-tools), as a peer of the tree.
 *
 * @module
 */
import { batchCount, type TreeResult } from "./tree_workload.ts";

const program = "db_bench";

/** Our metrics, and what db_bench calls them. */
const metricNames: Readonly<Record<string, string>> = {
  fillseq: "fill sequential",
  fillrandom: "fill random",
  overwrite: "overwrite",
  readrandom: "random get",
  readseq: "full scan",
  seekrandom: "scans of 100 in process",
};

/** Runs the workload; undefined where db_bench is not installed. */
export async function runRocksDb(
  options: { directory: string; keyCount: number },
): Promise<TreeResult | undefined> {
  const { directory, keyCount } = options;
  try {
    const sequential = await dbBench(directory, [
      "--benchmarks=fillseq",
      `--num=${keyCount}`,
      `--batch_size=${batchCount}`,
    ]);
    const single = await dbBench(directory, ["--benchmarks=fillseq", `--num=${keyCount / 4}`]);
    const random = await dbBench(directory, [
      "--benchmarks=fillrandom,overwrite,flush,waitforcompaction,readrandom,readseq,seekrandom",
      `--num=${keyCount}`,
      `--batch_size=${batchCount}`,
      `--reads=${Math.min(200_000, keyCount)}`,
      "--seek_nexts=100",
    ]);
    const readAll = await dbBench(directory, [
      "--benchmarks=readseq",
      "--use_existing_db=1",
      `--num=${keyCount}`,
    ]);
    const synced = await dbBench(directory, [
      "--benchmarks=fillrandom",
      "--sync=1",
      "--threads=64",
      "--num=1000",
    ]);
    return {
      ...random,
      ...sequential,
      ...readAll,
      "fill sequential, single puts": single["fill sequential"],
      "synced puts, 64 writers": synced["fill random"],
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function dbBench(directory: string, given: readonly string[]): Promise<TreeResult> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [
      ...given,
      `--db=${directory}/rocksdb`,
      "--key_size=16",
      "--value_size=256",
      "--compression_type=none",
      "--write_buffer_size=33554432",
      "--cache_size=67108864",
      "--bloom_bits=10",
    ],
  }).output();
  if (!success) throw new Error(`Cannot run db_bench: ${new TextDecoder().decode(stderr)}`);
  return parseDbBench(new TextDecoder().decode(stdout));
}

/** Reads the lines `fillseq : 3.1 micros/op 318000 ops/sec …`. */
export function parseDbBench(output: string): TreeResult {
  const result: TreeResult = {};
  for (const [, name, rate] of output.matchAll(/^(\w+)\s+:.*?\s(\d+) ops\/sec/gm)) {
    const metric = metricNames[name];
    if (metric !== undefined) result[metric] = Number(rate);
  }
  return result;
}
