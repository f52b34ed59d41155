/**
 * `ankylo status`: what a node says of itself.
 *
 * @module
 */
import type { Command } from "commander";
import type { CliIo } from "./cli_io.ts";
import { flatten, printJson, printPairs } from "./output.ts";
import { clientOf, type ServerVerbOptions, withExamples, withServer } from "./verb_options.ts";

/** Adds the verb to a program. */
export function addStatus(program: Command, io: CliIo): void {
  const command = program.command("status").description("show what a node says of itself");
  withExamples(withServer(command), ["status", "status --url http://10.0.0.1:4512 --output json"]);
  command.action(async (options: ServerVerbOptions) => {
    const status = await clientOf(io, options).json("/v1/status");
    if (options.output === "json") return await printJson(io, status);
    await printPairs(io, flatten(status));
  });
}
