/**
 * `/v1/kv`: lists in pages that all see one version, counts, and the atomic range delete.
 *
 * @module
 */
import { ShardError } from "../../sharding/mod.ts";
import type { KeyRange, ScanResult, SnapshotHold } from "../../sharding/mod.ts";
import type { AppContext } from "../context.ts";
import { RequestError } from "../errors.ts";
import type { Exchange } from "../middleware/exchange.ts";
import type { AnswerForm } from "../wire/accept.ts";
import { type CursorToken, decodeCursor, encodeCursor } from "../wire/cursor_token.ts";
import { entryJson, entryObject } from "../wire/entries.ts";
import { requestIdentity } from "../wire/idempotency.ts";
import { pageEntryCountDefault, rangeDeleteKeyCountMax } from "../wire/limits.ts";
import {
  badParameter,
  checkConsistency,
  consistencyParameters,
  namesRange,
  type Parameters,
  rangeParameters,
  readRange,
  readSwitch,
} from "../wire/parameters.ts";
import { versionstampText } from "../wire/versionstamps.ts";
import { cursorEnded, type CursorLeases, type HeldCursor } from "./cursor_leases.ts";
import { type ListRequest, ownerOf, readList, sane } from "./list_request.ts";
import { committed } from "./outcomes.ts";
import type { RangeStreams } from "./range_stream.ts";

const listParameters: ReadonlySet<string> = new Set([
  ...rangeParameters,
  ...consistencyParameters,
  "limit",
  "cursor",
  "reverse",
  "keys_only",
  "exact",
  "count_only",
  "at",
]);
const deleteParameters: ReadonlySet<string> = new Set(rangeParameters);
const emptyBody = new Uint8Array(0);

/** The routes of ranges. */
export class RangeRoutes {
  readonly #context: AppContext;
  readonly #leases: CursorLeases;
  readonly #streams: RangeStreams;

  constructor(context: AppContext, leases: CursorLeases, streams: RangeStreams) {
    this.#context = context;
    this.#leases = leases;
    this.#streams = streams;
  }

  /** `GET` and `HEAD`. */
  readonly list = async (exchange: Exchange): Promise<Response> => {
    const parameters = exchange.parameters(listParameters);
    checkConsistency(parameters);
    const form = exchange.negotiate(["json", "msgpack", "ndjson"]);
    const request = readList(parameters);
    const cursor = parameters.get("cursor");
    if (readSwitch(parameters, "count_only")) {
      return await this.#count(exchange, { form, request, cursor });
    }
    if (form === "ndjson") {
      if (cursor !== undefined) throw badParameter("cursor", "a stream has no pages");
      return await this.#streams.open(exchange, request);
    }
    exchange.admitAnswer();
    return cursor === undefined
      ? await this.#firstPage(exchange, form, request)
      : await this.#nextPage(exchange, form, { request, token: readToken(parameters, cursor) });
  };

