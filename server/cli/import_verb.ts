/**
 * `ankylo import`: writes the entries of an NDJSON file, such as `export` makes.
 *
 * 1. Lines are gathered into batches, by count and by bytes.
 * 2. Several batches are under way at once. Each has an `Idempotency-Key`, so that sending it again
 *    after a broken connection or a refusal for overload does nothing twice.
 * 3. What the server refuses is told by line number. Where the import must give up, it says how
 *    many lines from the start are certainly done: `--skip-lines` goes on from there.
 * 4. What has expired since it was exported is left out and counted; what expires later keeps the
 *    time that it has left.
 *
 * @module
 */
import type { Command } from "commander";
import { SystemClock } from "../../storage/env/mod.ts";
import { batchOperationCountMax } from "../wire/limits.ts";
import { CliError, oneLine } from "./cli_error.ts";
import { type CliIo, givenPath } from "./cli_io.ts";
import { importBatches, LinesDone } from "./import_batches.ts";
import { grouped, printJson } from "./output.ts";
import { Progress } from "./progress.ts";
import type { LineFailure } from "./import_line.ts";
import { ImportSender } from "./import_sender.ts";
import {
  clientOf,
  type ServerVerbOptions,
  wholeNumber,
  withExamples,
  withServer,
} from "./verb_options.ts";

interface ImportOptions extends ServerVerbOptions {
  readonly batchSize: number;
  readonly concurrency: number;
  readonly skipLines: number;
}

const failuresShownMax = 20;

/** Adds the verb to a program. */
export function addImport(program: Command, io: CliIo): void {
  const command = program
    .command("import")
    .description("write the entries of an NDJSON file, such as export makes")
    .argument("<file>", "the file, or - for stdin")
    .option(
      "--batch-size <n>",
      "lines in one request",
      wholeNumber(1, batchOperationCountMax),
      1_000,
    )
    .option(
      "--concurrency <n>",
      "requests under way at once; 1 where a key comes twice and the last must win",
      wholeNumber(1, 64),
      4,
    )
    .option("--skip-lines <n>", "lines at the start to leave out", wholeNumber(0), 0);
  withExamples(withServer(command), [
    "import cities.ndjson",
    "export --url http://old:4512 | ankylo import - --url http://new:4512",
  ]);
  command.action((file: string, options: ImportOptions) => runImport(io, file, options));
}

async function runImport(io: CliIo, path: string, options: ImportOptions): Promise<void> {
  const sender = new ImportSender(clientOf(io, options));
  const source = await openSource(io, path);
  const progress = new Progress(io, { unit: "bytes", total: source.sizeBytes });
  const batches = importBatches(source.stream, { ...options, clock: new SystemClock() });
  const linesDone = new LinesDone(options.skipLines);
  const failures: LineFailure[] = [];
  let importedCount = 0;
  let failedCount = 0;
  let expiredCount = 0;
  let fatal: unknown;
  const noteFailures = (found: readonly LineFailure[]) => {
    failedCount += found.length;
    failures.push(...found.slice(0, failuresShownMax - failures.length));
  };
  const work = async () => {
    while (fatal === undefined) {
      const { value: batch, done } = await batches.next();
      if (done) return;
      noteFailures(batch.refused);
      const found = await sender.send(batch);
      noteFailures(found);
      importedCount += batch.lines.length - found.length;
      expiredCount += batch.expiredCount;
      linesDone.add(batch);
      progress.update(linesDone.byteCount, Math.max(source.sizeBytes, linesDone.byteCount));
    }
  };
  const workers = Array.from(
    { length: options.concurrency },
    () =>
      work().catch((error: unknown) => {
        fatal ??= error;
      }),
  );
  await Promise.all(workers);
  progress.stop();
  if (fatal !== undefined) await batches.return(undefined);
  for (const { line, reason } of failures) io.writeError(`line ${line}: ${reason}\n`);
  await printCounts(io, { importedCount, failedCount, expiredCount }, options);
  if (fatal !== undefined) throw abandoned(fatal, linesDone.lineCount);
  if (failedCount > 0) {
    throw new CliError("import_failed", `Cannot import ${failedCount} of the lines`);
  }
}

async function openSource(
  io: CliIo,
  path: string,
): Promise<{ stream: ReadableStream<Uint8Array>; sizeBytes: number }> {
  if (path === "-") return { stream: io.stdin, sizeBytes: 0 };
  const file = await Deno.open(givenPath(io, path));
  const { size } = await file.stat();
  return { stream: file.readable, sizeBytes: size };
}

interface ImportCounts {
  readonly importedCount: number;
  readonly failedCount: number;
  readonly expiredCount: number;
}

async function printCounts(
  io: CliIo,
  counts: ImportCounts,
  options: ImportOptions,
): Promise<void> {
  const { importedCount, failedCount, expiredCount } = counts;
  if (options.output === "json") {
    return await printJson(io, {
      imported: importedCount,
      failed: failedCount,
      expired: expiredCount,
    });
  }
  const expired = expiredCount === 0 ? "" : `, left out ${grouped(expiredCount)} that had expired`;
  await io.write(`imported ${grouped(importedCount)} entries${expired}\n`);
}

function abandoned(error: unknown, lineCount: number): CliError {
  const code = error instanceof CliError ? error.code : "import_failed";
  const found = oneLine(error instanceof Error ? error.message : String(error));
  return new CliError(code, `${found}; go on with --skip-lines ${lineCount}`, { cause: error });
}
