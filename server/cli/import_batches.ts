/**
 * Cuts the lines of an import into batches, and keeps account of how far all of them are done.
 *
 * @module
 */
import type { Clock } from "../../storage/env/mod.ts";
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
  /** How many lines tell of what has expired. */
  readonly expiredCount: number;
}

/** Where a batch is closed, whatever its count: far below what a request may hold. */
const batchSizeBytesMax = 8_388_608;

/** How lines are gathered. */
export interface BatchOptions {
  readonly batchSize: number;
  readonly skipLines: number;
  readonly clock: Clock;
}

/** Yields the lines of a file as batches. Empty lines, and what has expired, are left out. */
export async function* importBatches(
  stream: ReadableStream<Uint8Array>,
  options: BatchOptions,
): AsyncGenerator<ImportBatch, undefined> {
  let line = 0;
  const { clock } = options;
  let gathering = new Gathering(options.skipLines + 1, clock);
  for await (const text of readLines(stream)) {
    line++;
    if (line <= options.skipLines) continue;
    gathering.add(line, text);
    if (gathering.count < options.batchSize && gathering.byteCount < batchSizeBytesMax) continue;
    yield gathering.close();
    gathering = new Gathering(line + 1, clock);
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
  readonly #clock: Clock;
  #expiredCount = 0;

  constructor(firstLine: number, clock: Clock) {
    this.#firstLine = firstLine;
    this.#clock = clock;
  }

  add(line: number, text: string): void {
    this.count++;
    this.byteCount += text.length + 1;
    if (text.trim() === "") return;
    try {
      const operation = readImportLine(text, this.#clock.wallMicros());
      if (operation === undefined) {
        this.#expiredCount++;
        return;
      }
      this.#operations.push(JSON.stringify(operation));
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
      expiredCount: this.#expiredCount,
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
