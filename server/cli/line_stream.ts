/**
 * Lines: of a stream of bytes, and of an NDJSON answer that may be cut off.
 *
 * @module
 */
import type { ApiClient } from "./api_client.ts";
import { CliError, oneLine } from "./cli_error.ts";

/** The longest line that is taken: the largest value as base64, with room to spare. */
const lineLengthMax = 67_108_864;

/**
 * Cuts a stream into lines, without their breaks. A last line without a break counts as well.
 *
 * @throws {CliError} for a line that is too long, and for bytes that are no UTF-8.
 */
export async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decode(decoder, chunk)).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > lineLengthMax) {
      throw new CliError("invalid_line", `Cannot read a line of over ${lineLengthMax} characters`);
    }
    yield* lines;
  }
  rest += decode(decoder);
  if (rest !== "") yield rest;
}

function decode(decoder: TextDecoder, chunk?: Uint8Array): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch (error) {
    throw new CliError("invalid_line", "Cannot read a line: it is no UTF-8", { cause: error });
  }
}

/**
 * Yields the entries of a list as the server streams them.
 *
 * @throws {CliError} where the stream was cut off: the entries before are right, but not all.
 */
export async function* streamLines(client: ApiClient, path: string): AsyncGenerator<string> {
  const response = await client.send(path, { headers: { accept: "application/x-ndjson" } });
  if (response.body === null) return;
  try {
    for await (const line of readLines(response.body)) {
      refuseProblem(line);
      yield line;
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    const found = oneLine(error instanceof Error ? error.message : String(error));
    throw new CliError("stream_cut", `Cannot read on: the stream was cut off: ${found}`);
  }
}

/** A problem in the place of an entry is how the server ends a stream that it cannot finish. */
function refuseProblem(line: string): void {
  if (!line.startsWith('{"type":')) return;
  const { code, detail } = JSON.parse(line) as { code?: unknown; detail?: unknown };
  throw new CliError(String(code), `Cannot read on: ${oneLine(String(detail))}`);
}
