/**
 * The terminal as a verb sees it, so that tests can run verbs without a process.
 *
 * @module
 */
import process from "node:process";
import { resolve } from "node:path";

/** A stream that a progress bar is drawn on. */
export interface TerminalStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
}

/** What a verb reads and writes. */
export interface CliIo {
  /** Returns a variable of the environment; undefined also where it must not be read. */
  environment(name: string): string | undefined;
  /** What comes in on stdin. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** Writes to stdout. */
  write(chunk: string | Uint8Array): Promise<void>;
  /** Writes to stderr. */
  writeError(text: string): void;
  /** Where progress is drawn. */
  readonly progressStream: TerminalStream;
  readonly isInputTerminal: boolean;
  readonly isOutputTerminal: boolean;
  readonly isErrorTerminal: boolean;
  /** Asks a question that is answered with yes or no. */
  confirm(question: string): boolean;
}

const encoder = new TextEncoder();

/** Returns the terminal of this process. */
export function processIo(): CliIo {
  return {
    environment: readVariable,
    get stdin() {
      return Deno.stdin.readable;
    },
    async write(chunk) {
      const bytes = typeof chunk === "string" ? encoder.encode(chunk) : chunk;
      for (let written = 0; written < bytes.length;) {
        written += await Deno.stdout.write(bytes.subarray(written));
      }
    },
    writeError(text) {
      const bytes = encoder.encode(text);
      for (let written = 0; written < bytes.length;) {
        written += Deno.stderr.writeSync(bytes.subarray(written));
      }
    },
    progressStream: process.stderr,
    isInputTerminal: Deno.stdin.isTerminal(),
    isOutputTerminal: Deno.stdout.isTerminal(),
    isErrorTerminal: Deno.stderr.isTerminal(),
    confirm: (question) => confirm(question),
  };
}

/** Returns a file's path as its giver means it: from the folder in which the task was called. */
export function givenPath(io: CliIo, path: string): string {
  return resolve(io.environment("ANKYLO_CALLER_FOLDER") ?? ".", path);
}

/** Returns all bytes of a file; of stdin where the path is `-`. */
export async function readInput(io: CliIo, path: string): Promise<Uint8Array> {
  if (path !== "-") return await Deno.readFile(givenPath(io, path));
  return await new Response(io.stdin).bytes();
}

function readVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    // Without the permission there is no such variable, for us.
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}
