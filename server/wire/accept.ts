/**
 * Content negotiation (RFC 9110, section 12.5.1) between the forms that an answer can take.
 *
 * @module
 */
import { RequestError } from "../errors.ts";

/** A form that an answer can take. */
export type AnswerForm = "json" | "msgpack" | "ndjson" | "html" | "text";

const typesOf: Readonly<Record<AnswerForm, readonly string[]>> = {
  json: ["application/json"],
  msgpack: ["application/msgpack", "application/x-msgpack", "application/vnd.msgpack"],
  ndjson: ["application/x-ndjson", "application/ndjson"],
  html: ["text/html"],
  text: ["text/plain"],
};

const rangeCountMax = 64;

/**
 * Returns the form that the client likes best; the first offered one where it does not care.
 *
 * @param accept The `Accept` header.
 * @throws {RequestError} `not_acceptable` where it takes none of them.
 */
export function negotiate(accept: string | null, offered: readonly AnswerForm[]): AnswerForm {
  if (accept === null || accept === "*/*" || accept === "") return offered[0];
  let best: AnswerForm | undefined;
  let bestRank = 0;
  const ranges = accept.toLowerCase().split(",").slice(0, rangeCountMax).map(parseRange);
  for (const form of offered) {
    const rank = rankOf(form, ranges);
    if (rank > bestRank) {
      best = form;
      bestRank = rank;
    }
  }
  if (best !== undefined) return best;
  const types = offered.map((form) => typesOf[form][0]);
  throw new RequestError(
    "not_acceptable",
    `Cannot answer as ${accept.slice(0, 200)}: the forms are ${types.join(", ")}`,
    { acceptable: types },
  );
}

interface MediaRange {
  readonly type: string;
  readonly quality: number;
}

function parseRange(text: string): MediaRange {
  const [type, ...parameters] = text.split(";").map((part) => part.trim());
  const quality = parameters.find((parameter) => parameter.startsWith("q="));
  const value = quality === undefined ? 1 : Number(quality.slice(2));
  return { type, quality: value >= 0 && value <= 1 ? value : 0 };
}

/** The most specific range that fits decides; among equals the client's order does not count. */
function rankOf(form: AnswerForm, ranges: readonly MediaRange[]): number {
  const types = typesOf[form];
  const family = types[0].slice(0, types[0].indexOf("/")) + "/*";
  const exact = ranges.find((range) => types.includes(range.type));
  const fitting = exact ?? ranges.find((range) => range.type === family) ??
    ranges.find((range) => range.type === "*/*");
  return fitting?.quality ?? 0;
}
