/**
 * `POST /v1/txn`: checks, mutations and reads in one step, all or nothing.
 *
 * @module
 */
import type { Database, StoredValue } from "../../sharding/mod.ts";
import type { AppContext } from "../context.ts";
import type { BodyReader } from "../middleware/body.ts";
import type { Exchange } from "../middleware/exchange.ts";
import { bodyForm, parseBody } from "../middleware/structured_body.ts";
import { entryJson, entryObject } from "../wire/entries.ts";
import { requestIdentity } from "../wire/idempotency.ts";
import { transactionSizeBytesMax } from "../wire/limits.ts";
import { firstKey, readTransaction, type TransactionCommand } from "../wire/transaction_body.ts";
import { versionstampText } from "../wire/versionstamps.ts";
import { refuseContentEncoding } from "./key.ts";
import { committed } from "./outcomes.ts";

const noParameters: ReadonlySet<string> = new Set();

/** The route of transactions. */
export class TransactionRoute {
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
    const { database, config } = this.#context;
    const limits = {
      sizeBytesMax: transactionSizeBytesMax,
      code: "request_too_large",
    } as const;
    const bytes = await this.#bodies.read(exchange, limits);
    const command = readTransaction(parseBody(form, bytes), config.valueSizeBytesMax);
    if (command.reads.length > 0) exchange.admitAnswer();
    const { version, reads } = await runTransaction(database, exchange, {
      command,
      form,
      bytes,
    });
    exchange.sawVersion(version);
    const versionstamp = versionstampText(version);
    if (answerForm === "msgpack") {
      const objects = reads.map((value, index) =>
        value === undefined ? null : entryObject(command.reads[index], value)
      );
      return exchange.answerObject(200, answerForm, { ok: true, versionstamp, reads: objects });
    }
    const texts = reads.map((value, index) =>
      value === undefined ? "null" : entryJson(command.reads[index], value)
    );
    const json = `{"ok":true,"versionstamp":"${versionstamp}","reads":[${texts.join(",")}]}`;
    return exchange.answerJson(200, json);
  };
}

interface TransactionResult {
  readonly version: number;
  readonly reads: readonly (StoredValue | undefined)[];
}

async function runTransaction(
  database: Database,
  exchange: Exchange,
  asked: {
    readonly command: TransactionCommand;
    readonly form: string;
    readonly bytes: Uint8Array;
  },
): Promise<TransactionResult> {
  const { command, form, bytes } = asked;
  const { deadlineMs } = exchange;
  const result = await database.run(command, {
    deadlineMs,
    writer: exchange.tokenName,
    request: requestIdentity(exchange.header("idempotency-key"), () => ({
      tokenName: exchange.tokenName,
      scope: ["POST", "/v1/txn", firstKey(command)],
      content: [form],
      body: bytes,
    })),
  });
  return committed(result);
}
