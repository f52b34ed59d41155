/**
 * `ankylo undelete`: brings back a value that a key had.
 *
 * 1. Without `--to` the key's history is read for what ended it, and for the value before that. A
 *    key that has a value is left alone.
 * 2. The server writes that value once more, as a new commit, on the condition that nothing has
 *    changed since: `If-None-Match: *` where the key was gone, `If-Match` where it had a value. So
 *    whoever writes in between wins, and the verb says so.
 *
 * @module
 */
import type { Command } from "commander";
import type { ApiClient } from "./api_client.ts";
import { CliError } from "./cli_error.ts";
import type { CliIo } from "./cli_io.ts";
import { historyPages, historyPath } from "./history_pages.ts";
import { keyBytes, keyPath } from "./key_argument.ts";
import { printJson } from "./output.ts";
import {
  clientOf,
  duration,
  moment,
  type ServerVerbOptions,
  withExamples,
  withServer,
} from "./verb_options.ts";

interface UndeleteOptions extends ServerVerbOptions {
  readonly keyBase64?: boolean;
  readonly to?: string;
  readonly ttl?: string;
}

/** Adds the verb to a program. */
export function addUndelete(program: Command, io: CliIo): void {
  const command = program
    .command("undelete")
    .description("bring back the value that a key had before it was deleted, or at a version")
    .argument("<key>", "the key, as text")
    .option("--key-base64", "the key is given as base64")
    .option("--to <version>", "the value at this versionstamp or time (RFC 3339)", moment)
    .option("--ttl <duration>", "how long it is to live; for ever unless given", duration);
  withExamples(withServer(command), [
    "undelete user/1",
    "undelete user/1 --to 2026-11-23T08:00:00Z",
    "undelete session/7 --ttl 30m",
  ]);
  command.action((key: string, options: UndeleteOptions) => runUndelete(io, key, options));
}

async function runUndelete(io: CliIo, text: string, options: UndeleteOptions): Promise<void> {
  const key = keyBytes(text, options.keyBase64 === true);
  const client = clientOf(io, options);
  const current = await currentTag(client, key);
  if (current !== undefined && options.to === undefined) {
    throw new CliError(
      "key_exists",
      `Cannot undelete ${JSON.stringify(text)}: it has a value; name a version with --to`,
    );
  }
  const revertTo = options.to ?? await versionBeforeEnd(client, key, text);
  const answer = await client.json(historyPath(key), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "idempotency-key": crypto.randomUUID(),
      ...(current === undefined ? { "if-none-match": "*" } : { "if-match": current }),
    },
    body: JSON.stringify({ revertTo, ttl: options.ttl }),
  });
  if (options.output === "json") return await printJson(io, { ...answer, revertedTo: revertTo });
  await io.write(`${answer.versionstamp}\n`);
}

/** Returns the entity tag of a key's value; undefined where it has none. */
async function currentTag(client: ApiClient, key: Uint8Array): Promise<string | undefined> {
  const response = await client.send(keyPath(key), { method: "HEAD", accepted: [404] });
  return response.ok ? response.headers.get("etag") ?? undefined : undefined;
}

/** Returns the versionstamp of the newest value that a key without one had. */
async function versionBeforeEnd(
  client: ApiClient,
  key: Uint8Array,
  text: string,
): Promise<string> {
  const request = { key, withValues: false };
  for await (const page of historyPages(client, request)) {
    const found = page.versions.find(({ op }) => op === "set");
    if (found !== undefined) return found.versionstamp;
  }
  throw new CliError(
    "no_value",
    `Cannot undelete ${JSON.stringify(text)}: no value of it is kept any more`,
  );
}
