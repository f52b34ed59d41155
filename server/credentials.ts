/**
 * The files of the configuration that hold secrets: access tokens, the cluster secret, TLS keys.
 *
 * They are read once, at the start. Nothing of them is ever printed: a refusal names file and line.
 *
 * @module
 */
import { ConfigError, type ServerConfig } from "./config.ts";
import type { AccessToken } from "./context.ts";

/** What a node needs to know its clients and be known by them. */
export interface Credentials {
  /** With none the API is open. */
  readonly tokens: readonly AccessToken[];
  /** Set where the API is served over TLS. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
}

const tokenPattern = /^[\x21-\x7e]{1,512}$/;
const namePattern = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * Reads all files of secrets that the configuration names.
 *
 * @throws {ConfigError} where one cannot be read or holds nothing useful.
 */
export function readCredentials(config: ServerConfig): Credentials {
  const tokens: AccessToken[] = [];
  const token = config.text("accessToken");
  if (token !== undefined) tokens.push({ name: "token", token });
  const tokenPath = config.text("accessTokenFile");
  if (tokenPath !== undefined) {
    tokens.push(...parseTokens(readSecret(config, "accessTokenFile"), tokenPath));
  }
  if (config.text("clusterSecretFile") !== undefined) {
    const secret = readSecret(config, "clusterSecretFile").trim();
    if (secret === "") throw refuse(config, "clusterSecretFile", "it is empty");
  }
  const tls = config.text("tlsCert") === undefined
    ? undefined
    : { cert: readSecret(config, "tlsCert"), key: readSecret(config, "tlsKey") };
  return { tokens, tls };
}

/**
 * Returns the tokens of a file: one a line, `TOKEN` or `NAME:TOKEN`.
 *
 * @throws {ConfigError} where a line is none, a token comes twice, or there is none at all.
 */
export function parseTokens(text: string, path: string): AccessToken[] {
  const tokens: AccessToken[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const colon = line.indexOf(":");
    const name = colon < 0 ? `line${index + 1}` : line.slice(0, colon);
    const token = line.slice(colon + 1);
    const where = `Cannot use line ${index + 1} of ${path} (accessTokenFile)`;
    if (!namePattern.test(name) || !tokenPattern.test(token)) {
      throw new ConfigError("invalid_config", `${where}: it is TOKEN or NAME:TOKEN`);
    }
    if (tokens.some((other) => other.token === token)) {
      throw new ConfigError("invalid_config", `${where}: the token is there already`);
    }
    tokens.push({ name, token });
  }
  if (tokens.length > 0) return tokens;
  throw new ConfigError(
    "invalid_config",
    `Cannot use ${path} (accessTokenFile): there is no token in it`,
  );
}

function readSecret(config: ServerConfig, name: string): string {
  try {
    return Deno.readTextFileSync(config.word(name));
  } catch (error) {
    throw refuse(config, name, error instanceof Error ? error.message : String(error));
  }
}

function refuse(config: ServerConfig, name: string, found: string): ConfigError {
  return new ConfigError(
    "invalid_config",
    `Cannot use ${name}=${config.word(name)} (${config.source(name)}): ` +
      found.replaceAll(/\s+/g, " "),
  );
}
