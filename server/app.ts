/**
 * The HTTP application: joins routes and what surrounds them, and listens nowhere.
 *
 * Each route is one handler for Hono, without middlewares: Hono then calls it directly, and
 * `middleware/serve.ts` does in one function what a chain would do in ten. What Hono finds no route
 * for comes through the same function, so that tokens, counters and log lines miss nothing.
 *
 * @module
 */
import { Hono } from "hono";
import { RegExpRouter } from "hono/router/reg-exp-router";
import type { AppContext } from "./context.ts";
import { RequestError } from "./errors.ts";
import { AnswerMemory } from "./middleware/answer_memory.ts";
import { Authenticator } from "./middleware/auth.ts";
import { BodyReader } from "./middleware/body.ts";
import { Expiries } from "./middleware/expiries.ts";
import type { Exchange } from "./middleware/exchange.ts";
import { serve, type ServedRoute, type Surroundings } from "./middleware/serve.ts";
import { BatchRoute } from "./routes/batch.ts";
import { CursorLeases } from "./routes/cursor_leases.ts";
import { DocumentRoutes } from "./routes/documents.ts";
import { HealthRoutes } from "./routes/health.ts";
import { HistoryRoutes } from "./routes/history.ts";
import { JobRoutes } from "./routes/jobs.ts";
import { KeyRoutes } from "./routes/key.ts";
import { RangeRoutes } from "./routes/range.ts";
import { RangeStreams } from "./routes/range_stream.ts";
import { RetentionRoutes } from "./routes/retention.ts";
import { StatusRoutes } from "./routes/status.ts";
import { allowedMethods, patternOf, type Route, routeTable } from "./routes/table.ts";
import { TransactionRoute } from "./routes/transaction.ts";
import { VacuumRoutes } from "./routes/vacuum.ts";
import { WatchRoute } from "./routes/watch.ts";
import { Metrics } from "./telemetry/metrics.ts";
import { ProcessSampler } from "./telemetry/process_sampler.ts";
import { RouteMeter } from "./telemetry/route_meter.ts";
import { splitUrl } from "./wire/url.ts";

/**
 * Builds the application. What it holds and waits for ends when `context.closing` is aborted, so
 * abort it when done with the application.
 *
 * @example Without a socket
 * ```ts ignore
 * const response = await buildApp(context).request("/v1/kv/greeting");
 * ```
 */
export function buildApp(context: AppContext): Hono {
  const expiries = new Expiries(context.clock);
  const around: Surroundings = {
    context,
    authenticator: new Authenticator(context.config.tokens),
    inWork: { requestCount: 0 },
    bodies: new BodyReader({
      expiries,
      sizeBytesInFlightMax: context.config.bodySizeBytesInFlightMax,
    }),
    answers: new AnswerMemory({
      clock: context.clock,
      expiries,
      sizeBytesInFlightMax: context.config.answerSizeBytesInFlightMax,
      idleMs: context.config.streamIdleMs,
    }),
    nextRequestId: requestIds(),
  };
  const { routes, meterOf } = assembleRoutes(context, around, expiries);
  const app = new Hono({
    router: new RegExpRouter(),
    // A key's bytes are its route's business: with the pattern in its place, all routes are found
    // by one look into a table.
    getPath: (request) => patternOf(splitUrl(request.url).path),
  });
  for (const route of routes) {
    const served: ServedRoute = { ...route, meter: meterOf(route.operation) };
    app.on(route.method, route.path, (c) => serve(around, served, c.req.raw));
  }
  const unknown: ServedRoute = {
    operation: "unknown",
    access: "token",
    handler: (exchange) => answerUnknown(routes, exchange),
    meter: meterOf("unknown"),
  };
  app.notFound((c) => serve(around, unknown, c.req.raw));
  return app;
}

interface Assembled {
  readonly routes: readonly Route[];
  readonly meterOf: (operation: string) => RouteMeter;
}

function assembleRoutes(
  context: AppContext,
  around: Surroundings,
  expiries: Expiries,
): Assembled {
  const { closing } = context;
  const { bodies } = around;
  const sampler = new ProcessSampler(context.clock);
  const leases = new CursorLeases(context, expiries);
  const streams = new RangeStreams(context, expiries);
  const watch = new WatchRoute(context, expiries);
  const meters = new Map<string, RouteMeter>();
  const meterOf = (operation: string) => {
    const meter = meters.get(operation) ?? new RouteMeter(operation);
    meters.set(operation, meter);
    return meter;
  };
  const metrics = new Metrics({
    context,
    meters: () => [...meters.values()],
    sampler,
    gauges: () => ({
      requests_in_work: around.inWork.requestCount,
      body_size_bytes_in_flight: bodies.sizeBytesInFlight,
      answer_size_bytes_in_flight: around.answers.sizeBytesInFlight,
      cursors_held: leases.count,
      streams_open: streams.count,
      watches_open: watch.count,
    }),
  });
  const jobs = new JobRoutes(context);
  const routes = routeTable({
    key: new KeyRoutes(context, bodies),
    range: new RangeRoutes(context, leases, streams),
    transaction: new TransactionRoute(context, bodies),
    batch: new BatchRoute(context, bodies),
    history: new HistoryRoutes(context, bodies),
    retention: new RetentionRoutes(context, bodies),
    vacuum: new VacuumRoutes(context, bodies, jobs),
    watch,
    health: new HealthRoutes(context),
    status: new StatusRoutes(context, metrics),
    jobs,
    documents: new DocumentRoutes(),
  });
  const close = () => {
    sampler.close();
    expiries.close();
  };
  if (closing.aborted) close();
  else closing.addEventListener("abort", close, { once: true });
  return { routes, meterOf };
}

/** Answers what no route was met for: another method, or no such path. */
function answerUnknown(routes: readonly Route[], exchange: Exchange): Response {
  const allowed = allowedMethods(routes, exchange.path);
  const { method } = exchange.request;
  if (allowed.length === 0) {
    throw new RequestError("not_found", `Cannot answer ${method}: there is no such path`);
  }
  const response = method === "OPTIONS"
    ? exchange.answerEmpty(204)
    : exchange.problem("method_not_allowed", `Cannot answer ${method} here`, { allowed });
  response.headers.append("allow", allowed.join(", "));
  return response;
}

/** Names for requests that bring none: unique on this node, and unlike those of its last run. */
function requestIds(): () => string {
  const run = crypto.getRandomValues(new Uint8Array(6)).toHex();
  let count = 0;
  return () => `${run}-${(count++).toString(36)}`;
}
