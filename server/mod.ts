/**
 * The door of the server: a node with its HTTP face, as an object that starts and stops.
 *
 * Starting: read secrets → open the data folder → listen. Stopping: `/readyz` says 503 and streams
 * end → no new connections, requests in flight finish → the node is closed. What takes longer than
 * `stopTimeout`, and answers that nobody reads, are not waited for: they end with the process.
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

// How long a stop waits for clients to read what they have been answered.
const readMsMax = 2_000;

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
 * ```ts
 * const dataDir = await Deno.makeTempDir();
 * const server = createServer({
 *   config: readConfig({ flags: { dataDir, listen: "127.0.0.1:0", logLevel: "error" } }),
 * });
 * await server.start();
 * const put = await fetch(`${server.url}/v1/kv/greeting`, { method: "PUT", body: "hello" });
 * console.log(await put.json());
 * await server.stop();
 * await Deno.remove(dataDir, { recursive: true });
 * ```
 */
export function createServer(options: ServerOptions): Server {
  return new NodeServer(options);
}

class NodeServer implements Server {
  readonly #options: ServerOptions;
  readonly #closing = new AbortController();
  #assembly: Assembly | undefined;
  #listener: Deno.HttpServer<Deno.NetAddr> | undefined;
  #inWorkCount = 0;
  /** Is called after each answer. */
  #onAnswered: () => void = () => {};
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
      // The one line on stdout is printed by whoever runs the process.
      onListen: () => {},
      onError: (error) => {
        assembly.logger.log("error", "handler_failed", { error: String(error) });
        return new Response(null, { status: 500 });
      },
    }, (request) => this.#handle(assembly, request));
  }

  #handle(assembly: Assembly, request: Request): Promise<Response> {
    this.#inWorkCount++;
    return Promise.resolve(assembly.handle(request)).finally(() => {
      this.#inWorkCount--;
      this.#onAnswered();
    });
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

  /**
   * Waits for requests in flight, no longer than `stopTimeout`; once all have been answered, only a
   * moment longer for those who read their answers. A connection cannot be cut off once the host
   * has been asked to shut down, and need not be: nothing is written any more.
   */
  async #drain(assembly: Assembly): Promise<void> {
    const listener = this.#listener;
    if (listener === undefined) return;
    const { clock } = assembly;
    const cut = Promise.withResolvers<boolean>();
    const cutOff = () => cut.resolve(true);
    const timers = [clock.setTimer(this.#options.config.number("stopTimeout"), cutOff)];
    this.#onAnswered = () => {
      if (this.#inWorkCount === 0) timers.push(clock.setTimer(readMsMax, cutOff));
    };
    this.#onAnswered();
    const finished = listener.shutdown().then(() => false);
    if (await Promise.race([finished, cut.promise])) {
      assembly.logger.log("warn", "requests_cut_off", { inWork: this.#inWorkCount });
    }
    this.#onAnswered = () => {};
    for (const timer of timers) timer.cancel();
  }

  #fail(error: unknown): void {
    if (this.#isFatal) return;
    this.#isFatal = true;
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.#assembly?.logger.log("error", "fatal", { error: message });
    this.#options.onFatal?.(error);
  }
}
