/**
 * `/v1/admin/vacuum` and `/v1/admin/holders`: dropping what nobody can read any more, what that
 * would find, and who keeps it from being dropped.
 *
 * @module
 */
import { latin1Decode } from "../../storage/env/mod.ts";
import type { AppContext } from "../context.ts";
import { RequestError } from "../errors.ts";
import type { BodyReader } from "../middleware/body.ts";
import type { Exchange } from "../middleware/exchange.ts";
import { bodyForm, parseBody } from "../middleware/structured_body.ts";
import { badField, base64Bytes, type Fields, objectFields } from "../wire/fields.ts";
import { holderId, holdersObject } from "../wire/holders.ts";
import { checkKey, prefixDetails } from "../wire/keys.ts";
import { orderSizeBytesMax, vacuumIoBytesMax, vacuumIoBytesMin } from "../wire/limits.ts";
import { vacuumReportObject } from "../wire/vacuum_report.ts";
import { readPlainKey } from "../wire/values.ts";
import type { JobRoutes } from "./jobs.ts";
import { refuseContentEncoding } from "./key.ts";

const noParameters: ReadonlySet<string> = new Set();
const vacuumFields: ReadonlySet<string> = new Set([
  "prefix",
  "prefixBase64",
  "report",
  "release",
  "ioBytesPerSecond",
]);

/** The routes of VACUUM. */
export class VacuumRoutes {
  readonly #context: AppContext;
  readonly #bodies: BodyReader;
  readonly #jobs: JobRoutes;

  constructor(context: AppContext, bodies: BodyReader, jobs: JobRoutes) {
    this.#context = context;
    this.#bodies = bodies;
    this.#jobs = jobs;
  }

  /** `POST /v1/admin/vacuum`: vacuums, reports, or ends a hold. */
  readonly post = async (exchange: Exchange): Promise<Response> => {
    exchange.parameters(noParameters);
    refuseContentEncoding(exchange);
    const form = bodyForm(exchange);
    const limits = { sizeBytesMax: orderSizeBytesMax, code: "request_too_large" } as const;
    const body = await this.#bodies.read(exchange, limits);
    const fields = objectFields(body.length === 0 ? {} : parseBody(form, body), "", vacuumFields);
    if (fields.release !== undefined) return this.#release(exchange, fields);
    const prefix = readPrefix(fields);
    const ioBytesPerSecond = readIoBytes(fields);
    const shown = prefix === undefined ? {} : prefixDetails(prefix);
    const { node, database } = this.#context;
    if (readReport(fields)) {
      if (ioBytesPerSecond !== undefined) {
        throw badField("ioBytesPerSecond", "a report has no such field");
      }
      return this.#jobs.start(exchange, {
        kind: "vacuumReport",
        parameters: shown,
        run: async (onProgress) =>
          vacuumReportObject(await node.vacuumReport({ prefix, onProgress }), database),
      });
    }
    return this.#jobs.start(exchange, {
      kind: "vacuum",
      parameters: { ...shown, ioBytesPerSecond },
      run: (onProgress) => node.vacuum({ prefix, ioBytesPerSecond, onProgress }),
    });
  };

  /** `GET /v1/admin/holders`. */
  readonly holders = (exchange: Exchange): Response => {
    exchange.parameters(noParameters);
    const form = exchange.negotiate(["json", "msgpack"]);
    const { database } = this.#context;
    return exchange.answerObject(200, form, holdersObject(database));
  };

  #release(exchange: Exchange, fields: Fields): Response {
    const { release } = fields;
    if (typeof release !== "string") throw badField("release", "it is the id of a holder");
    for (const name in fields) {
      if (name !== "release") throw badField(name, "release is given as well");
    }
    const { database } = this.#context;
    if (database.releaseHolder(release)) {
      return exchange.answerObject(200, "json", { released: true });
    }
    if (!database.holders().some((holder) => holderId(holder) === release)) {
      throw new RequestError("not_found", "Cannot release: nothing is held by that id");
    }
    throw new RequestError(
      "invalid_request",
      "Cannot release a retention: `ankylo retention set` says how long versions are kept",
      { field: "release" },
    );
  }
}

/** Of all keys where it is empty. */
function readPrefix(fields: Fields): string | undefined {
  const { prefix, prefixBase64 } = fields;
  if (prefixBase64 !== undefined) {
    if (prefix !== undefined) throw badField("prefix", "prefixBase64 is given as well");
    const bytes = base64Bytes(prefixBase64, "prefixBase64");
    return bytes.length === 0 ? undefined : checkKey(latin1Decode(bytes, 0, bytes.length));
  }
  return prefix === undefined || prefix === "" ? undefined : readPlainKey(prefix, "prefix");
}

function readReport({ report }: Fields): boolean {
  if (report === undefined) return false;
  if (typeof report !== "boolean") throw badField("report", "it is true or false");
  return report;
}

function readIoBytes({ ioBytesPerSecond }: Fields): number | undefined {
  if (ioBytesPerSecond === undefined) return undefined;
  const count = Number(ioBytesPerSecond);
  const isTaken = Number.isInteger(ioBytesPerSecond) &&
    (count === 0 || (count >= vacuumIoBytesMin && count <= vacuumIoBytesMax));
  if (isTaken) return count;
  throw badField(
    "ioBytesPerSecond",
    `it is 0, for no bound, or a number from ${vacuumIoBytesMin} to ${vacuumIoBytesMax}`,
  );
}
