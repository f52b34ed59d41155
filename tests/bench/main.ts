/**
 * The benchmark: `deno task bench [--quick] [--only PARTS] [--repetitions N]`.
 *
 * The parts are http, trees, many, replay, vacuum, space, expiry and watch, separated by commas.
 *
 * Prints what it does, then the tables, and writes them beside the raw figures under
 * `tests/bench/results/`. Peers that are not installed are left out.
 *
 * @module
 */
import os from "node:os";
import { parseArgs } from "node:util";
import { runExpiryPart } from "./expiry_part.ts";
import { runHttpPart } from "./http_part.ts";
import { runManyKeysPart } from "./many_keys_part.ts";
import { markdownReport, type RunInfo } from "./report.ts";
import { runReplayPart } from "./replay_part.ts";
import { type RunSettings, Samples } from "./samples.ts";
import { runSpacePart } from "./space_part.ts";
import { runTreesPart } from "./trees_part.ts";
import { runVacuumPart } from "./vacuum_part.ts";
import { runWatchPart } from "./watch_part.ts";

const parts: Readonly<Record<string, (settings: RunSettings, samples: Samples) => Promise<void>>> =
  {
    http: runHttpPart,
    trees: runTreesPart,
    many: runManyKeysPart,
    replay: runReplayPart,
    vacuum: runVacuumPart,
    space: runSpacePart,
    expiry: runExpiryPart,
    watch: runWatchPart,
  };

const root = new URL("../../", import.meta.url);
const results = new URL("tests/bench/results/", root);
const encoder = new TextEncoder();

function print(text: string): void {
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));
}

function readArguments(): { isQuick: boolean; chosen: string[]; repetitionCount: number } {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", default: Object.keys(parts).join(",") },
      repetitions: { type: "string", default: "3" },
    },
  });
  const chosen = values.only.split(",");
  const unknown = chosen.find((name) => !(name in parts));
  if (unknown !== undefined) {
    throw new Error(`Cannot run ${unknown}: the parts are ${Object.keys(parts).join(", ")}`);
  }
  return { isQuick: values.quick, chosen, repetitionCount: Number(values.repetitions) };
}

function settingsOf(isQuick: boolean, repetitionCount: number): RunSettings {
  const temporary = new URL(".tmp/", root).pathname;
  Deno.mkdirSync(temporary, { recursive: true });
  return {
    repetitionCount,
    loadMs: isQuick ? 2_000 : 6_000,
    warmUpMs: isQuick ? 1_000 : 2_000,
    loadedKeyCount: isQuick ? 30_000 : 100_000,
    treeKeyCount: isQuick ? 200_000 : 1_000_000,
    manyKeyCount: isQuick ? 100_000 : 1_000_000,
    vacuumKeyCount: isQuick ? 30_000 : 100_000,
    spaceSizeBytes: isQuick ? 100_000_000 : 1_000_000_000,
    expiringKeyCount: isQuick ? 100_000 : 1_000_000,
    directory: Deno.makeTempDirSync({ dir: temporary, prefix: "bench_" }),
    onStep: print,
  };
}

async function versionOf(program: string, argument: string): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command(program, { args: [argument] }).output();
    return /\d+(\.\d+)+/.exec(new TextDecoder().decode(stdout))?.[0];
  } catch {
    return undefined;
  }
}

async function infoOf(settings: RunSettings): Promise<RunInfo> {
  const peers: Record<string, string> = {};
  for (
    const [name, program, argument] of [
      ["etcd", "etcd", "--version"],
      ["Redis", "redis-server", "--version"],
      ["RocksDB", "db_bench", "--version"],
    ]
  ) {
    const version = await versionOf(program, argument);
    if (version !== undefined) peers[name] = version;
  }
  const { directory: _, onStep: __, ...figures } = settings;
  return {
    date: new Date().toISOString(),
    cpu: os.cpus()[0]?.model ?? "unknown",
    cpuCount: os.cpus().length,
    deno: Deno.version.deno,
    peers,
    settings: { ...figures },
  };
}

if (import.meta.main) {
  const { isQuick, chosen, repetitionCount } = readArguments();
  const settings = settingsOf(isQuick, repetitionCount);
  const samples = new Samples();
  try {
    for (const name of chosen) {
      print(`== ${name}`);
      await parts[name](settings, samples);
    }
  } finally {
    Deno.removeSync(settings.directory, { recursive: true });
  }
  const info = await infoOf(settings);
  const report = markdownReport(samples, info);
  Deno.mkdirSync(results, { recursive: true });
  const isWhole = chosen.length === Object.keys(parts).length;
  const name = [isQuick ? "quick" : "full", ...isWhole ? [] : chosen].join("-");
  Deno.writeTextFileSync(new URL(`${name}.md`, results), report);
  Deno.writeTextFileSync(
    new URL(`${name}.json`, results),
    JSON.stringify({ info, samples: samples.all }, null, 2) + "\n",
  );
  print(`\n${report}`);
}
