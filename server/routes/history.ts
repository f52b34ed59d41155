/**
 * `/v1/history/{key}`: the versions of a key that are still kept, and going back to one of them.
 *
 * @module
 */
import type { KeyHistory } from "../../sharding/mod.ts";
import { latin1Bytes } from "../../storage/env/mod.ts";
import type { AppContext } from "../context.ts";
import type { BodyReader } from "../middleware/body.ts";
import type { Exchange } from "../middleware/exchange.ts";
import { bodyForm, parseBody } from "../middleware/structured_body.ts";
import type { AnswerForm } from "../wire/accept.ts";
import { type EntryShape, keyJson } from "../wire/entries.ts";
import { entityTag } from "../wire/etags.ts";
import { badField, type Fields, objectFields } from "../wire/fields.ts";
import { keyDetails, keyText } from "../wire/keys.ts";
import { keyVersionJson, keyVersionObject } from "../wire/key_versions.ts";
import {
  historyVersionCountDefault,
  historyVersionCountMax,
  orderSizeBytesMax,
} from "../wire/limits.ts";
import {
  badParameter,
  checkConsistency,
  consistencyParameters,
  momentRule,
  type Parameters,
  readInteger,
  readSwitch,
} from "../wire/parameters.ts";
import { ttlField } from "../wire/time_to_live.ts";
import { oldestDetails, parseMoment } from "../wire/times.ts";
import { parseVersionstamp, versionstampText } from "../wire/versionstamps.ts";
import { identityOf, keyOfPath, readConditions, refuseContentEncoding } from "./key.ts";
import { committed } from "./outcomes.ts";

const pathPrefix = "/v1/history/";
const readParameters: ReadonlySet<string> = new Set([
  ...consistencyParameters,
  "limit",
  "cursor",
  "values",
  "exact",
]);
const noParameters: ReadonlySet<string> = new Set();
const revertFields: ReadonlySet<string> = new Set(["revertTo", "ttl"]);

/** What is asked of a history. */
interface HistoryRequest {
  readonly key: string;
  readonly limit: number;
  /** Only what is older than this version. */
  readonly before: number | undefined;
  readonly shape: EntryShape;
}

/** The routes of the versions of one key. */
export class HistoryRoutes {
  readonly #context: AppContext;
  readonly #bodies: BodyReader;

  constructor(context: AppContext, bodies: BodyReader) {
    this.#context = context;
    this.#bodies = bodies;
  }

  /** `GET` and `HEAD`. */
  readonly get = async (exchange: Exchange): Promise<Response> => {
    const key = keyOfPath(exchange, pathPrefix);
    const parameters = exchange.parameters(readParameters);
    checkConsistency(parameters);
    const form = exchange.negotiate(["json", "msgpack"]);
    const request = readRequest(key, parameters);
    exchange.admitAnswer();
    const { limit, before, shape } = request;
    const history = await this.#context.database.history(key, {
      deadlineMs: exchange.deadlineMs,
      limit,
      before,
      withoutValues: shape.isKeysOnly,
    });
    exchange.sawVersion(history.version);
    if (history.versions.length === 0 && request.before === undefined) {
      return exchange.problem(
        "key_not_found",
        "Cannot show the history: nothing of the key is kept",
        keyDetails(key),
      );
    }
    return answerHistory(exchange, form, { request, history });
  };

  /** `POST`: writes what the key held then once more. */
  readonly revert = async (exchange: Exchange): Promise<Response> => {
    const key = keyOfPath(exchange, pathPrefix);
    exchange.parameters(noParameters);
    const answerForm = exchange.negotiate(["json", "msgpack"]);
    refuseContentEncoding(exchange);
    const form = bodyForm(exchange);
    const conditions = readConditions(exchange);
    const { deadlineMs } = exchange;
    const limits = { sizeBytesMax: orderSizeBytesMax, code: "request_too_large" } as const;
    const body = await this.#bodies.read(exchange, limits);
    const fields = objectFields(parseBody(form, body), "", revertFields);
    const toVersion = revertVersion(fields);
    const ttlMicros = ttlField(fields, "");
    const { database } = this.#context;
    // What is to come may still change: refused here, and not taken for the newest.
    await database.reach(toVersion, { deadlineMs });
    const { condition } = conditions;
    const result = await database.run(
      { kind: "revert", key, toVersion, condition, ttlMicros },
      {
        deadlineMs,
        writer: exchange.tokenName,
        request: identityOf(exchange, { pathPrefix, key, contentType: form, conditions, body }),
      },
    );
    const { version } = committed(result, key);
    exchange.sawVersion(version);
    const versionstamp = versionstampText(version);
    const response = exchange.answerObject(200, answerForm, { versionstamp });
    response.headers.append("etag", entityTag(version));
    return response;
  };
}

function readRequest(key: string, parameters: Parameters): HistoryRequest {
  const bounds = { smallest: 1, largest: historyVersionCountMax };
  const cursor = parameters.get("cursor");
  const before = cursor === undefined ? undefined : parseVersionstamp(cursor);
  if (cursor !== undefined && before === undefined) {
    throw badParameter("cursor", "it is a versionstamp: what is older than it is shown");
  }
  return {
    key,
    limit: readInteger(parameters, "limit", bounds) ?? historyVersionCountDefault,
    before,
    shape: {
      isKeysOnly: parameters.has("values") && !readSwitch(parameters, "values"),
      isExact: readSwitch(parameters, "exact"),
    },
  };
}

function revertVersion(fields: Fields): number {
  const { revertTo } = fields;
  if (revertTo === undefined) throw badField("revertTo", "it is missing");
  const version = typeof revertTo === "string" ? parseMoment(revertTo) : undefined;
  if (version === undefined) throw badField("revertTo", momentRule);
  return version;
}

function answerHistory(
  exchange: Exchange,
  form: AnswerForm,
  found: { readonly request: HistoryRequest; readonly history: KeyHistory },
): Response {
  const { key, shape } = found.request;
  const { versions, hasMore, oldestVersion, version } = found.history;
  const last = versions.at(-1);
  const behind = {
    ...oldestDetails(oldestVersion),
    cursor: hasMore && last !== undefined ? versionstampText(last.version) : null,
    versionstamp: versionstampText(version),
  };
  if (form === "msgpack") {
    return exchange.answerObject(200, form, {
      key: keyText(key) ?? latin1Bytes(key),
      versions: versions.map((entry) => keyVersionObject(entry, shape)),
      ...behind,
    });
  }
  const texts = versions.map((entry) => keyVersionJson(entry, shape)).join(",");
  const rest = JSON.stringify(behind).slice(1);
  return exchange.answerJson(200, `{${keyJson(key)},"versions":[${texts}],${rest}`);
}
