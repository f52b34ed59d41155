/**
 * `/v1/admin/retention`: how long versions are kept, by default and under prefixes of their own.
 *
 * @module
 */
import { type Command, rulePrefixSizeBytesMax } from "../../sharding/mod.ts";
import type { AppContext } from "../context.ts";
import type { BodyReader } from "../middleware/body.ts";
import type { Exchange } from "../middleware/exchange.ts";
import { bodyForm, parseBody } from "../middleware/structured_body.ts";
import { orderSizeBytesMax } from "../wire/limits.ts";
import { badParameter, type Parameters } from "../wire/parameters.ts";
import { readTerm, retentionObject } from "../wire/retention.ts";
import { versionstampText } from "../wire/versionstamps.ts";
import { refuseContentEncoding } from "./key.ts";
import { committed } from "./outcomes.ts";

const noParameters: ReadonlySet<string> = new Set();
const ruleParameters: ReadonlySet<string> = new Set(["prefix"]);

/** The routes of retention. */
export class RetentionRoutes {
  readonly #context: AppContext;
  readonly #bodies: BodyReader;

  constructor(context: AppContext, bodies: BodyReader) {
    this.#context = context;
    this.#bodies = bodies;
  }

  /** `GET`. */
  readonly get = (exchange: Exchange): Response => {
    exchange.parameters(noParameters);
    const form = exchange.negotiate(["json", "msgpack"]);
    const view = this.#context.database.retention();
    return exchange.answerObject(200, form, retentionObject(view, form === "msgpack"));
  };

  /** `PUT`: sets the rule of a prefix. */
  readonly put = async (exchange: Exchange): Promise<Response> => {
    const prefix = prefixOf(exchange.parameters(ruleParameters));
    refuseContentEncoding(exchange);
    const form = bodyForm(exchange);
    const limits = { sizeBytesMax: orderSizeBytesMax, code: "request_too_large" } as const;
    const body = await this.#bodies.read(exchange, limits);
    const rule = readTerm(parseBody(form, body));
    return await this.#run(exchange, { kind: "set_retention", prefix, rule });
  };

  /** `DELETE`: takes the rule of a prefix back. */
  readonly delete = async (exchange: Exchange): Promise<Response> => {
    const prefix = prefixOf(exchange.parameters(ruleParameters));
    return await this.#run(exchange, { kind: "remove_retention", prefix });
  };

  async #run(exchange: Exchange, command: Command): Promise<Response> {
    const form = exchange.negotiate(["json", "msgpack"]);
    const { deadlineMs, tokenName } = exchange;
    const options = { deadlineMs, writer: tokenName };
    const result = await this.#context.database.run(command, options);
    const { version, deletedCount } = committed(result);
    exchange.sawVersion(version);
    const versionstamp = versionstampText(version);
    return exchange.answerObject(
      200,
      form,
      command.kind === "remove_retention"
        ? { deleted: deletedCount > 0, versionstamp }
        : { versionstamp },
    );
  }
}

function prefixOf(parameters: Parameters): string {
  const prefix = parameters.get("prefix") ?? "";
  if (prefix.length >= 1 && prefix.length <= rulePrefixSizeBytesMax) return prefix;
  throw badParameter(
    "prefix",
    `it says which keys, in 1 to ${rulePrefixSizeBytesMax} bytes; --retention is for all others`,
  );
}
