/**
 * What verbs that talk to a server have in common: address, token, form of the output.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { parseSize } from "../config_values.ts";
import { parseDurationMs } from "../wire/durations.ts";
import { parseMoment } from "../wire/times.ts";
import { ApiClient } from "./api_client.ts";
import type { CliIo } from "./cli_io.ts";
import type { OutputForm } from "./output.ts";

/** Where the server is unless somebody says otherwise. */
export const defaultUrl = "http://127.0.0.1:4512";

/** The options of every verb that talks to a server. */
export interface ServerVerbOptions {
  readonly url?: string;
  readonly token?: string;
  readonly output: OutputForm;
}

/** Adds `--output`. */
export function withOutput(command: Command): Command {
  return command.addOption(
    new Option("-o, --output <form>", "how to print").choices(["table", "json"]).default("table"),
  );
}

/** Adds `--url`, `--token` and `--output`. */
export function withServer(command: Command): Command {
  return withOutput(
    command
      .option("--url <url>", `the server, or several with commas (default ${defaultUrl})`)
      .option("--token <token>", "the access token (or ANKYLO_TOKEN)"),
  );
}

/** Returns a client for the server that the options and the environment name. */
export function clientOf(io: CliIo, options: ServerVerbOptions): ApiClient {
  return new ApiClient({
    url: options.url ?? io.environment("ANKYLO_URL") ?? defaultUrl,
    token: options.token ?? io.environment("ANKYLO_TOKEN"),
  });
}

/** Adds examples at the end of a verb's help. */
export function withExamples(command: Command, examples: readonly string[]): Command {
  const lines = examples.map((example) => `  $ ankylo ${example}`).join("\n");
  return command.addHelpText("after", `\nExamples:\n${lines}`);
}

/** Reads a whole number of at least `smallest`. */
export function wholeNumber(
  smallest: number,
  largest = Number.MAX_SAFE_INTEGER,
): (text: string) => number {
  return (text: string): number => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= smallest && value <= largest) return value;
    throw new InvalidArgumentError(`It is a whole number, ${smallest} to ${largest}`);
  };
}

/** Takes a duration such as `500ms`, `30s` or `7d`, as the text that it is. */
export function duration(text: string): string {
  if (parseDurationMs(text) !== undefined) return text;
  throw new InvalidArgumentError("It is a duration such as 500ms, 30s, 10m, 2h or 7d");
}

/** Takes a versionstamp or an RFC 3339 time, as the text that it is. */
export function moment(text: string): string {
  if (parseMoment(text) !== undefined) return text;
  throw new InvalidArgumentError("It is a versionstamp, or a time such as 2026-11-23T08:00:00Z");
}

/** Reads a size such as `16MiB`. */
export function size(text: string): number {
  const valueBytes = parseSize(text);
  if (valueBytes !== undefined) return valueBytes;
  throw new InvalidArgumentError("It is a size such as 65536, 16MiB or 1GB");
}

/** The help of `--at`. */
export const atHelp = "as it was at this versionstamp or time (RFC 3339), while that is kept";
