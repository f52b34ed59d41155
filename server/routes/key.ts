/**
 * `/v1/kv/{key}`: one key by its raw bytes, read, written and deleted, with conditions.
 *
 * @module
 */
import type { StoredValue } from "../../sharding/mod.ts";
import type { AppContext } from "../context.ts";
import { RequestError } from "../errors.ts";
import type { BodyReader } from "../middleware/body.ts";
import type { Exchange } from "../middleware/exchange.ts";
import { entityTag, matchesTags, parseEntityTags, writeCondition } from "../wire/etags.ts";
import { requestIdentity } from "../wire/idempotency.ts";
import { checkKey, keyDetails } from "../wire/keys.ts";
import { checkConsistency, consistencyParameters, readMoment } from "../wire/parameters.ts";
import { ttlParameter } from "../wire/time_to_live.ts";
import { timeText } from "../wire/times.ts";
import { percentDecode } from "../wire/url.ts";
import { checkContentType } from "../wire/values.ts";
import { versionstampText } from "../wire/versionstamps.ts";
import { committed } from "./outcomes.ts";

const pathPrefix = "/v1/kv/";
const readParameters: ReadonlySet<string> = new Set([...consistencyParameters, "at"]);
const writeParameters: ReadonlySet<string> = new Set(["ttl"]);
const noParameters: ReadonlySet<string> = new Set();
const emptyBody = new Uint8Array(0);

/** The routes of one key. */
export class KeyRoutes {
  readonly #context: AppContext;
  readonly #bodies: BodyReader;

  constructor(context: AppContext, bodies: BodyReader) {
    this.#context = context;
    this.#bodies = bodies;
  }

  /** `GET` and `HEAD`. */
  readonly get = async (exchange: Exchange): Promise<Response> => {
    const key = keyOfPath(exchange, pathPrefix);
    let at: number | undefined;
    if (exchange.query !== "") {
      const parameters = exchange.parameters(readParameters);
      checkConsistency(parameters);
      at = readMoment(parameters, "at");
    }
    const { deadlineMs } = exchange;
    const { value, version } = await this.#context.database.get(key, { deadlineMs, at });
    exchange.sawVersion(version);
    const early = refuseRead(exchange, key, value);
    if (early !== undefined) return early;
    return value === undefined
      ? exchange.problem("key_not_found", "Cannot read the key: it has no value", keyDetails(key))
      : answerValue(exchange, value);
  };

  /** `PUT`. */
  readonly put = async (exchange: Exchange): Promise<Response> => {
    const key = keyOfPath(exchange, pathPrefix);
    const ttlMicros = ttlParameter(exchange.parameters(writeParameters));
    const form = exchange.negotiate(["json", "msgpack"]);
    refuseContentEncoding(exchange);
    const type = exchange.header("content-type");
    const contentType = type === null ? "application/octet-stream" : checkContentType(type);
    const conditions = readConditions(exchange);
    const { deadlineMs } = exchange;
    const sizeBytesMax = this.#context.config.valueSizeBytesMax;
    const limits = { sizeBytesMax, code: "value_too_large" } as const;
    const bytes = await this.#bodies.read(exchange, limits);
    const result = await this.#context.database.run(
      {
        kind: "put",
        key,
        value: { bytes, contentType, ttlMicros },
        condition: conditions.condition,
      },
      {
        deadlineMs,
        writer: exchange.tokenName,
        request: identityOf(exchange, { pathPrefix, key, contentType, conditions, body: bytes }),
      },
    );
    const { version } = committed(result, key);
    exchange.sawVersion(version);
    const response = form === "json"
      ? exchange.answerJson(200, `{"versionstamp":"${versionstampText(version)}"}`)
      : exchange.answerObject(200, form, { versionstamp: versionstampText(version) });
    response.headers.append("etag", entityTag(version));
    return response;
  };

  /** `DELETE`. */
  readonly delete = async (exchange: Exchange): Promise<Response> => {
    const key = keyOfPath(exchange, pathPrefix);
    exchange.parameters(noParameters);
    const form = exchange.negotiate(["json", "msgpack"]);
    const conditions = readConditions(exchange);
    if (conditions.condition?.kind === "absent") {
      throw new RequestError("invalid_request", "Cannot take If-None-Match: a delete has If-Match");
    }
    const result = await this.#context.database.run(
      { kind: "delete", key, condition: conditions.condition },
      {
        deadlineMs: exchange.deadlineMs,
        writer: exchange.tokenName,
        request: identityOf(exchange, {
          pathPrefix,
          key,
          contentType: "",
          conditions,
          body: emptyBody,
        }),
      },
    );
    const { version, deletedCount } = committed(result, key);
    exchange.sawVersion(version);
    return exchange.answerObject(200, form, {
      deleted: deletedCount > 0,
      versionstamp: versionstampText(version),
    });
  };
}

