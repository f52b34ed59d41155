/**
 * `ankylo export`: all entries of a range as NDJSON, under one snapshot.
 *
 * A file gets its name only when it is whole: until then it is called `<name>.partial`.
 *
 * @module
 */
import type { Command } from "commander";
import type { ApiClient } from "./api_client.ts";
import { type CliIo, givenPath } from "./cli_io.ts";
import { keyBytes, queryOf } from "./key_argument.ts";
import { streamLines } from "./line_stream.ts";
import { grouped } from "./output.ts";
import { Progress } from "./progress.ts";
import {
  atHelp,
  clientOf,
  moment,
  type ServerVerbOptions,
  withExamples,
  withServer,
} from "./verb_options.ts";

interface ExportOptions extends ServerVerbOptions {
  readonly keyBase64?: boolean;
  readonly file?: string;
  readonly at?: string;
}

const encoder = new TextEncoder();
const pieceLengthMax = 262_144;

/** Adds the verb to a program. */
export function addExport(program: Command, io: CliIo): void {
  const command = program
    .command("export")
    .description("write all entries of a range as NDJSON, under one snapshot")
    .argument("[prefix]", "only keys that begin so")
    .option("--key-base64", "the prefix is given as base64")
    .option("--at <version>", atHelp, moment)
    .option("-f, --file <path>", "write to a file instead of stdout");
  withExamples(withServer(command), [
    "export city/ --file cities.ndjson",
    "export > all.ndjson",
    "export --at 2026-11-23T08:00:00Z > yesterday.ndjson",
  ]);
  command.action((prefix: string | undefined, options: ExportOptions) =>
    runExport(io, prefix, options)
  );
}

async function runExport(
  io: CliIo,
  text: string | undefined,
  options: ExportOptions,
): Promise<void> {
  const client = clientOf(io, options);
  const prefix = text === undefined ? undefined : keyBytes(text, options.keyBase64 === true);
  const range = { prefix, at: options.at };
  const { count } = await client.json(`/v1/kv${queryOf({ ...range, count_only: "true" })}`);
  const progress = new Progress(io, { unit: "entries", total: Number(count) });
  const source = { client, path: `/v1/kv${queryOf({ ...range, exact: "true" })}`, progress };
  let entryCount: number;
  try {
    entryCount = options.file === undefined
      ? await copyEntries(source, (chunk) => io.write(chunk))
      : await writeFile(source, givenPath(io, options.file));
  } finally {
    progress.stop();
  }
  io.writeError(`exported ${grouped(entryCount)} entries\n`);
}

interface Source {
  readonly client: ApiClient;
  readonly path: string;
  readonly progress: Progress;
}

async function writeFile(source: Source, path: string): Promise<number> {
  const partial = `${path}.partial`;
  let entryCount: number;
  {
    using file = await Deno.open(partial, { write: true, create: true, truncate: true });
    entryCount = await copyEntries(source, async (chunk) => {
      for (let written = 0; written < chunk.length;) {
        written += await file.write(chunk.subarray(written));
      }
    });
    await file.sync();
  }
  await Deno.rename(partial, path);
  return entryCount;
}

async function copyEntries(
  source: Source,
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<number> {
  let entryCount = 0;
  let piece = "";
  for await (const line of streamLines(source.client, source.path)) {
    entryCount++;
    piece += line + "\n";
    if (piece.length < pieceLengthMax) continue;
    await write(encoder.encode(piece));
    piece = "";
    source.progress.update(entryCount);
  }
  await write(encoder.encode(piece));
  source.progress.update(entryCount);
  return entryCount;
}
