/**
 * A real server in a process of its own, on a real disk.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

const entryPath = fileURLToPath(new URL("./serve_entry.ts", import.meta.url));

/** How a server is started. */
export interface ServerProcessOptions {
  readonly dataDirectory: string;
  /** Fields of the configuration, by name. */
  readonly flags?: Readonly<Record<string, string>>;
  /** The sync of the log that fails, counted from 1; none where it is left out. */
  readonly failingSync?: number;
}

/** How a process ended. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** A running server. */
export class ServerProcess {
  readonly url: string;
  /** Resolves when the process has ended. */
  readonly ended: Promise<ProcessEnd>;
  readonly #child: Deno.ChildProcess;
  readonly #output: Output;

  private constructor(url: string, child: Deno.ChildProcess, output: Output) {
    this.url = url;
    this.#child = child;
    this.#output = output;
    this.ended = endOf(child, output);
  }

  /** Starts a server and waits until it says that it is ready. */
  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const child = spawn(options);
    const output = new Output(child);
    const url = await output.ready;
    if (url !== undefined) return new ServerProcess(url, child, output);
    const { exitCode } = await endOf(child, output);
    throw new Error(`Cannot start the server: exit code ${exitCode}\n${output.errorText}`);
  }

  /** Starts a server and ends it (`kill -9`) after a while, ready or not. */
  static async startAndKill(options: ServerProcessOptions, afterMs: number): Promise<void> {
    const child = spawn(options);
    const output = new Output(child);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    child.kill("SIGKILL");
    await endOf(child, output);
  }

  /** What the process wrote to its standard error. */
  get errorText(): string {
    return this.#output.errorText;
  }

  /** Ends the process at once (`kill -9`), and waits until it is gone. May be called again. */
  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.ended;
  }

  /** Asks the process to stop, and waits until it has. */
  async stop(): Promise<ProcessEnd> {
    this.#child.kill("SIGTERM");
    return await this.ended;
  }

  /** Puts a value. Rejects where the connection breaks. */
  async put(key: string, value: string): Promise<number> {
    const response = await fetch(`${this.url}/v1/kv/${key}`, { method: "PUT", body: value });
    await response.arrayBuffer();
    return response.status;
  }

  /** Returns a value, undefined where there is none. */
  async get(key: string): Promise<string | undefined> {
    const response = await fetch(`${this.url}/v1/kv/${key}`);
    const text = await response.text();
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw new Error(`GET ${key} answered ${response.status}: ${text}`);
    return text;
  }
}

function spawn(options: ServerProcessOptions): Deno.ChildProcess {
  const flags = { dataDir: options.dataDirectory, listen: "127.0.0.1:0", ...options.flags };
  const setting = JSON.stringify({ flags, failingSync: options.failingSync ?? null });
  // Not node:child_process: here it reports the signal that was sent, not how the process ended.
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", entryPath, setting],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Reads what a process writes, to the end, so that it never waits for a reader. */
class Output {
  /** The URL that it is ready at; undefined where it ended without. */
  readonly ready: Promise<string | undefined>;
  /** Resolves when nothing more comes. */
  readonly finished: Promise<unknown>;
  errorText = "";

  constructor(child: Deno.ChildProcess) {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.ready = promise;
    const standard = this.#readStandard(child.stdout, resolve);
    this.finished = Promise.all([standard, this.#readErrors(child.stderr)]);
  }

  async #readStandard(
    stream: ReadableStream<Uint8Array>,
    onReady: (url: string | undefined) => void,
  ): Promise<void> {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true });
      const url = /^ready (\S+)$/m.exec(text)?.[1];
      if (url !== undefined) onReady(url);
    }
    onReady(undefined);
  }

  async #readErrors(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.errorText += decoder.decode(chunk, { stream: true });
  }
}

async function endOf(child: Deno.ChildProcess, output: Output): Promise<ProcessEnd> {
  const { code, signal } = await child.status;
  await output.finished;
  return { exitCode: code, signal };
}
