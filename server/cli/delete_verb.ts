/**
 * `ankylo del`: one key, or all keys with a prefix.
 *
 * The server removes at most 10,000 keys of a range in one step. A larger range goes in pieces, each
 * atomic: the piece's last key is looked up, and the range up to it is removed.
 *
 * @module
 */
import type { Command } from "commander";
import { rangeDeleteKeyCountMax } from "../wire/limits.ts";
import type { ApiClient } from "./api_client.ts";
import { CliError, usageError } from "./cli_error.ts";
import type { CliIo } from "./cli_io.ts";
import { keyBehind, keyBytes, keyPath, queryOf } from "./key_argument.ts";
import { quoted } from "./key_verbs.ts";
import { grouped, printJson } from "./output.ts";
import { Progress } from "./progress.ts";
import { clientOf, type ServerVerbOptions, withExamples, withServer } from "./verb_options.ts";

interface DeleteOptions extends ServerVerbOptions {
  readonly keyBase64?: boolean;
  readonly prefix?: string;
  readonly ifMatch?: string;
  readonly idempotencyKey?: string;
  readonly yes?: boolean;
}

/** Adds the verb to a program. */
export function addDelete(program: Command, io: CliIo): void {
  const command = program
    .command("del")
    .description("delete a key, or all keys with a prefix")
    .argument("[key]", "the key, as text")
    .option("--key-base64", "key or prefix is given as base64")
    .option("-p, --prefix <prefix>", "delete all keys that begin so, 10,000 in a step")
    .option("--if-match <versionstamp>", "only if this is the key's newest version")
    .option("--idempotency-key <key>", "names the write, so that a repetition does nothing")
    .option("-y, --yes", "do not ask before a prefix is deleted");
  withExamples(withServer(command), ["del greeting", "del --prefix city/AT/ --yes"]);
  command.action(async (key: string | undefined, options: DeleteOptions) => {
    if ((key === undefined) === (options.prefix === undefined)) {
      throw usageError("Cannot delete: give a key or --prefix, one of them");
    }
    if (key !== undefined) return await deleteKey(io, key, options);
    if (options.ifMatch !== undefined || options.idempotencyKey !== undefined) {
      throw usageError("Cannot delete a prefix with --if-match or --idempotency-key");
    }
    await deletePrefix(io, options.prefix ?? "", options);
  });
}

async function deleteKey(io: CliIo, key: string, options: DeleteOptions): Promise<void> {
  const headers: Record<string, string> = {};
  if (options.ifMatch !== undefined) headers["if-match"] = quoted(options.ifMatch);
  if (options.idempotencyKey !== undefined) headers["idempotency-key"] = options.idempotencyKey;
  const path = keyPath(keyBytes(key, options.keyBase64 === true));
  const answer = await clientOf(io, options).json(path, { method: "DELETE", headers });
  if (options.output === "json") return await printJson(io, answer);
  await io.write(answer.deleted === true ? "deleted\n" : "there was no such key\n");
}

async function deletePrefix(io: CliIo, text: string, options: DeleteOptions): Promise<void> {
  const client = clientOf(io, options);
  const prefix = keyBytes(text, options.keyBase64 === true);
  const { count } = await client.json(`/v1/kv${queryOf({ prefix, count_only: "true" })}`);
  const total = Number(count);
  if (options.yes !== true && total > 0) confirmDeletion(io, total);
  const progress = new Progress(io, { unit: "keys", total });
  let deletedCount = 0;
  let versionstamp: unknown = null;
  try {
    // Each step starts where the one before ended, so that it does not walk over what that deleted.
    let start: Uint8Array | undefined;
    for (;;) {
      const end = await endOfStep(client, { prefix, start });
      const query = queryOf({ prefix, start, end });
      const answer = await client.json(`/v1/kv${query}`, {
        method: "DELETE",
        headers: { "idempotency-key": crypto.randomUUID() },
      });
      deletedCount += Number(answer.deleted);
      versionstamp = answer.versionstamp;
      progress.update(deletedCount, Math.max(total, deletedCount));
      if (end === undefined) break;
      start = end;
    }
  } finally {
    progress.stop();
  }
  if (options.output === "json") {
    return await printJson(io, { deleted: deletedCount, versionstamp });
  }
  await io.write(`deleted ${grouped(deletedCount)} keys\n`);
}

function confirmDeletion(io: CliIo, count: number): void {
  if (!io.isInputTerminal) {
    throw usageError(`Cannot ask whether to delete ${count} keys: say so with --yes`);
  }
  if (!io.confirm(`Delete ${grouped(count)} keys?`)) {
    throw new CliError("cancelled", "Cannot delete: it was not confirmed");
  }
}

/** Returns where the next step ends; undefined where what is left fits into one. */
async function endOfStep(
  client: ApiClient,
  left: { readonly prefix: Uint8Array; readonly start: Uint8Array | undefined },
): Promise<Uint8Array | undefined> {
  const limit = String(rangeDeleteKeyCountMax);
  const page = await client.json(`/v1/kv${queryOf({ ...left, keys_only: "true", limit })}`);
  if (page.cursor === null) return undefined;
  const entries = page.entries as { key?: string; keyBase64?: string }[];
  const last = entries.at(-1);
  if (last === undefined) return undefined;
  return keyBehind(keyBytes(last.key ?? last.keyBase64 ?? "", last.key === undefined));
}
