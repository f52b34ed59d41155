/**
 * `ankylo vacuum`: drops old versions now, tells what they take, and lets go of what keeps them.
 *
 * @module
 */
import type { Command } from "commander";
import { CliError, usageError } from "./cli_error.ts";
import type { CliIo } from "./cli_io.ts";
import { runJob } from "./job_follower.ts";
import { printJson, printPairs } from "./output.ts";
import { type HolderView, printHolders, printReport, resultPairs } from "./vacuum_report.ts";
import {
  clientOf,
  type ServerVerbOptions,
  size,
  withExamples,
  withServer,
} from "./verb_options.ts";

interface VacuumOptions extends ServerVerbOptions {
  readonly keyBase64?: boolean;
  readonly prefix?: string;
  readonly report?: boolean;
  readonly release?: string;
  readonly holders?: boolean;
  readonly ioLimit?: number;
}

const route = "/v1/admin/vacuum";
const holdersRoute = "/v1/admin/holders";

/** Adds the verb to a program. */
export function addVacuum(program: Command, io: CliIo): void {
  const command = program
    .command("vacuum")
    .description("drop old versions now, or tell what they take and what keeps them")
    .option("-p, --prefix <prefix>", "only of keys that begin so")
    .option("--key-base64", "the prefix is given as base64")
    .option("--io-limit <size>", "what it may read and write in a second", size)
    .option("--report", "change nothing: tell what is live, dead and held, by level and by prefix")
    .option("--holders", "change nothing: tell what holds the watermark back")
    .option("--release <id>", "end what holds the watermark back, by its id");
  withExamples(withServer(command), [
    "vacuum",
    "vacuum --prefix session/ --io-limit 16MiB",
    "vacuum --report",
    "vacuum --holders",
    "vacuum --release 42",
  ]);
  command.action((options: VacuumOptions) => runVacuum(io, options));
}

async function runVacuum(io: CliIo, options: VacuumOptions): Promise<void> {
  const { prefix, report, release, holders, ioLimit } = options;
  const actions = [report, holders, release].filter((given) => given !== undefined);
  if (actions.length > 1) {
    throw usageError("Cannot vacuum: --report, --holders and --release exclude each other");
  }
  if (ioLimit !== undefined && actions.length > 0) {
    throw usageError("Cannot take --io-limit: nothing is dropped here");
  }
  if (prefix !== undefined && (holders === true || release !== undefined)) {
    throw usageError("Cannot take --prefix: holders hold versions, not keys");
  }
  if (holders === true) return await showHolders(io, options);
  if (release !== undefined) return await releaseHolder(io, release, options);
  const client = clientOf(io, options);
  const keys = options.keyBase64 === true ? { prefixBase64: prefix } : { prefix };
  if (report === true) {
    const body = { ...keys, report: true };
    const found = await runJob(io, client, { path: route, name: "report", body });
    // What holds versions back now matters more than what did when the walk began.
    const { holders } = await client.json(holdersRoute);
    const shown = { ...found, holders: holders as readonly HolderView[] };
    return options.output === "json" ? await printJson(io, shown) : await printReport(io, shown);
  }
  const body = { ...keys, ioBytesPerSecond: ioLimit };
  const result = await runJob(io, client, { path: route, name: "vacuum", body });
  if (options.output === "json") return await printJson(io, result);
  await printPairs(io, resultPairs(result));
}

async function showHolders(io: CliIo, options: VacuumOptions): Promise<void> {
  const answer = await clientOf(io, options).json(holdersRoute);
  if (options.output === "json") return await printJson(io, answer);
  await printHolders(io, (answer.holders ?? []) as HolderView[]);
  await io.write(`watermark ${answer.watermark} (${answer.watermarkTime})\n`);
}

async function releaseHolder(io: CliIo, id: string, options: VacuumOptions): Promise<void> {
  const answer = await clientOf(io, options).json(route, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ release: id }),
  });
  if (answer.released === false) {
    throw new CliError("not_found", `Cannot release ${id}: nothing is held under this id`);
  }
  if (options.output === "json") return await printJson(io, answer);
  await io.write("released\n");
}
