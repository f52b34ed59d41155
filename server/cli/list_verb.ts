/**
 * `ankylo list`: the keys of a range, with their values.
 *
 * @module
 */
import type { Command } from "commander";
import type { CliIo } from "./cli_io.ts";
import { keyBytes, queryOf } from "./key_argument.ts";
import { streamLines } from "./line_stream.ts";
import { printJson, printTable, shorten } from "./output.ts";
import {
  atHelp,
  clientOf,
  moment,
  type ServerVerbOptions,
  wholeNumber,
  withExamples,
  withServer,
} from "./verb_options.ts";

interface ListOptions extends ServerVerbOptions {
  readonly keyBase64?: boolean;
  readonly start?: string;
  readonly end?: string;
  readonly at?: string;
  readonly limit?: number;
  readonly reverse?: boolean;
  readonly keysOnly?: boolean;
  readonly count?: boolean;
  readonly all?: boolean;
}

interface ListedEntry {
  readonly key?: string;
  readonly keyBase64?: string;
  readonly value?: unknown;
  readonly valueBase64?: string;
  readonly contentType?: string;
  readonly versionstamp: string;
  readonly expiresAt?: string | null;
}

const encoder = new TextEncoder();

/** Adds the verb to a program. */
export function addList(program: Command, io: CliIo): void {
  const command = program
    .command("list")
    .description("list keys in byte order")
    .argument("[prefix]", "only keys that begin so")
    .option("--key-base64", "prefix, start and end are given as base64")
    .option("--start <key>", "from this key on")
    .option("--end <key>", "up to before this key")
    .option("--at <version>", atHelp, moment)
    .option("-l, --limit <n>", "at most so many, up to 10,000 (default 100)", wholeNumber(1))
    .option("-r, --reverse", "from the end to the start")
    .option("-k, --keys-only", "without values")
    .option("-c, --count", "only how many there are")
    .option("-a, --all", "all of them, as NDJSON, under one snapshot");
  withExamples(withServer(command), [
    "list city/AT/ --limit 10",
    "list --start a --end m --keys-only",
    "list city/ --count",
    "list city/ --all > cities.ndjson",
    "list city/ --count --at 2026-11-23T08:00:00Z",
  ]);
  command.action((prefix: string | undefined, options: ListOptions) =>
    runList(io, prefix, options)
  );
}

async function runList(
  io: CliIo,
  prefix: string | undefined,
  options: ListOptions,
): Promise<void> {
  const client = clientOf(io, options);
  const bytes = (text: string | undefined) =>
    text === undefined ? undefined : keyBytes(text, options.keyBase64 === true);
  const range = {
    prefix: bytes(prefix),
    start: bytes(options.start),
    end: bytes(options.end),
    at: options.at,
  };
  if (options.count === true) {
    const answer = await client.json(`/v1/kv${queryOf({ ...range, count_only: "true" })}`);
    if (options.output === "json") return await printJson(io, answer);
    return await io.write(`${answer.count}\n`);
  }
  const query = queryOf({
    ...range,
    limit: options.limit === undefined ? undefined : String(options.limit),
    reverse: options.reverse === true ? "true" : undefined,
    keys_only: options.keysOnly === true ? "true" : undefined,
  });
  if (options.all === true) {
    for await (const line of streamLines(client, `/v1/kv${query}`)) {
      await io.write(encoder.encode(line + "\n"));
    }
    return;
  }
  const page = await client.json(`/v1/kv${query}`);
  if (options.output === "json") return await printJson(io, page);
  const entries = page.entries as ListedEntry[];
  const columns = columnsOf(entries, options.keysOnly === true);
  await printTable(
    io,
    columns.map(([name]) => name),
    entries.map((entry) => columns.map(([, cell]) => cell(entry))),
  );
  if (page.cursor !== null) io.writeError("there is more: use --limit, --start or --all\n");
}

type Column = readonly [name: string, cell: (entry: ListedEntry) => string];

/** When a value expires is shown where one of them does. */
function columnsOf(entries: readonly ListedEntry[], isKeysOnly: boolean): readonly Column[] {
  const columns: Column[] = [["key", ({ key, keyBase64 }) => key ?? `base64:${keyBase64}`]];
  if (!isKeysOnly) {
    columns.push(["value", shownValue], ["type", ({ contentType }) => contentType ?? ""]);
  }
  columns.push(["versionstamp", ({ versionstamp }) => versionstamp]);
  if (entries.some(({ expiresAt }) => typeof expiresAt === "string")) {
    columns.push(["expires", ({ expiresAt }) => expiresAt ?? ""]);
  }
  return columns;
}

function shownValue(entry: ListedEntry): string {
  if (entry.valueBase64 !== undefined) return shorten(`base64:${entry.valueBase64}`, 60);
  return shorten(
    typeof entry.value === "string" ? entry.value : JSON.stringify(entry.value ?? ""),
    60,
  );
}
