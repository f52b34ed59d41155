/**
 * `ankylo history`: the versions of a key that are still kept.
 *
 * @module
 */
import type { Command } from "commander";
import type { CliIo } from "./cli_io.ts";
import { type HistoryPage, historyPages, type HistoryVersion } from "./history_pages.ts";
import { keyBytes } from "./key_argument.ts";
import { printJson, printTable, shorten } from "./output.ts";
import {
  clientOf,
  type ServerVerbOptions,
  wholeNumber,
  withExamples,
  withServer,
} from "./verb_options.ts";

interface HistoryOptions extends ServerVerbOptions {
  readonly keyBase64?: boolean;
  readonly limit: number;
  readonly values?: boolean;
}

const limitDefault = 100;

/** Adds the verb to a program. */
export function addHistory(program: Command, io: CliIo): void {
  const command = program
    .command("history")
    .description("list the versions of a key that are still kept, newest first")
    .argument("<key>", "the key, as text")
    .option("--key-base64", "the key is given as base64")
    .option("-l, --limit <n>", "at most so many", wholeNumber(1), limitDefault)
    .option("-v, --values", "with the values");
  withExamples(withServer(command), [
    "history user/1",
    "history user/1 --values --limit 5",
    "history user/1 --output json",
  ]);
  command.action((key: string, options: HistoryOptions) => runHistory(io, key, options));
}

async function runHistory(io: CliIo, text: string, options: HistoryOptions): Promise<void> {
  const key = keyBytes(text, options.keyBase64 === true);
  const withValues = options.values === true;
  const versions: HistoryVersion[] = [];
  let last: HistoryPage | undefined;
  for await (
    const page of historyPages(clientOf(io, options), { key, withValues, limit: options.limit })
  ) {
    versions.push(...page.versions);
    last = page;
  }
  if (options.output === "json") return await printJson(io, { ...last, versions });
  const head = ["versionstamp", "time", "op", "type", "expires", "by"];
  if (withValues) head.splice(3, 0, "value");
  await printTable(io, head, versions.map((version) => rowOf(version, withValues)));
  if (last === undefined) return;
  if (last.cursor !== null) io.writeError("there are more: use --limit\n");
  else io.writeError(`what is older than ${last.oldestTime} may be gone\n`);
}

function rowOf(version: HistoryVersion, withValues: boolean): string[] {
  const { versionstamp, time, op, contentType, expiresAt, node, token } = version;
  const by = [node, token].filter((name) => name !== undefined && name !== "").join("/");
  const row = [versionstamp, time, op, contentType ?? "", expiresAt ?? "", by];
  if (withValues) row.splice(3, 0, shownValue(version));
  return row;
}

function shownValue({ value, valueBase64 }: HistoryVersion): string {
  if (valueBase64 !== undefined) return shorten(`base64:${valueBase64}`, 60);
  if (value === undefined) return "";
  return shorten(typeof value === "string" ? value : JSON.stringify(value), 60);
}
