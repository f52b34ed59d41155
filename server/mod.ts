/**
 * The door of the server: a node with its HTTP face, as an object that starts and stops.
 *
 * Starting: read secrets → open the data folder → listen. Stopping: `/readyz` says 503 and streams
 * end → no new connections, requests in flight finish, those that take longer than `stopTimeout`
 * are cut off → the node is closed.
 *
 * @module
 */
import { assemble, type Assembly, type HostParts } from "./assemble.ts";
import type { ServerConfig } from "./config.ts";
import { formatHostPort, parseHostPort } from "./config_values.ts";
import { readCredentials } from "./credentials.ts";

export { ConfigError, type ConfigErrorCode, readConfig } from "./config.ts";
export type { ConfigSources, ServerConfig, Setting } from "./config.ts";
export type { HostParts } from "./assemble.ts";

/** What a server is made from. */
export interface ServerOptions {
  /** From {@linkcode readConfig}. */
  readonly config: ServerConfig;
  /** What of the host is replaced, for tests. */
  readonly parts?: HostParts;
  /**
   * Is told once of what makes it unsafe to go on, such as a failed sync. Nothing is acknowledged
   * afterwards, and the process should end: the next start recovers what is durable.
   */
  onFatal?(error: unknown): void;
}

/** A node that can be started once and stopped once. */
export interface Server {
  /**
   * Opens the data folder and listens.
   *
   * @throws {Error} with a message of one line where that cannot be done.
   */
  start(): Promise<void>;
  /** Finishes what is in flight and closes the node. Resolves at once where it is not running. */
  stop(): Promise<void>;
  /** The API's URL, with the port that was chosen. @throws {TypeError} before it was started. */
  readonly url: string;
}

/**
 * Returns a node that is not running yet.
 *
 * @example
 * ```ts ignore
 * const config = readConfig({ flags: { dataDir: "./data", listen: "127.0.0.1:0" } });
 * const server = createServer({ config });
 * await server.start();
 * await fetch(`${server.url}/v1/kv/greeting`, { method: "PUT", body: "hello" });
 * await server.stop();
 * ```
 */
export function createServer(options: ServerOptions): Server {
  return new NodeServer(options);
}

class NodeServer implements Server {
  readonly #options: ServerOptions;
  readonly #closing = new AbortController();
  readonly #cutOff = new AbortController();
  #assembly: Assembly | undefined;
  #listener: Deno.HttpServer<Deno.NetAddr> | undefined;
  #isFatal = false;
  #stopping: Promise<void> | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get url(): string {
    if (this.#listener === undefined) throw new TypeError("Cannot tell the URL: not started");
    const { hostname, port } = this.#listener.addr;
    const scheme = this.#options.config.text("tlsCert") === undefined ? "http" : "https";
    return `${scheme}://${formatHostPort({ host: hostname, port })}`;
  }

  async start(): Promise<void> {
    const { config, parts } = this.#options;
    const credentials = readCredentials(config);
    const assembly = await assemble({
      config,
      credentials,
      parts,
      closing: this.#closing.signal,
      onFatal: (error) => this.#fail(error),
    });
    this.#assembly = assembly;
    try {
      this.#listener = this.#listen(assembly, credentials.tls ?? {});
    } catch (error) {
      await this.stop();
      const found = error instanceof Deno.errors.AddrInUse
        ? "the port is in use"
        : error instanceof Error
        ? error.message
        : String(error);
      throw new Error(`Cannot listen on ${config.word("listen")}: ${found}`, { cause: error });
    }
    assembly.logger.log("info", "server_started", { url: this.url, node: config.word("name") });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  #listen(assembly: Assembly, tls: { cert?: string; key?: string }): Deno.HttpServer<Deno.NetAddr> {
    const { config } = this.#options;
    const address = parseHostPort(config.word("listen"));
    if (address === undefined) throw new TypeError(`Cannot read ${config.word("listen")}`);
    return Deno.serve({
      hostname: address.host,
      port: address.port,
      ...tls,
      signal: this.#cutOff.signal,
      // The one line on stdout is printed by whoever runs the process.
      onListen: () => {},
      onError: (error) => {
        assembly.logger.log("error", "handler_failed", { error: String(error) });
        return new Response(null, { status: 500 });
      },
    }, (request) => assembly.handle(request));
  }

  async #stop(): Promise<void> {
    this.#closing.abort();
    const assembly = this.#assembly;
    if (assembly === undefined) return;
    assembly.logger.log("info", "server_stopping");
    await this.#drain(assembly);
    await assembly.close();
    assembly.logger.log("info", "server_stopped");
  }

  /** Waits for requests in flight, and no longer than `stopTimeout`. */
  async #drain(assembly: Assembly): Promise<void> {
    const listener = this.#listener;
    if (listener === undefined) return;
    const timer = assembly.clock.setTimer(this.#options.config.number("stopTimeout"), () => {
      assembly.logger.log("warn", "requests_cut_off");
      this.#cutOff.abort();
    });
    await listener.shutdown();
    await listener.finished;
    timer.cancel();
  }

  #fail(error: unknown): void {
    if (this.#isFatal) return;
    this.#isFatal = true;
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.#assembly?.logger.log("error", "fatal", { error: message });
    this.#options.onFatal?.(error);
  }
}
