/**
 * A real server in a process of its own, with the permissions that `deno task start` gives it.
 *
 * The command is read from deno.json, so that a permission missing there fails here. Only the data
 * folder and the port differ. Deno itself is started, never npx, whose signals do not arrive.
 *
 * @module
 */
const root = new URL("../../", import.meta.url);

/** How a server is started. */
export interface ServerProcessOptions {
  /** Where its data lies. */
  readonly dataDirectory: string;
  /** More arguments of `ankylo serve`. */
  readonly arguments?: readonly string[];
}

/** A running server. */
export class ServerProcess {
  /** The base of its URLs, without a slash at the end. */
  readonly url: string;
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<Deno.CommandStatus>;
  readonly #lines: string[];

  private constructor(url: string, started: Started) {
    this.url = url;
    this.#child = started.child;
    this.#ended = started.ended;
    this.#lines = started.lines;
  }

  /** The process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** The port it listens on. */
  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Resolves once it answers requests. @throws where it ends before that. */
  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const started = launch(options);
    const first = await Promise.race([started.ready, started.ended]);
    if (typeof first === "string") return new ServerProcess(first, started);
    throw new Error(
      `Cannot start the server: it exited ${first.code}\n${started.lines.join("\n")}`,
    );
  }

  /** The last lines it printed. */
  get output(): string {
    return this.#lines.join("\n");
  }

  /** Ends it as `kill -9` does, and resolves when it is gone. Harmless where it is gone already. */
  async kill(): Promise<void> {
    this.#signal("SIGKILL");
    await this.#ended;
  }

  /** Ends it as an operator does. Resolves with its exit code. */
  async stop(): Promise<number> {
    this.#signal("SIGTERM");
    return (await this.#ended).code;
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      // It has ended by itself.
    }
  }
}

interface Started {
  readonly child: Deno.ChildProcess;
  /** Resolves with the URL, once it is printed. */
  readonly ready: Promise<string>;
  /** Resolves once it has ended and all output has been read. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly lines: string[];
}

const lineCountKept = 200;

function launch(options: ServerProcessOptions): Started {
  // Not through `node:child_process`, which forgets the exit code of what it has sent a signal to.
  const child = new Deno.Command(Deno.execPath(), {
    args: startArguments(options),
    cwd: root,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
  }).spawn();
  const lines: string[] = [];
  const ready = Promise.withResolvers<string>();
  const onLine = (line: string): void => {
    lines.push(line);
    if (lines.length > lineCountKept) lines.shift();
    const url = /^ready.*?(https?:\/\/[^\s"/]+)/.exec(line)?.[1];
    if (url !== undefined) ready.resolve(url);
  };
  const ended = Promise.all([
    child.status,
    readLines(child.stdout, onLine),
    readLines(child.stderr, onLine),
  ]).then(([status]) => status);
  return { child, ready: ready.promise, ended, lines };
}

async function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(onLine);
  }
  if (rest !== "") onLine(rest);
}

/** The start task's own arguments, with another folder and any free port. */
function startArguments(options: ServerProcessOptions): string[] {
  const settings: unknown = JSON.parse(Deno.readTextFileSync(new URL("deno.json", root)));
  const { start } = (settings as { tasks: { start: string | { command: string } } }).tasks;
  const command = typeof start === "string" ? start : start.command;
  const words = command.slice(command.lastIndexOf("deno run ") + "deno ".length).split(/\s+/)
    .map((word) => word.replaceAll("./data", options.dataDirectory));
  // As the task does: a permission for a folder is one for what stands there.
  Deno.mkdirSync(options.dataDirectory, { recursive: true });
  const serve = words.indexOf("serve");
  const upToServe = serve < 0 ? [...words, "serve"] : words.slice(0, serve + 1);
  return [
    ...upToServe,
    "--data-dir",
    options.dataDirectory,
    "--listen",
    "127.0.0.1:0",
    ...options.arguments ?? [],
  ];
}
