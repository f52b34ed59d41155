/**
 * The process: the command line of this process's arguments, and its exit code.
 *
 * @module
 */
import { processIo } from "./cli/cli_io.ts";
import { runCli } from "./cli/program.ts";

if (import.meta.main) Deno.exit(await runCli(Deno.args, processIo()));
