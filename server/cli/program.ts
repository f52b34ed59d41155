/**
 * The command line as a whole: which verbs there are, how help and refusals read, what the process
 * exits with.
 *
 * Commander parses and prints help; it never ends the process by itself. Whatever fails ends in one
 * line on stderr, `ankylo: CODE: MESSAGE`.
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import { ConfigError } from "../config.ts";
import { productVersion } from "../version.ts";
import { addBench } from "./bench_verb.ts";
import { addCheck } from "./check_verb.ts";
import { CliError, exitCodes, oneLine } from "./cli_error.ts";
import type { CliIo } from "./cli_io.ts";
import { addCompletions } from "./completions.ts";
import { addDelete } from "./delete_verb.ts";
import { addExport } from "./export_verb.ts";
import { addHistory } from "./history_verb.ts";
import { addImport } from "./import_verb.ts";
import { addKeyVerbs } from "./key_verbs.ts";
import { addLaterVerbs } from "./later_verbs.ts";
import { addList } from "./list_verb.ts";
import { addRetention } from "./retention_verb.ts";
import { addServe, printConfigHelp } from "./serve_verb.ts";
import { addStatus } from "./status_verb.ts";
import { addTransaction } from "./transaction_verb.ts";
import { addUndelete } from "./undelete_verb.ts";
import { addVacuum } from "./vacuum_verb.ts";
import { addWatch } from "./watch_verb.ts";

/** Runs a command line and returns what the process is to exit with. Never rejects. */
export async function runCli(args: readonly string[], io: CliIo): Promise<number> {
  // Commander prints synchronously; what it says is written once it is done.
  let printed = "";
  const program = buildProgram(io, (text) => printed += text);
  try {
    try {
      await program.parseAsync([...args], { from: "user" });
    } finally {
      if (printed !== "") await io.write(printed);
    }
    return exitCodes.done;
  } catch (error) {
    const { code, message, exitCode } = failureOf(error);
    if (message !== "") io.writeError(`ankylo: ${code}: ${message}\n`);
    return exitCode;
  }
}

/** Returns the program with all its verbs. `print` receives help and version. */
export function buildProgram(io: CliIo, print: (text: string) => void): Command {
  const program = new Command("ankylo")
    .description("Ankylo, a distributed key-value database server")
    .version(productVersion, "-V, --version", "print the version")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: print,
      // What commander says of a mistake is in its error, which runCli prints.
      writeErr: () => {},
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
      // Commander would read variables of the environment that may not be read.
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError(false);
  addServe(program, io);
  addStatus(program, io);
  addKeyVerbs(program, io);
  addDelete(program, io);
  addList(program, io);
  addTransaction(program, io);
  addHistory(program, io);
  addUndelete(program, io);
  addWatch(program, io);
  addImport(program, io);
  addExport(program, io);
  addBench(program, io);
  addRetention(program, io);
  addVacuum(program, io);
  addCheck(program, io);
  addCompletions(program, io);
  addLaterVerbs(program);
  addHelp(program, io);
  program.action(() => program.help());
  return program;
}

function addHelp(program: Command, io: CliIo): void {
  program
    .command("help")
    .description("print help: of all verbs, of one, or of every field of the configuration")
    .argument("[verb]", "a verb, or config")
    .action(async (verb: string | undefined) => {
      if (verb === "config") return await printConfigHelp(io);
      if (verb === undefined) return await io.write(program.helpInformation());
      const found = program.commands.find((command) => command.name() === verb);
      if (found === undefined) {
        throw new CliError("invalid_usage", `Cannot help with ${verb}: there is no such verb`, {
          exitCode: exitCodes.usage,
        });
      }
      found.outputHelp();
    });
}

function failureOf(error: unknown): { code: string; message: string; exitCode: number } {
  if (error instanceof CliError) {
    return { code: error.code, message: oneLine(error.message), exitCode: error.exitCode };
  }
  if (error instanceof ConfigError) {
    return { code: error.code, message: oneLine(error.message), exitCode: exitCodes.usage };
  }
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return { code: error.code, message: "", exitCode: exitCodes.done };
    const message = oneLine(error.message.replace(/^error: /, ""));
    return { code: "invalid_usage", message, exitCode: exitCodes.usage };
  }
  if (error instanceof Deno.errors.BrokenPipe) {
    // Whoever read our output has seen enough, as with `| head`.
    return { code: "output_closed", message: "", exitCode: exitCodes.failed };
  }
  const message = oneLine(error instanceof Error ? error.message : String(error));
  return { code: codeOf(error), message, exitCode: exitCodes.failed };
}

function codeOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "file_not_found";
  if (error instanceof Deno.errors.NotCapable) return "not_permitted";
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "failed";
}
