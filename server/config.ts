/**
 * Reads the configuration of a node: flags over environment over file over defaults.
 *
 * 1. Each field of `config_fields.ts` is looked for in that order; the first source that has it
 *    counts, and is remembered for `serve --print-config` and for refusals.
 * 2. Its text is read and held against its bounds. A field that nobody knows and a value that does
 *    not fit are refused in one line that names field and source.
 * 3. Fields that only make sense together are held against each other: without tokens and a cluster
 *    secret nothing listens beyond loopback.
 *
 * Names in the environment that are no field are left alone: Kubernetes makes up `ANKYLO_PORT` and
 * more for a service called `ankylo`, and listing the environment would need a wider permission.
 *
 * @module
 */
import { type ConfigField, type ConfigValue, environmentNameOf, flagOf } from "./config_field.ts";
import { configFields } from "./config_fields.ts";
import {
  formatDuration,
  formatHostPort,
  formatSize,
  isLoopback,
  parseDuration,
  parseHostPort,
  parseSize,
} from "./config_values.ts";

/** Why a configuration is refused. */
export type ConfigErrorCode = "invalid_config" | "not_implemented";

/** A configuration that cannot be used. The message is one line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** The stable code. */
  readonly code: ConfigErrorCode;

  constructor(code: ConfigErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A field with the value that counts. */
export interface Setting {
  readonly field: ConfigField;
  /** Undefined where nobody set it and it has no default. */
  readonly value: ConfigValue | undefined;
  /** Where the value comes from, for people: `flag --listen`, `default`. */
  readonly source: string;
}

/** Where a configuration comes from. */
export interface ConfigSources {
  /** Values by field name, as the command line or a program gives them. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** Returns a variable of the environment. */
  readonly environment?: (name: string) => string | undefined;
  /** The path of a JSON file, and its text. */
  readonly file?: { readonly path: string; readonly text: string };
}

/** The configuration of a node, by field name. */
export class ServerConfig {
  readonly #settings: ReadonlyMap<string, Setting>;

  constructor(settings: ReadonlyMap<string, Setting>) {
    this.#settings = settings;
  }

  /** All fields with what counts, in the order of the table. */
  get settings(): readonly Setting[] {
    return [...this.#settings.values()];
  }

  /** Returns a field's value as text; undefined where it is not set. */
  text(name: string): string | undefined {
    const { value } = this.#setting(name);
    return value === undefined ? undefined : String(value);
  }

  /** Returns the value of a field that has a default, as text. */
  word(name: string): string {
    return this.text(name) ?? "";
  }

  /** Returns a field's number: milliseconds, bytes or a count. */
  number(name: string): number {
    return Number(this.#setting(name).value);
  }

  /** Tells whether a switch is on. */
  isOn(name: string): boolean {
    return this.#setting(name).value === true;
  }

  /** Returns where a field's value comes from. */
  source(name: string): string {
    return this.#setting(name).source;
  }

  #setting(name: string): Setting {
    const setting = this.#settings.get(name);
    if (setting === undefined) throw new TypeError(`Cannot read the field ${name}: there is none`);
    return setting;
  }
}

/**
 * Reads a configuration.
 *
 * @throws {ConfigError} for the first thing that is wrong, in one line.
 */
export function readConfig(sources: ConfigSources): ServerConfig {
  const flags = sources.flags ?? {};
  const file = sources.file === undefined ? {} : parseFile(sources.file);
  refuseUnknown(flags, () => "flags");
  refuseUnknown(file, () => `file ${sources.file?.path}`);
  const settings = new Map<string, Setting>();
  for (const field of configFields) settings.set(field.name, readField(field, sources, file));
  const config = new ServerConfig(settings);
  refuseExposure(config);
  refuseHalfPairs(config);
  return config;
}

/** Returns a value as it would be written in a file. */
export function formatValue(field: ConfigField, value: ConfigValue | undefined): string {
  if (value === undefined) return "";
  if (field.isSecret) return "***";
  if (typeof value !== "number") return String(value);
  if (field.kind === "duration") return formatDuration(value);
  return field.kind === "size" ? formatSize(value) : String(value);
}

/** Returns what a field takes, for people: `1B to 16MiB`, `none, deflate or zstd`. */
export function formatBounds(field: ConfigField): string {
  if (field.choices !== undefined) {
    return `${field.choices.slice(0, -1).join(", ")} or ${field.choices.at(-1)}`;
  }
  if (field.bounds !== undefined) {
    const [smallest, largest] = field.bounds;
    return `${formatValue(field, smallest)} to ${formatValue(field, largest)}`;
  }
  if (field.kind === "switch") return "true or false";
  return field.kind === "address" ? "HOST:PORT" : "text";
}

function parseFile(file: { path: string; text: string }): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(file.text);
  } catch (error) {
    const found = oneLine(error instanceof Error ? error.message : String(error));
    throw new ConfigError("invalid_config", `Cannot read file ${file.path}: ${found}`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new ConfigError("invalid_config", `Cannot read file ${file.path}: it is no JSON object`);
  }
  return parsed as Record<string, unknown>;
}

function refuseUnknown(given: Readonly<Record<string, unknown>>, source: () => string): void {
  for (const name of Object.keys(given)) {
    if (configFields.some((field) => field.name === name)) continue;
    throw new ConfigError(
      "invalid_config",
      `Cannot take the field ${JSON.stringify(name)} (${source()}): there is no such field`,
    );
  }
}

function readField(
  field: ConfigField,
  sources: ConfigSources,
  file: Readonly<Record<string, unknown>>,
): Setting {
  const found = findField(field, sources, file);
  if (found === undefined) return { field, value: field.default, source: "default" };
  const { raw, source } = found;
  const value = parseValue(field, raw);
  if (value === undefined) {
    const shown = field.isSecret ? "this value" : oneLine(JSON.stringify(raw) ?? String(raw));
    throw new ConfigError(
      "invalid_config",
      `Cannot use ${field.name}=${shown} (${source}): it is ${describe(field)}`,
    );
  }
  if (field.awaits !== undefined && value !== field.default) {
    throw new ConfigError(
      "not_implemented",
      `Cannot use ${field.name}=${value} (${source}): ${field.awaits} are not implemented yet`
        .replace("log shipping are", "log shipping is"),
    );
  }
  return { field, value, source };
}

function findField(
  field: ConfigField,
  sources: ConfigSources,
  file: Readonly<Record<string, unknown>>,
): { raw: unknown; source: string } | undefined {
  const flag = sources.flags?.[field.name];
  if (flag !== undefined) return { raw: flag, source: `flag ${flagOf(field)}` };
  const variable = environmentNameOf(field);
  const text = sources.environment?.(variable);
  if (text !== undefined) return { raw: text, source: `environment ${variable}` };
  if (!Object.hasOwn(file, field.name)) return undefined;
  return { raw: file[field.name], source: `file ${sources.file?.path}` };
}

function describe(field: ConfigField): string {
  switch (field.kind) {
    case "duration":
      return `a duration such as 500ms, 10m or 7d, ${formatBounds(field)}`;
    case "size":
      return `a size such as 4096, 64MiB or 1GB, ${formatBounds(field)}`;
    case "integer":
      return `a whole number, ${formatBounds(field)}`;
    case "text":
      return field.pattern === undefined
        ? "a text that is not empty"
        : `text that matches ${field.pattern.source}`;
    default:
      return formatBounds(field);
  }
}

function parseValue(field: ConfigField, raw: unknown): ConfigValue | undefined {
  if (field.kind === "switch") return parseSwitch(raw);
  if (field.kind === "integer" || field.kind === "duration" || field.kind === "size") {
    const value = parseNumber(field, raw);
    if (value === undefined || field.bounds === undefined) return value;
    const isWithin = value >= field.bounds[0] && value <= field.bounds[1];
    return isWithin ? value : undefined;
  }
  if (typeof raw !== "string" || raw === "") return undefined;
  if (field.choices !== undefined && !field.choices.includes(raw)) return undefined;
  if (field.pattern !== undefined && !field.pattern.test(raw)) return undefined;
  if (field.kind !== "address") return raw;
  const address = parseHostPort(raw);
  return address === undefined ? undefined : formatHostPort(address);
}

function parseNumber(field: ConfigField, raw: unknown): number | undefined {
  // A bare number is a count or bytes. For a duration it would leave the unit to be guessed.
  if (typeof raw === "number") {
    return Number.isSafeInteger(raw) && raw >= 0 && field.kind !== "duration" ? raw : undefined;
  }
  if (typeof raw !== "string") return undefined;
  if (field.kind === "duration") return parseDuration(raw);
  if (field.kind === "size") return parseSize(raw);
  return /^\d{1,15}$/.test(raw) ? Number(raw) : undefined;
}

function parseSwitch(raw: unknown): boolean | undefined {
  if (typeof raw === "boolean") return raw;
  return raw === "true" ? true : raw === "false" ? false : undefined;
}

function refuseExposure(config: ServerConfig): void {
  const address = parseHostPort(config.word("listen"));
  if (address === undefined || isLoopback(address.host)) return;
  const missing: string[] = [];
  const hasToken = config.text("accessToken") ?? config.text("accessTokenFile");
  if (hasToken === undefined) missing.push("--access-token-file (or --access-token)");
  if (config.text("clusterSecretFile") === undefined) missing.push("--cluster-secret-file");
  if (missing.length === 0) return;
  throw new ConfigError(
    "invalid_config",
    `Cannot use listen=${config.word("listen")} (${config.source("listen")}): ` +
      `beyond loopback ${missing.join(" and ")} must be given`,
  );
}

function refuseHalfPairs(config: ServerConfig): void {
  for (const [given, missing] of [["tlsCert", "tlsKey"], ["tlsKey", "tlsCert"]] as const) {
    if (config.text(given) === undefined || config.text(missing) !== undefined) continue;
    throw new ConfigError(
      "invalid_config",
      `Cannot use ${given}=${config.text(given)} (${config.source(given)}): ${missing} is missing`,
    );
  }
  const segmentSizeBytes = config.number("logSegmentSize");
  if (segmentSizeBytes % 16 !== 0) {
    throw new ConfigError(
      "invalid_config",
      `Cannot use logSegmentSize=${segmentSizeBytes} (${config.source("logSegmentSize")}): ` +
        "it is a multiple of 16",
    );
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}
