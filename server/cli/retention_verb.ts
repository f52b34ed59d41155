/**
 * `ankylo retention`: for how long, or how many, old versions are kept under which prefix.
 *
 * @module
 */
import type { Command } from "commander";
import { parseDurationMs } from "../wire/durations.ts";
import { usageError } from "./cli_error.ts";
import type { CliIo } from "./cli_io.ts";
import { keyBytes, queryOf } from "./key_argument.ts";
import { printJson, printTable } from "./output.ts";
import { clientOf, type ServerVerbOptions, withExamples, withServer } from "./verb_options.ts";

interface RetentionOptions extends ServerVerbOptions {
  readonly keyBase64?: boolean;
}

interface Rule {
  readonly prefix?: string;
  readonly prefixBase64?: string;
  readonly retention?: string;
  readonly versions?: number;
  readonly oldest?: string;
  readonly oldestTime?: string;
}

const route = "/v1/admin/retention";
const base64Help = "the prefix is given as base64";

/** Adds the verb to a program. */
export function addRetention(program: Command, io: CliIo): void {
  const command = program
    .command("retention")
    .description("show or change how long old versions are kept, by prefix")
    .helpCommand(false);
  withExamples(command, ["retention", "retention set audit/ 30d", "retention remove audit/"]);
  const list = command
    .command("list", { isDefault: true })
    .description("show the node's retention and the rules of prefixes");
  withExamples(withServer(list), ["retention", "retention list --output json"]);
  list.action((options: RetentionOptions) => runList(io, options));

  const set = command
    .command("set")
    .description("keep the versions of the keys under a prefix by a rule of their own")
    .argument("<prefix>", "the keys that begin so; the longest prefix of a key counts")
    .argument("<term>", "a duration such as 1m, or versions=N for the newest N of each key")
    .option("--key-base64", base64Help);
  withExamples(withServer(set), ["retention set audit/ 30d", "retention set counter/ versions=5"]);
  set.action((prefix: string, term: string, options: RetentionOptions) =>
    runSet(io, { prefix, term }, options)
  );

  const remove = command
    .command("remove")
    .description("take the rule of a prefix back")
    .argument("<prefix>", "as it was set")
    .option("--key-base64", base64Help);
  withExamples(withServer(remove), ["retention remove audit/"]);
  remove.action((prefix: string, options: RetentionOptions) => runRemove(io, prefix, options));
}

/** Returns the path of a prefix's rule. */
function rulePath(prefix: string, options: RetentionOptions): string {
  return route + queryOf({ prefix: keyBytes(prefix, options.keyBase64 === true) });
}

async function runList(io: CliIo, options: RetentionOptions): Promise<void> {
  const answer = await clientOf(io, options).json(route);
  if (options.output === "json") return await printJson(io, answer);
  const { rules = [], ...node } = answer as Rule & { rules?: readonly Rule[] };
  await printTable(
    io,
    ["keys", "kept", "oldest", "oldest time"],
    [
      ...rules.map((rule) => rowOf(rule.prefix ?? `base64:${rule.prefixBase64}`, rule)),
      rowOf(rules.length === 0 ? "all keys" : "all other keys", node),
    ],
  );
}

function rowOf(keys: string, { retention, versions, oldest, oldestTime }: Rule): string[] {
  const kept = versions === undefined ? retention ?? "" : `${versions} versions`;
  return [keys, kept, oldest ?? "", oldestTime ?? ""];
}

async function runSet(
  io: CliIo,
  given: { readonly prefix: string; readonly term: string },
  options: RetentionOptions,
): Promise<void> {
  const answer = await clientOf(io, options).json(rulePath(given.prefix, options), {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(termOf(given.term)),
  });
  if (options.output === "json") return await printJson(io, answer);
  await io.write("set\n");
}

/** Returns the body that a term stands for. @throws {CliError} where it is none. */
function termOf(term: string): { retention: string } | { versions: number } {
  const count = /^versions=([1-9]\d{0,8})$/.exec(term)?.[1];
  if (count !== undefined) return { versions: Number(count) };
  if (parseDurationMs(term) !== undefined) return { retention: term };
  throw usageError(`Cannot keep versions for ${term}: it is a duration such as 1m, or versions=5`);
}

async function runRemove(io: CliIo, prefix: string, options: RetentionOptions): Promise<void> {
  const answer = await clientOf(io, options).json(rulePath(prefix, options), { method: "DELETE" });
  if (options.output === "json") return await printJson(io, answer);
  await io.write(answer.deleted === false ? "there was no such rule\n" : "removed\n");
}
