/**
 * `ankylo serve`: runs a node until a signal asks it to stop.
 *
 * 1. Flags, environment and file become a configuration; what is wrong with it ends in code 2.
 * 2. The node starts; where the folder or the port cannot be had, the code is 1.
 * 3. Signals are listened for, then the one line `ready URL` goes to stdout.
 * 4. The first SIGTERM or SIGINT stops the node and ends in 0, the second one ends at once. What
 *    makes it unsafe to go on ends in 70 at once: nothing may be acknowledged after it.
 *
 * @module
 */
import { type Command, Option } from "commander";
import {
  ConfigError,
  formatBounds,
  formatValue,
  readConfig,
  type ServerConfig,
} from "../config.ts";
import { type ConfigField, environmentNameOf, flagOf } from "../config_field.ts";
import { configFields } from "../config_fields.ts";
import { createServer, type HostParts } from "../mod.ts";
import { CliError, exitCodes, oneLine } from "./cli_error.ts";
import type { CliIo } from "./cli_io.ts";
import { type OutputForm, printJson, printTable } from "./output.ts";
import { withExamples, withOutput } from "./verb_options.ts";

/** How a node is run. */
export interface RunOptions {
  readonly config: ServerConfig;
  readonly io: CliIo;
  /** What of the host is replaced, for tests. */
  readonly parts?: HostParts;
}

/** Adds the verb to a program. */
export function addServe(program: Command, io: CliIo): void {
  const command = program.command("serve").description("run a node");
  for (const field of configFields) command.addOption(optionOf(field));
  command.option("--config <FILE.json>", "a file with any of these fields (or ANKYLO_CONFIG)");
  command.option("--print-config", "print the configuration that counts, and exit");
  withOutput(command);
  withExamples(command, [
    "serve",
    "serve --data-dir /var/lib/ankylo --listen 127.0.0.1:4512 --retention 1h",
    "serve --config ankylo.json --print-config",
  ]);
  command.action(async (options: Record<string, unknown>) => {
    const config = readServeConfig(options, io);
    if (options.printConfig === true) {
      return await printConfig(config, io, options.output === "json" ? "json" : "table");
    }
    const exitCode = await runServer({ config, io });
    if (exitCode !== exitCodes.done) {
      throw new CliError("stopped", "Cannot go on: the node failed", { exitCode });
    }
  });
}

function optionOf(field: ConfigField): Option {
  const value = field.kind === "switch" ? `[${field.shape}]` : `<${field.shape}>`;
  const byDefault = field.default === undefined
    ? ""
    : ` (default ${formatValue(field, field.default)})`;
  const later = field.awaits === undefined ? "" : "; not implemented yet";
  return new Option(`${flagOf(field)} ${value}`, `${field.description}${byDefault}${later}`);
}

/**
 * Reads the configuration that a command line asks for.
 *
 * @throws {ConfigError} where it cannot be used.
 */
export function readServeConfig(options: Readonly<Record<string, unknown>>, io: CliIo) {
  const flags: Record<string, unknown> = {};
  for (const { name } of configFields) {
    if (options[name] !== undefined) flags[name] = options[name];
  }
  const given = options.config ?? io.environment("ANKYLO_CONFIG");
  const path = given === undefined ? undefined : String(given);
  const file = path === undefined ? undefined : { path, text: readFile(path) };
  return readConfig({ flags, environment: io.environment, file });
}

function readFile(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    const found = oneLine(error instanceof Error ? error.message : String(error));
    throw new ConfigError("invalid_config", `Cannot read the file ${path} (--config): ${found}`);
  }
}

/**
 * Runs a node until it is asked to stop.
 *
 * @returns What the process is to exit with.
 * @throws {CliError} where it cannot start.
 */
export async function runServer(options: RunOptions): Promise<number> {
  const { config, io, parts } = options;
  const stopAsked = Promise.withResolvers<void>();
  const onFatal = (error: unknown) => {
    io.writeError(`ankylo: fatal: ${describeError(error)}\n`);
    Deno.exit(exitCodes.fatal);
  };
  const onRejection = (event: PromiseRejectionEvent) => onFatal(event.reason);
  const onError = (event: ErrorEvent) => onFatal(event.error);
  globalThis.addEventListener("unhandledrejection", onRejection);
  globalThis.addEventListener("error", onError);
  let signalCount = 0;
  const onSignal = () => {
    if (++signalCount > 1) Deno.exit(exitCodes.interrupted);
    stopAsked.resolve();
  };
  const signals: readonly Deno.Signal[] = ["SIGTERM", "SIGINT"];
  const server = createServer({ config, parts, onFatal });
  try {
    for (const signal of signals) Deno.addSignalListener(signal, onSignal);
    try {
      await server.start();
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      throw new CliError("cannot_start", describeError(error), { cause: error });
    }
    await io.write(`ready ${server.url}\n`);
    await stopAsked.promise;
    await server.stop();
    return exitCodes.done;
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, onSignal);
    globalThis.removeEventListener("unhandledrejection", onRejection);
    globalThis.removeEventListener("error", onError);
  }
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return oneLine(String(error));
  return oneLine(error.message === "" ? error.name : error.message);
}

/** Prints each field with its value and where that comes from. */
async function printConfig(config: ServerConfig, io: CliIo, output: OutputForm): Promise<void> {
  const rows = config.settings.map(({ field, value, source }) => ({
    name: field.name,
    value: value === undefined ? null : formatValue(field, value),
    source,
  }));
  if (output === "json") return await printJson(io, { settings: rows });
  await printTable(
    io,
    ["field", "value", "source"],
    rows.map(({ name, value, source }) => [name, value ?? "", source]),
  );
}

/** Prints the table of fields, as `help config` does. */
export async function printConfigHelp(io: CliIo): Promise<void> {
  await printTable(
    io,
    ["flag and file field", "environment", "default", "takes", "description"],
    configFields.map((field) => [
      `${flagOf(field)} (${field.name})`,
      environmentNameOf(field),
      formatValue({ ...field, isSecret: false }, field.default),
      field.awaits === undefined ? formatBounds(field) : "not implemented yet",
      field.description,
    ]),
  );
}
