/**
 * `ankylo txn`: one transaction, as the JSON that `POST /v1/txn` takes.
 *
 * @module
 */
import type { Command } from "commander";
import { CliError } from "./cli_error.ts";
import { type CliIo, readInput } from "./cli_io.ts";
import { printJson, printTable, shorten } from "./output.ts";
import { clientOf, type ServerVerbOptions, withExamples, withServer } from "./verb_options.ts";

interface TransactionOptions extends ServerVerbOptions {
  readonly idempotencyKey?: string;
}

/** Adds the verb to a program. */
export function addTransaction(program: Command, io: CliIo): void {
  const command = program
    .command("txn")
    .description("run a transaction: checks, reads and mutations, all or nothing")
    .argument("<file>", "a file with the JSON body, or - for stdin")
    .option("--idempotency-key <key>", "names the transaction, so that a repetition does nothing");
  withExamples(withServer(command), [
    "txn transfer.json",
    `txn - <<< '{"checks":[{"key":"a","versionstamp":null}],` +
    `"mutations":[{"op":"set","key":"a","value":1}]}'`,
  ]);
  command.action((file: string, options: TransactionOptions) => runTransaction(io, file, options));
}

async function runTransaction(
  io: CliIo,
  file: string,
  options: TransactionOptions,
): Promise<void> {
  const body = new Uint8Array(await readInput(io, file));
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (options.idempotencyKey !== undefined) headers["idempotency-key"] = options.idempotencyKey;
  const answer = await clientOf(io, options).json("/v1/txn", {
    method: "POST",
    headers,
    body,
    accepted: [409],
  });
  if (options.output === "json") await printJson(io, answer);
  if (answer.ok !== true) {
    const failed = Array.isArray(answer.failedChecks) ? answer.failedChecks.join(", ") : "";
    throw new CliError(
      String(answer.code ?? "check_failed"),
      failed === ""
        ? String(answer.detail)
        : `Cannot commit: these checks did not hold, counted from 0: ${failed}`,
    );
  }
  if (options.output === "json") return;
  await io.write(`committed ${answer.versionstamp}\n`);
  const reads = answer.reads as (Record<string, unknown> | null)[];
  if (reads.length === 0) return;
  const rows = reads.map((read) =>
    read === null ? ["", "(none)", ""] : [
      String(read.key ?? `base64:${read.keyBase64}`),
      shorten(JSON.stringify(read.value ?? read.valueBase64), 60),
      String(read.versionstamp),
    ]
  );
  await printTable(io, ["read", "value", "versionstamp"], rows);
}
