/**
 * `ankylo check`: reads every byte of a data folder, offline, or of a running node.
 *
 * Damage is an answer, printed file by file; the exit code is 1 then.
 *
 * @module
 */
import type { Command } from "commander";
import { checkDataFolder } from "../../sharding/mod.ts";
import { DenoDisk, SystemClock } from "../../storage/env/mod.ts";
import { CliError, usageError } from "./cli_error.ts";
import type { CliIo } from "./cli_io.ts";
import { runJob } from "./job_follower.ts";
import { flatten, printJson, printPairs, printTable } from "./output.ts";
import { Progress } from "./progress.ts";
import { clientOf, type ServerVerbOptions, withExamples, withServer } from "./verb_options.ts";

interface CheckOptions extends ServerVerbOptions {
  readonly dataDir?: string;
}

interface Report {
  readonly isSound: boolean;
  readonly problems: readonly { readonly file: string; readonly message: string }[];
}

/** Adds the verb to a program. */
export function addCheck(program: Command, io: CliIo): void {
  const command = program
    .command("check")
    .description("read every byte of a data folder that no node has open, or of a running node")
    .option("--data-dir <dir>", "the folder to check offline (default ./data without --url)");
  withExamples(withServer(command), [
    "check --data-dir ./data",
    "check --url http://127.0.0.1:4512",
  ]);
  command.action(async (options: CheckOptions) => {
    if (options.dataDir !== undefined && options.url !== undefined) {
      throw usageError("Cannot check both --data-dir and --url: give one of them");
    }
    const report = options.url === undefined
      ? await checkOffline(io, options.dataDir ?? "./data")
      : await checkLive(io, options);
    await printReport(io, report, options);
  });
}

async function checkOffline(io: CliIo, dataDirectory: string): Promise<Report> {
  const progress = new Progress(io, { unit: "bytes", total: 0 });
  try {
    return await checkDataFolder({
      disk: new DenoDisk(),
      clock: new SystemClock(),
      dataDirectory,
      onProgress: ({ checkedBytes, totalBytes }) => progress.update(checkedBytes, totalBytes),
    });
  } finally {
    progress.stop();
  }
}

async function checkLive(io: CliIo, options: CheckOptions): Promise<Report> {
  const work = { path: "/v1/admin/check", name: "check" };
  return await runJob(io, clientOf(io, options), work) as unknown as Report;
}

async function printReport(io: CliIo, report: Report, options: CheckOptions): Promise<void> {
  const { problems, ...counts } = report;
  if (options.output === "json") await printJson(io, report);
  else {
    await printPairs(io, flatten(counts));
    if (problems.length > 0) {
      await printTable(
        io,
        ["file", "problem"],
        problems.map((found) => [found.file, found.message]),
      );
    }
  }
  if (report.isSound && problems.length === 0) return;
  throw new CliError(
    "damage_found",
    `Cannot call it sound: ${problems.length} problems were found`,
  );
}