/** Returns the key that a path names behind its prefix. @throws {RequestError} where it is none. */
export function keyOfPath(exchange: Exchange, pathPrefix: string): string {
  return checkKey(percentDecode(exchange.path.slice(pathPrefix.length), "the key"));
}

/** What a write's headers demand. */
export interface WriteConditions {
  readonly ifMatch: string | null;
  readonly ifNoneMatch: string | null;
  readonly condition: ReturnType<typeof writeCondition>;
}

/** Returns what a write's headers demand. @throws {RequestError} `invalid_request`. */
export function readConditions(exchange: Exchange): WriteConditions {
  const ifMatch = exchange.header("if-match");
  const ifNoneMatch = exchange.header("if-none-match");
  return { ifMatch, ifNoneMatch, condition: writeCondition(ifMatch, ifNoneMatch) };
}

/** Returns what a write of one key is remembered by. @throws {RequestError} `invalid_request`. */
export function identityOf(
  exchange: Exchange,
  write: {
    readonly pathPrefix: string;
    readonly key: string;
    readonly contentType: string;
    readonly conditions: WriteConditions;
    readonly body: Uint8Array;
  },
): ReturnType<typeof requestIdentity> {
  const header = exchange.header("idempotency-key");
  return requestIdentity(header, () => ({
    tokenName: exchange.tokenName,
    scope: [exchange.request.method, write.pathPrefix, write.key],
    content: [
      exchange.query,
      write.conditions.ifMatch ?? "",
      write.conditions.ifNoneMatch ?? "",
      write.contentType,
    ],
    body: write.body,
  }));
}

/** Returns the answer to a read whose condition does not hold. */
function refuseRead(
  exchange: Exchange,
  key: string,
  value: StoredValue | undefined,
): Response | undefined {
  const ifMatch = exchange.header("if-match");
  if (ifMatch !== null) {
    const tags = parseEntityTags(ifMatch, { header: "If-Match", comparison: "strong" });
    if (!matchesTags(tags, value?.version)) {
      return exchange.problem("precondition_failed", "Cannot read the key: it has changed", {
        ...keyDetails(key),
        versionstamp: value === undefined ? null : versionstampText(value.version),
      });
    }
  }
  const ifNoneMatch = exchange.header("if-none-match");
  if (ifNoneMatch === null) return undefined;
  const tags = parseEntityTags(ifNoneMatch, { header: "If-None-Match", comparison: "weak" });
  if (value === undefined || !matchesTags(tags, value.version)) return undefined;
  const response = exchange.answerEmpty(304);
  appendValidators(response.headers, value);
  return response;
}

function answerValue(exchange: Exchange, value: StoredValue): Response {
  const body = value.bytes as Uint8Array<ArrayBuffer>;
  const response = exchange.answer(200, value.contentType, body);
  appendValidators(response.headers, value);
  if (exchange.isHead) response.headers.append("content-length", String(body.length));
  return response;
}

let lastModifiedSecond = -1;
let lastModifiedText = "";

function appendValidators(headers: Headers, { version, expiresAt }: StoredValue): void {
  headers.append("etag", entityTag(version));
  const second = Math.floor(version / 1_000_000);
  if (second !== lastModifiedSecond) {
    lastModifiedSecond = second;
    lastModifiedText = new Date(second * 1_000).toUTCString();
  }
  headers.append("last-modified", lastModifiedText);
  if (expiresAt === undefined) return;
  // Rounded up: a client that believes it must not find the value gone before.
  headers.append("expires", new Date(Math.ceil(expiresAt / 1_000_000) * 1_000).toUTCString());
  headers.append("ankylo-expires-at", timeText(expiresAt));
}

/** A value is kept as it came: a coding that the answer would not name would be lost. */
export function refuseContentEncoding(exchange: Exchange): void {
  const coding = exchange.header("content-encoding");
  if (coding === null || coding.trim().toLowerCase() === "identity") return;
  throw new RequestError(
    "unsupported_media_type",
    "Cannot take a Content-Encoding: a body comes as it is",
    { header: "Content-Encoding" },
  );
}
