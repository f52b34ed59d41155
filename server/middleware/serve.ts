/**
 * What surrounds every route, in one function: admission, the request's name, who asks, deadline,
 * the route itself, errors, counters and log lines.
 *
 * One function instead of a chain of middlewares, because each link of a chain costs a promise and
 * CPU per request is the limit of the whole server.
 *
 * @module
 */
import { InvariantError } from "../../storage/env/mod.ts";
import type { AppContext } from "../context.ts";
import { problemOf, RequestError } from "../errors.ts";
import type { RouteMeter } from "../telemetry/route_meter.ts";
import type { AnswerMemory } from "./answer_memory.ts";
import type { Authenticator } from "./auth.ts";
import type { BodyReader } from "./body.ts";
import { Exchange } from "./exchange.ts";

/** Answers a request. */
export type RouteHandler = (exchange: Exchange) => Response | Promise<Response>;

/** Who may ask without a token: anybody, anybody if the operator allows it, nobody. */
export type RouteAccess = "open" | "metrics" | "token";

/** Counts the requests in work. */
export interface InWork {
  requestCount: number;
}

/** What surrounds the routes. */
export interface Surroundings {
  readonly context: AppContext;
  readonly authenticator: Authenticator;
  readonly inWork: InWork;
  readonly bodies: BodyReader;
  readonly answers: AnswerMemory;
  /** Names a request that brought no name. */
  readonly nextRequestId: () => string;
}

/** What is known of the route that was met. */
export interface ServedRoute {
  readonly operation: string;
  readonly access: RouteAccess;
  readonly handler: RouteHandler;
  readonly meter: RouteMeter;
}

/** Answers one request: never rejects. */
export async function serve(
  around: Surroundings,
  route: ServedRoute,
  request: Request,
): Promise<Response> {
  const { context, inWork } = around;
  const exchange = new Exchange(context, request, around.answers);
  let response: Response;
  inWork.requestCount++;
  try {
    exchange.identify(around.nextRequestId);
    admit(around, route, exchange);
    exchange.readCommonHeaders();
    response = await route.handler(exchange);
  } catch (error) {
    response = answerError(context, exchange, error);
  } finally {
    inWork.requestCount--;
    if (exchange.reservedSizeBytes > 0) around.bodies.release(exchange);
  }
  const durationMs = context.clock.monotonicMs() - exchange.startedAtMs;
  route.meter.observe(response.status, durationMs);
  if (durationMs >= context.config.slowRequestMs || context.config.isAccessLogged) {
    logRequest(context, exchange, { operation: route.operation, response, durationMs });
  }
  return response;
}

/** Open routes tell of the node's health: they are answered however much is in work. */
function admit(around: Surroundings, route: ServedRoute, exchange: Exchange): void {
  if (route.access === "open") return;
  const { context, authenticator, inWork } = around;
  const isOpen = authenticator.isOpen ||
    (route.access === "metrics" && context.config.isMetricsOpen);
  if (!isOpen) exchange.tokenName = authenticator.nameOf(exchange.header("authorization"));
  if (inWork.requestCount > context.config.requestCountMax) {
    throw new RequestError("overloaded", "Cannot take the request: too many are in work");
  }
}

function answerError(context: AppContext, exchange: Exchange, error: unknown): Response {
  const { problem, isOurs } = problemOf(error);
  if (isOurs) {
    context.logger.log("error", "request_failed", {
      requestId: exchange.requestId,
      method: exchange.request.method,
      path: exchange.path,
      error: error instanceof Error ? error.stack ?? error.message : String(error),
    });
    if (error instanceof InvariantError) context.onFatal(error);
  }
  return exchange.answerProblem(problem);
}

function logRequest(
  context: AppContext,
  exchange: Exchange,
  seen: { readonly operation: string; readonly response: Response; readonly durationMs: number },
): void {
  const fields = {
    requestId: exchange.requestId,
    method: exchange.request.method,
    path: exchange.path,
    operation: seen.operation,
    status: seen.response.status,
    durationMs: Math.round(seen.durationMs * 1_000) / 1_000,
    token: exchange.tokenName,
  };
  const { slowRequestMs, isAccessLogged } = context.config;
  if (seen.durationMs >= slowRequestMs) context.logger.log("warn", "slow_request", fields);
  if (isAccessLogged) context.logger.log("debug", "request", fields);
}
