/**
 * Runs verbs in this process against a node on a temporary folder.
 *
 * @module
 */
import { silentLogger } from "../../../storage/env/mod.ts";
import type { CliIo } from "../../../server/cli/cli_io.ts";
import { runCli } from "../../../server/cli/program.ts";
import { createServer, readConfig, type Server } from "../../../server/mod.ts";

/** What a verb came to. */
export interface CliOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly bytes: Uint8Array;
  readonly stderr: string;
}

/** What a verb is given beside its arguments. */
export interface GivenIo {
  readonly stdin?: string | Uint8Array<ArrayBuffer>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly isTerminal?: boolean;
  readonly answer?: boolean;
}

/** Returns a terminal that keeps what is written to it. */
export function fakeIo(given: GivenIo = {}): { io: CliIo; outcome(exitCode: number): CliOutcome } {
  const written: Uint8Array<ArrayBuffer>[] = [];
  let stderr = "";
  const isTerminal = given.isTerminal === true;
  const io: CliIo = {
    environment: (name) => given.environment?.[name],
    stdin: new Blob([given.stdin ?? ""]).stream(),
    write: (chunk) => {
      const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
      written.push(new Uint8Array(bytes));
      return Promise.resolve();
    },
    writeError: (text) => {
      stderr += text;
    },
    progressStream: {
      isTTY: true,
      columns: 80,
      write: (text: string) => {
        stderr += text;
        return true;
      },
    },
    isInputTerminal: isTerminal,
    isOutputTerminal: isTerminal,
    isErrorTerminal: isTerminal,
    confirm: () => given.answer === true,
  };
  const outcome = (exitCode: number) => {
    let position = 0;
    const bytes = new Uint8Array(written.reduce((sum, piece) => sum + piece.length, 0));
    for (const piece of written) {
      bytes.set(piece, position);
      position += piece.length;
    }
    return { exitCode, stdout: new TextDecoder().decode(bytes), bytes, stderr };
  };
  return { io, outcome };
}

/** Runs a command line to its end. */
export async function cli(args: readonly string[], given: GivenIo = {}): Promise<CliOutcome> {
  const { io, outcome } = fakeIo(given);
  return outcome(await runCli(args, io));
}

/** Runs a verb against the node of the test. */
export type RunVerb = (args: readonly string[], given?: GivenIo) => Promise<CliOutcome>;

/** Starts a node on an empty folder, and ends and removes both after the test. */
export async function withNode(
  test: (run: RunVerb, server: Server, folder: string) => Promise<void>,
  flags: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "ankylo_cli_" });
  const config = readConfig({
    flags: { dataDir: `${folder}/data`, listen: "127.0.0.1:0", ...smallNode, ...flags },
  });
  const server = createServer({ config, parts: { logger: silentLogger } });
  try {
    await server.start();
    await test(
      (args, given) => cli([...args, "--url", server.url], given),
      server,
      folder,
    );
  } finally {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Settings that make a node start fast. */
export const smallNode: Readonly<Record<string, string>> = {
  logSegmentSize: "32MiB",
  stopTimeout: "2s",
};

/** A request that a stand-in for a server was sent. */
export interface SentRequest {
  readonly method: string;
  /** Path and query as they came. */
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

/** Runs verbs against a server that answers as the test says. */
export async function withStub(
  answer: (request: SentRequest) => Response,
  test: (run: RunVerb, sent: SentRequest[]) => Promise<void>,
): Promise<void> {
  const sent: SentRequest[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      const { method, headers } = request;
      sent.push({ method, headers, path: pathname + search, body: await request.text() });
      return answer(sent[sent.length - 1]);
    },
  );
  try {
    const url = `http://127.0.0.1:${server.addr.port}`;
    await test((args, given) => cli([...args, "--url", url], given), sent);
  } finally {
    await server.shutdown();
  }
}
