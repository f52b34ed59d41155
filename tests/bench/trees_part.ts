/**
 * The trees in process, each in a process of its own, one after the other, over and over.
 *
 * @module
 */
import type { RunSettings, Samples } from "./samples.ts";
import { runRocksDb } from "./tree_rocksdb.ts";
import type { TreeResult } from "./tree_workload.ts";

/** Runs our tree, LevelDB and, where it is installed, RocksDB. */
export async function runTreesPart(settings: RunSettings, samples: Samples): Promise<void> {
  for (let repetition = 1; repetition <= settings.repetitionCount; repetition++) {
    for (const system of ["ankylo", "LevelDB", "RocksDB"]) {
      const directory = `${settings.directory}/tree-${system}`;
      Deno.mkdirSync(directory, { recursive: true });
      const result = await runTree(system, { directory, keyCount: settings.treeKeyCount });
      Deno.removeSync(directory, { recursive: true });
      if (result === undefined) continue;
      for (const [metric, value] of Object.entries(result)) {
        samples.add({ metric, system, value, unit: "1/s" });
      }
      const text = Object.entries(result).map(([metric, value]) =>
        `${metric} ${Math.round(value)}`
      );
      settings.onStep(`${repetition}: ${system}: ${text.join(", ")}`);
    }
  }
}

async function runTree(
  system: string,
  options: { directory: string; keyCount: number },
): Promise<TreeResult | undefined> {
  if (system === "RocksDB") return await runRocksDb(options);
  const program = system === "ankylo" ? "tree_ankylo.ts" : "tree_level.ts";
  return {
    ...await runProgram(program, [options.directory, `${options.keyCount}`]),
    ...await runProgram(program, [`${options.directory}/synced`, "synced"]),
  };
}

/** Runs one of the tree programs and reads the line that it prints. */
export async function runProgram(program: string, given: readonly string[]): Promise<TreeResult> {
  const path = new URL(`./${program}`, import.meta.url).pathname;
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", path, ...given],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot run ${program}: it failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
