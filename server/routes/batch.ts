/**
 * `POST /v1/batch`: many operations in one request, each on its own.
 *
 * Each result carries the `status` that the operation would have had alone; one that failed is a
 * problem body, an operation that cannot be read included.
 *
 * @module
 */
import { invariant } from "../../storage/env/mod.ts";
import type { BatchOperation, BatchOperationResult } from "../../sharding/mod.ts";
import type { AppContext } from "../context.ts";
import { type ProblemBody, problemBody, problemOf, RequestError } from "../errors.ts";
import type { BodyReader } from "../middleware/body.ts";
import type { Exchange } from "../middleware/exchange.ts";
import { bodyForm, parseBody } from "../middleware/structured_body.ts";
import type { AnswerForm } from "../wire/accept.ts";
import { readBatch } from "../wire/batch_body.ts";
import { entryJson, entryObject } from "../wire/entries.ts";
import { requestIdentity } from "../wire/idempotency.ts";
import { keyDetails } from "../wire/keys.ts";
import { batchAnswerSizeBytesMax, batchSizeBytesMax } from "../wire/limits.ts";
import { versionstampText } from "../wire/versionstamps.ts";
import { refuseContentEncoding } from "./key.ts";
import { committed } from "./outcomes.ts";

const noParameters: ReadonlySet<string> = new Set();

/** The route of batches. */
export class BatchRoute {
  readonly #context: AppContext;
  readonly #bodies: BodyReader;

  constructor(context: AppContext, bodies: BodyReader) {
    this.#context = context;
    this.#bodies = bodies;
  }

  /** `POST`. */
  readonly post = async (exchange: Exchange): Promise<Response> => {
    exchange.parameters(noParameters);
    const answerForm = exchange.negotiate(["json", "msgpack"]);
    refuseContentEncoding(exchange);
    const form = bodyForm(exchange);
    const { deadlineMs } = exchange;
    const { database, config } = this.#context;
    const limits = {
      sizeBytesMax: batchSizeBytesMax,
      code: "request_too_large",
    } as const;
    const bytes = await this.#bodies.read(exchange, limits);
    const asked = readBatch(parseBody(form, bytes), config.valueSizeBytesMax);
    const operations = asked.filter((one): one is BatchOperation => !(one instanceof RequestError));
    const request = requestIdentity(exchange.header("idempotency-key"), () => ({
      tokenName: exchange.tokenName,
      scope: ["POST", "/v1/batch", operations[0]?.key ?? ""],
      content: [form],
      body: bytes,
    }));
    if (operations.some(({ op }) => op === "get")) exchange.admitAnswer();
    const results = await database.batch(operations, {
      deadlineMs,
      writer: exchange.tokenName,
      request,
    });
    if (request !== undefined) refuseMismatch(results);
    return answerResults(exchange, answerForm, { asked, results });
  };
}

/** @throws {RequestError} where the request is remembered with another body: nothing has run. */
function refuseMismatch(results: readonly BatchOperationResult[]): void {
  const first = results[0];
  if (first?.kind === "write" && first.result.outcome === "request_mismatch") {
    committed(first.result);
  }
}

function answerResults(
  exchange: Exchange,
  form: AnswerForm,
  done: {
    readonly asked: readonly (BatchOperation | RequestError)[];
    /** One for each that could be read. */
    readonly results: readonly BatchOperationResult[];
  },
): Response {
  let room = batchAnswerSizeBytesMax;
  const results = done.results.values();
  const shown = done.asked.map((operation) => {
    if (operation instanceof RequestError) return problemOf(operation).problem;
    const { value: result } = results.next();
    invariant(result !== undefined, "Every operation has a result");
    if (result.kind !== "read") return writtenResult(exchange, operation, result);
    exchange.sawVersion(result.result.version);
    const { value } = result.result;
    if (value === undefined) return missing(operation.key);
    room -= value.bytes.length;
    if (room < 0) {
      return problemBody("overloaded", "Cannot show the value: the answer is full, ask again");
    }
    return form === "msgpack"
      ? { status: 200, ...entryObject(operation.key, value) }
      : entryJson(operation.key, value, { lead: '"status":200' });
  });
  if (form === "msgpack") return exchange.answerObject(200, form, { results: shown });
  const texts = shown.map((result) => typeof result === "string" ? result : JSON.stringify(result));
  return exchange.answerJson(200, `{"results":[${texts.join(",")}]}`);
}

function missing(key: string): ProblemBody {
  return problemBody("key_not_found", "Cannot read the key: it has no value", keyDetails(key));
}

function writtenResult(
  exchange: Exchange,
  operation: BatchOperation,
  result: Exclude<BatchOperationResult, { kind: "read" }>,
): object {
  try {
    if (result.kind === "failed") throw result.error;
    const { version, deletedCount } = committed(result.result, operation.key);
    exchange.sawVersion(version);
    const versionstamp = versionstampText(version);
    return operation.op === "delete"
      ? { status: 200, deleted: deletedCount > 0, versionstamp }
      : { status: 200, versionstamp };
  } catch (error) {
    return problemOf(error).problem;
  }
}
