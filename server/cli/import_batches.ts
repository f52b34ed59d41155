/**
 * Cuts the lines of an import into batches, and keeps account of how far all of them are done.
 *
 * @module
 */
import { type LineFailure, readImportLine } from "./import_line.ts";
import { readLines } from "./line_stream.ts";

/** Lines that go to the server in one request. */
export interface ImportBatch {
  /** The line behind the last one of the batch before, counted from 1. */
  readonly firstLine: number;
  /** The last line, those left out included. */
  readonly lastLine: number;
  /** How many characters of the file it stands for. */
  readonly byteCount: number;
  /** One operation each, as JSON. */
  readonly operations: readonly string[];
  /** The line of each operation. */
  readonly lines: readonly number[];
  /** Lines that are none. */
  readonly refused: readonly LineFailure[];
}

/** Where a batch is closed, whatever its count: far below what a request may hold. */
const batchSizeBytesMax = 8_388_608;

/** Yields the lines of a file as batches. Empty lines are left out. */
export async function* importBatches(
  stream: ReadableStream<Uint8Array>,
  options: { readonly batchSize: number; readonly skipLines: number },
): AsyncGenerator<ImportBatch, undefined> {
  let line = 0;
  let gathering = new Gathering(options.skipLines + 1);
  for await (const text of readLines(stream)) {
    line++;
    if (line <= options.skipLines) continue;
    gathering.add(line, text);
    if (gathering.count < options.batchSize && gathering.byteCount < batchSizeBytesMax) continue;
    yield gathering.close();
    gathering = new Gathering(line + 1);
  }
  if (gathering.count > 0) yield gathering.close();
  return undefined;
}

class Gathering {
  byteCount = 0;
  count = 0;
  readonly #firstLine: number;
  readonly #operations: string[] = [];
  readonly #lines: number[] = [];
  readonly #refused: LineFailure[] = [];

  constructor(firstLine: number) {
    this.#firstLine = firstLine;
  }

  add(line: number, text: string): void {
    this.count++;
    this.byteCount += text.length + 1;
    if (text.trim() === "") return;
    try {
      this.#operations.push(JSON.stringify(readImportLine(text)));
      this.#lines.push(line);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#refused.push({ line, reason: `Cannot read it: ${reason}` });
    }
  }

  close(): ImportBatch {
    return {
      firstLine: this.#firstLine,
      lastLine: this.#firstLine + this.count - 1,
      byteCount: this.byteCount,
      operations: this.#operations,
      lines: this.#lines,
      refused: this.#refused,
    };
  }
}

/** How far an import is done without a gap, while batches finish in any order. */
export class LinesDone {
  #lineCount: number;
  #byteCount = 0;
  readonly #ahead = new Map<number, number>();

  constructor(skippedCount: number) {
    this.#lineCount = skippedCount;
  }

  /** Lines from the start of the file that are all done. */
  get lineCount(): number {
    return this.#lineCount;
  }

  /** Characters of all batches that are done. */
  get byteCount(): number {
    return this.#byteCount;
  }

  /** Notes a batch that is done. */
  add(batch: Pick<ImportBatch, "firstLine" | "lastLine" | "byteCount">): void {
    this.#byteCount += batch.byteCount;
    this.#ahead.set(batch.firstLine, batch.lastLine);
    for (;;) {
      const lastLine = this.#ahead.get(this.#lineCount + 1);
      if (lastLine === undefined) return;
      this.#ahead.delete(this.#lineCount + 1);
      this.#lineCount = lastLine;
    }
  }
}
