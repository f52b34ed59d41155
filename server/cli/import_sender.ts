/**
 * Sends batches of an import, again where that may help.
 *
 * @module
 */
import { type Clock, SystemClock } from "../../storage/env/mod.ts";
import type { ApiClient } from "./api_client.ts";
import { CliError } from "./cli_error.ts";
import type { ImportBatch } from "./import_batches.ts";
import type { LineFailure } from "./import_line.ts";

const attemptCountMax = 8;
const pauseMsMin = 100;
const pauseMsMax = 5_000;

/** What may go away by itself: nothing was applied, or the `Idempotency-Key` tells. */
const passingCodes: ReadonlySet<string> = new Set([
  "unreachable",
  "overloaded",
  "no_leader",
  "contended",
  "stopping",
  "deadline_exceeded",
  "outcome_unknown",
  "disk_full",
  "internal_error",
]);

/** What is wrong with a line, not with the import. */
const lineCodes: ReadonlySet<string> = new Set([
  "invalid_request",
  "key_too_large",
  "value_too_large",
  "request_too_large",
]);

interface OperationResult {
  readonly status: number;
  readonly code?: string;
  readonly detail?: string;
}

/** Sends batches to one server. */
export class ImportSender {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #runId = crypto.randomUUID();

  constructor(client: ApiClient, clock: Clock = new SystemClock()) {
    this.#client = client;
    this.#clock = clock;
  }

  /**
   * Sends a batch until each of its lines has an answer.
   *
   * @returns The lines that the server refused for good.
   * @throws {CliError} where it must be given up; some of its lines may have been written.
   */
  send(batch: ImportBatch): Promise<LineFailure[]> {
    return this.#sendPart(batch, batch.lines.map((_, index) => index));
  }

  async #sendPart(batch: ImportBatch, indexes: readonly number[]): Promise<LineFailure[]> {
    let left = indexes;
    const failures: LineFailure[] = [];
    for (let attempt = 1; left.length > 0; attempt++) {
      const key = `import-${this.#runId}-${batch.firstLine}-${left.length}-${left[0]}`;
      const outcome = await this.#attempt(batch, left, key);
      if (outcome instanceof CliError && lineCodes.has(outcome.code)) {
        failures.push(...await this.#split(batch, left, outcome));
        return failures;
      }
      if (!(outcome instanceof CliError)) {
        const { refused, again } = sort(batch, left, outcome);
        failures.push(...refused);
        left = again;
        if (left.length === 0) break;
      }
      if (attempt === attemptCountMax) {
        throw outcome instanceof CliError
          ? outcome
          : new CliError("overloaded", "Cannot import: the server takes no more");
      }
      await this.#clock.sleep(Math.min(pauseMsMax, pauseMsMin * 2 ** (attempt - 1)));
    }
    return failures;
  }

  /** A request is refused as a whole for one bad line: halving finds it, and writes the others. */
  async #split(
    batch: ImportBatch,
    indexes: readonly number[],
    refusal: CliError,
  ): Promise<LineFailure[]> {
    if (indexes.length === 1) {
      return [{ line: batch.lines[indexes[0]], reason: `${refusal.code}: ${refusal.message}` }];
    }
    const middle = Math.ceil(indexes.length / 2);
    return [
      ...await this.#sendPart(batch, indexes.slice(0, middle)),
      ...await this.#sendPart(batch, indexes.slice(middle)),
    ];
  }

  async #attempt(
    batch: ImportBatch,
    indexes: readonly number[],
    key: string,
  ): Promise<OperationResult[] | CliError> {
    const operations = indexes.map((index) => batch.operations[index]).join(",");
    try {
      const answer = await this.#client.json("/v1/batch", {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "idempotency-key": key,
          "ankylo-timeout": "60s",
        },
        body: `{"operations":[${operations}]}`,
      });
      return answer.results as OperationResult[];
    } catch (error) {
      const isKnown = error instanceof CliError &&
        (passingCodes.has(error.code) || lineCodes.has(error.code));
      if (isKnown) return error;
      throw error;
    }
  }
}

/** Parts what the server refused for good from what is to be sent again. */
function sort(
  batch: ImportBatch,
  indexes: readonly number[],
  results: readonly OperationResult[],
): { refused: LineFailure[]; again: number[] } {
  const refused: LineFailure[] = [];
  const again: number[] = [];
  for (const [position, { status, code = "refused", detail = "" }] of results.entries()) {
    if (status < 300) continue;
    const index = indexes[position];
    if (passingCodes.has(code)) again.push(index);
    else refused.push({ line: batch.lines[index], reason: `${code}: ${detail}` });
  }
  return { refused, again };
}
