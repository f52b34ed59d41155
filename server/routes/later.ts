/**
 * Routes that later work brings: they are known, and say so.
 *
 * @module
 */
import { RequestError } from "../errors.ts";
import type { Exchange } from "../middleware/exchange.ts";

/** Answers `not_implemented`. */
export function answerLater(exchange: Exchange): Response {
  const { method } = exchange.request;
  throw new RequestError(
    "not_implemented",
    `Cannot answer ${method} ${exchange.path.slice(0, 100)}: this is not built yet`,
  );
}