  /** `DELETE`. */
  readonly delete = async (exchange: Exchange): Promise<Response> => {
    const parameters = exchange.parameters(deleteParameters);
    if (!namesRange(parameters)) {
      throw new RequestError(
        "invalid_request",
        "Cannot delete a range: one of prefix=, start=, end= says which",
      );
    }
    const form = exchange.negotiate(["json", "msgpack"]);
    const range = readRange(parameters);
    const result = await this.#context.database.run(
      { kind: "delete_range", range: sane(range), keyCountMax: rangeDeleteKeyCountMax },
      {
        deadlineMs: exchange.deadlineMs,
        writer: exchange.tokenName,
        request: requestIdentity(exchange.header("idempotency-key"), () => ({
          tokenName: exchange.tokenName,
          scope: ["DELETE", "/v1/kv"],
          content: [exchange.query],
          body: emptyBody,
        })),
      },
    );
    const { version, deletedCount } = committed(result);
    exchange.sawVersion(version);
    return exchange.answerObject(200, form, {
      deleted: deletedCount,
      versionstamp: versionstampText(version),
    });
  };

  async #count(
    exchange: Exchange,
    asked: {
      readonly form: AnswerForm;
      readonly request: ListRequest;
      readonly cursor: string | undefined;
    },
  ): Promise<Response> {
    if (asked.cursor !== undefined) throw badParameter("cursor", "a count has no pages");
    if (asked.form === "ndjson") throw badParameter("count_only", "a stream has entries");
    const { deadlineMs } = exchange;
    const { at } = asked.request;
    const range = sane(asked.request.range);
    const { count, version } = await this.#context.database.count(range, { deadlineMs, at });
    exchange.sawVersion(version);
    return exchange.answerObject(200, asked.form, {
      count,
      versionstamp: versionstampText(version),
    });
  }

  /** Most lists are one page: the version is held only where there is more to come. */
  async #firstPage(
    exchange: Exchange,
    form: AnswerForm,
    request: ListRequest,
  ): Promise<Response> {
    const owner = ownerOf(exchange);
    const page = await this.#scan(exchange, request);
    if (!page.hasMore) return answerPage(exchange, form, { page, request, cursor: null });
    let lease: HeldCursor;
    try {
      lease = this.#leases.open({ owner, version: page.version, range: sane(request.range) });
    } catch (error) {
      if (request.at !== undefined || !isVacuumed(error)) throw error;
      return await this.#firstPageHeld(exchange, form, request);
    }
    return this.#answerLeased(exchange, form, { page, request, lease });
  }

  /** The version was vacuumed between the page and its hold: hold one first, then read. */
  async #firstPageHeld(
    exchange: Exchange,
    form: AnswerForm,
    request: ListRequest,
  ): Promise<Response> {
    const lease = this.#leases.open({ owner: ownerOf(exchange), range: sane(request.range) });
    return await this.#leasedPage(exchange, form, { request, lease });
  }

  async #nextPage(
    exchange: Exchange,
    form: AnswerForm,
    asked: { readonly request: ListRequest; readonly token: CursorToken },
  ): Promise<Response> {
    const { token } = asked;
    const lease = await this.#leases.resume(token, {
      owner: ownerOf(exchange),
      range: sane(token.range),
      deadlineMs: exchange.deadlineMs,
    });
    const { start, end } = token.range;
    const request: ListRequest = {
      range: token.isReverse ? { start, end: token.lastKey } : { start: token.lastKey + "\0", end },
      isReverse: token.isReverse,
      isKeysOnly: token.isKeysOnly,
      isExact: asked.request.isExact,
      limit: asked.request.limit,
      at: undefined,
    };
    return await this.#leasedPage(exchange, form, { request, lease, range: token.range });
  }

  async #leasedPage(
    exchange: Exchange,
    form: AnswerForm,
    asked: {
      readonly request: ListRequest;
      readonly lease: HeldCursor;
      readonly range?: KeyRange;
    },
  ): Promise<Response> {
    const { snapshot } = asked.lease;
    const page = await this.#scan(exchange, asked.request, snapshot).catch((error: unknown) => {
      throw snapshot.isEnded && isVacuumed(error) ? cursorEnded() : error;
    });
    return this.#answerLeased(exchange, form, { ...asked, page });
  }

  #answerLeased(
    exchange: Exchange,
    form: AnswerForm,
    found: {
      readonly page: ScanResult;
      readonly request: ListRequest;
      readonly lease: HeldCursor;
      readonly range?: KeyRange;
    },
  ): Response {
    const { page, request, lease } = found;
    const last = page.entries.at(-1);
    if (!page.hasMore || last === undefined) {
      this.#leases.close(lease);
      return answerPage(exchange, form, { page, request, cursor: null });
    }
    const cursor = encodeCursor({
      range: found.range ?? request.range,
      isReverse: request.isReverse,
      isKeysOnly: request.isKeysOnly,
      version: lease.snapshot.version,
      expiresAtMs: this.#leases.tokenExpiryMs(),
      leaseId: lease.leaseId,
      lastKey: last.key,
    });
    return answerPage(exchange, form, { page, request, cursor });
  }

  async #scan(
    exchange: Exchange,
    request: ListRequest,
    snapshot?: SnapshotHold,
  ): Promise<ScanResult> {
    const page = await this.#context.database.scan(sane(request.range), {
      deadlineMs: exchange.deadlineMs,
      limit: request.limit ?? pageEntryCountDefault,
      reverse: request.isReverse,
      keysOnly: request.isKeysOnly,
      snapshot,
      at: request.at,
    });
    exchange.sawVersion(page.version);
    return page;
  }
}

function isVacuumed(error: unknown): boolean {
  return error instanceof ShardError && error.code === "version_vacuumed";
}

/** A cursor may come alone; what comes with it must be what it was made for. */
function readToken(parameters: Parameters, text: string): CursorToken {
  const token = decodeCursor(text);
  const given = readList(parameters);
  const isSame = (!namesRange(parameters) ||
    (given.range.start === token.range.start && given.range.end === token.range.end)) &&
    (!parameters.has("reverse") || given.isReverse === token.isReverse) &&
    (!parameters.has("keys_only") || given.isKeysOnly === token.isKeysOnly);
  if (given.at !== undefined && given.at !== token.version) {
    throw badParameter("at", "the cursor's pages see another version");
  }
  if (!isSame) throw badParameter("cursor", "it was made for another range");
  return token;
}

function answerPage(
  exchange: Exchange,
  form: AnswerForm,
  found: {
    readonly page: ScanResult;
    readonly request: ListRequest;
    readonly cursor: string | null;
  },
): Response {
  const { entries, version } = found.page;
  const { isKeysOnly, isExact } = found.request;
  const shape = { isKeysOnly, isExact };
  const versionstamp = versionstampText(version);
  if (form === "msgpack") {
    const objects = entries.map((entry) => entryObject(entry.key, entry, shape));
    return exchange.answerObject(200, form, {
      entries: objects,
      cursor: found.cursor,
      versionstamp,
    });
  }
  // Appending leaves the copying to the one flattening when the answer is sent.
  let texts = "";
  for (const entry of entries) {
    texts += texts === ""
      ? entryJson(entry.key, entry, shape)
      : `,${entryJson(entry.key, entry, shape)}`;
  }
  const cursor = found.cursor === null ? "null" : `"${found.cursor}"`;
  return exchange.answerJson(
    200,
    `{"entries":[${texts}],"cursor":${cursor},"versionstamp":"${versionstamp}"}`,
  );
}
