/**
 * `ankylo get` and `ankylo put`: one key.
 *
 * @module
 */
import type { Command } from "commander";
import { latin1Decode } from "../../storage/env/mod.ts";
import { entryJson } from "../wire/entries.ts";
import { parseTime } from "../wire/times.ts";
import { parseVersionstamp } from "../wire/versionstamps.ts";
import { usageError } from "./cli_error.ts";
import { type CliIo, readInput } from "./cli_io.ts";
import { keyBytes, keyPath, queryOf } from "./key_argument.ts";
import { printJson } from "./output.ts";
import {
  atHelp,
  clientOf,
  duration,
  moment,
  type ServerVerbOptions,
  withExamples,
  withServer,
} from "./verb_options.ts";

interface KeyOptions extends ServerVerbOptions {
  readonly keyBase64?: boolean;
}

interface GetOptions extends KeyOptions {
  readonly at?: string;
}

interface PutOptions extends KeyOptions {
  readonly file?: string;
  readonly contentType?: string;
  readonly ttl?: string;
  readonly ifMatch?: string;
  readonly ifAbsent?: boolean;
  readonly idempotencyKey?: string;
}

/** Adds the verbs to a program. */
export function addKeyVerbs(program: Command, io: CliIo): void {
  const get = program
    .command("get")
    .description("print the value of a key, as the bytes it is")
    .argument("<key>", "the key, as text")
    .option("--key-base64", "the key is given as base64")
    .option("--at <version>", atHelp, moment);
  withExamples(withServer(get), [
    "get greeting",
    "get city/AT/Wien --output json",
    "get greeting --at 2026-11-23T08:00:00Z",
  ]);
  get.action((key: string, options: GetOptions) => runGet(io, key, options));

  const put = program
    .command("put")
    .description("set a key; the value is given, in a file, or comes in on stdin")
    .argument("<key>", "the key, as text")
    .argument("[value]", "the value, as text; - for stdin")
    .option("--key-base64", "the key is given as base64")
    .option("-f, --file <path>", "the value is the content of a file")
    .option("-t, --content-type <type>", "the value's media type (default text/plain for text)")
    .option("--ttl <duration>", "how long the value lives; for ever unless given", duration)
    .option("--if-match <versionstamp>", "only if this is the key's newest version")
    .option("--if-absent", "only if there is no such key")
    .option("--idempotency-key <key>", "names the write, so that a repetition does nothing");
  withExamples(withServer(put), [
    "put greeting hello",
    `put user/1 '{"name":"Ada"}' --content-type application/json`,
    "put photo --file photo.png --content-type image/png --if-absent",
    "put session/7 active --ttl 30m",
  ]);
  put.action((key: string, value: string | undefined, options: PutOptions) =>
    runPut(io, { key, value }, options)
  );
}

async function runGet(io: CliIo, text: string, options: GetOptions): Promise<void> {
  const key = keyBytes(text, options.keyBase64 === true);
  const path = keyPath(key) + queryOf({ at: options.at });
  const response = await clientOf(io, options).send(path);
  const bytes = await response.bytes();
  if (options.output === "table") return await io.write(bytes);
  const versionstamp = response.headers.get("etag")?.replaceAll('"', "") ?? "";
  await io.write(
    entryJson(latin1Decode(key, 0, key.length), {
      bytes,
      contentType: response.headers.get("content-type") ?? "application/octet-stream",
      version: parseVersionstamp(versionstamp) ?? 0,
      expiresAt: parseTime(response.headers.get("ankylo-expires-at") ?? ""),
    }) + "\n",
  );
}

async function runPut(
  io: CliIo,
  given: { readonly key: string; readonly value: string | undefined },
  options: PutOptions,
): Promise<void> {
  if (given.value !== undefined && options.file !== undefined) {
    throw usageError("Cannot put both a value and --file: one of them is the value");
  }
  if (options.ifMatch !== undefined && options.ifAbsent === true) {
    throw usageError("Cannot put with --if-match and --if-absent: they exclude each other");
  }
  const path = keyPath(keyBytes(given.key, options.keyBase64 === true)) +
    queryOf({ ttl: options.ttl });
  const isText = options.file === undefined && given.value !== undefined && given.value !== "-";
  const body = isText
    ? new TextEncoder().encode(given.value)
    : await readInput(io, options.file ?? "-");
  const headers: Record<string, string> = {
    "content-type": options.contentType ?? (isText ? "text/plain" : "application/octet-stream"),
  };
  if (options.ifMatch !== undefined) headers["if-match"] = quoted(options.ifMatch);
  if (options.ifAbsent === true) headers["if-none-match"] = "*";
  if (options.idempotencyKey !== undefined) headers["idempotency-key"] = options.idempotencyKey;
  const client = clientOf(io, options);
  const answer = await client.json(path, { method: "PUT", headers, body: new Uint8Array(body) });
  if (options.output === "json") return await printJson(io, answer);
  await io.write(`${answer.versionstamp}\n`);
}

/** Returns an entity tag: `*` stays, a bare versionstamp is quoted. */
export function quoted(versionstamp: string): string {
  return versionstamp === "*" || versionstamp.startsWith('"') ? versionstamp : `"${versionstamp}"`;
}
