/**
 * The table of routes: what the application answers, what the documents describe, and what `Allow`
 * says. There is no other list.
 *
 * @module
 */
import type { RouteAccess, RouteHandler } from "../middleware/serve.ts";
import type { BatchRoute } from "./batch.ts";
import type { DocumentRoutes } from "./documents.ts";
import type { HealthRoutes } from "./health.ts";
import type { HistoryRoutes } from "./history.ts";
import type { JobRoutes } from "./jobs.ts";
import type { KeyRoutes } from "./key.ts";
import { answerLater } from "./later.ts";
import type { RangeRoutes } from "./range.ts";
import type { RetentionRoutes } from "./retention.ts";
import type { StatusRoutes } from "./status.ts";
import type { TransactionRoute } from "./transaction.ts";
import type { VacuumRoutes } from "./vacuum.ts";
import type { WatchRoute } from "./watch.ts";

/** The methods that routes have; `HEAD` comes with `GET`. */
export type RouteMethod = "GET" | "PUT" | "DELETE" | "POST";

/** One route. */
export interface Route {
  readonly method: RouteMethod;
  /** Exact, or a prefix and what stands for all behind it in braces. */
  readonly path: string;
  /** Names it in metrics, logs and the OpenAPI document. */
  readonly operation: string;
  readonly access: RouteAccess;
  readonly handler: RouteHandler;
  /** Whether it is known but not built: documents leave it out. */
  readonly isLater?: boolean;
}

/** What the routes are served by. */
export interface RouteHandlers {
  readonly key: KeyRoutes;
  readonly range: RangeRoutes;
  readonly transaction: TransactionRoute;
  readonly batch: BatchRoute;
  readonly history: HistoryRoutes;
  readonly retention: RetentionRoutes;
  readonly vacuum: VacuumRoutes;
  readonly watch: WatchRoute;
  readonly health: HealthRoutes;
  readonly status: StatusRoutes;
  readonly jobs: JobRoutes;
  readonly documents: DocumentRoutes;
}

/** Returns all routes: each pattern and method once. */
export function routeTable(handlers: RouteHandlers): readonly Route[] {
  const { key, range, transaction, batch, history, retention, vacuum, watch } = handlers;
  const { health, status, jobs, documents } = handlers;
  return [
    route("GET", "/v1/kv", "listKeys", range.list),
    route("DELETE", "/v1/kv", "deleteRange", range.delete),
    route("GET", "/v1/kv/{key}", "getKey", key.get),
    route("PUT", "/v1/kv/{key}", "putKey", key.put),
    route("DELETE", "/v1/kv/{key}", "deleteKey", key.delete),
    route("POST", "/v1/txn", "runTransaction", transaction.post),
    route("POST", "/v1/batch", "runBatch", batch.post),
    route("GET", "/v1/history/{key}", "getHistory", history.get),
    route("POST", "/v1/history/{key}", "revertKey", history.revert),
    route("GET", "/v1/watch", "watchKeys", watch.get),
    route("GET", "/v1/admin/retention", "getRetention", retention.get),
    route("PUT", "/v1/admin/retention", "setRetention", retention.put),
    route("DELETE", "/v1/admin/retention", "removeRetention", retention.delete),
    route("POST", "/v1/admin/vacuum", "startVacuum", vacuum.post),
    route("GET", "/v1/admin/holders", "getHolders", vacuum.holders),
    route("GET", "/v1/status", "getStatus", status.status),
    route("POST", "/v1/admin/check", "startCheck", jobs.check),
    route("GET", "/v1/admin/jobs/{id}", "getJob", jobs.job),
    route("GET", "/openapi.json", "getOpenApi", documents.openApi),
    route("GET", "/docs", "getDocs", documents.docs),
    route("GET", "/", "getHome", documents.home),
    { ...route("GET", "/metrics", "getMetrics", status.metrics), access: "metrics" },
    { ...route("GET", "/livez", "getLive", health.live), access: "open" },
    { ...route("GET", "/readyz", "getReady", health.ready), access: "open" },
    { ...route("GET", "/leader", "getLeader", health.leader), access: "open" },
    { ...route("GET", "/replica", "getReplica", health.replica), access: "open" },
    later("GET", "/v1/cluster"),
    later("GET", "/v1/shards"),
    later("GET", "/v1/shards/locate"),
    later("GET", "/v1/admin/{verb}"),
    later("POST", "/v1/admin/{verb}"),
    later("DELETE", "/v1/admin/{verb}"),
    later("POST", "/"),
    later("GET", "/v2/{call}"),
    later("POST", "/v2/{call}"),
  ];
}

/** Returns the methods that a path has, `HEAD` and `OPTIONS` included; none where it is unknown. */
export function allowedMethods(routes: readonly Route[], path: string): readonly string[] {
  const methods = new Set<string>();
  const wanted = patternOf(path);
  for (const { method, path: pattern } of routes) {
    if (pattern !== wanted) continue;
    methods.add(method);
    if (method === "GET") methods.add("HEAD");
  }
  if (methods.size > 0) methods.add("OPTIONS");
  return [...methods];
}

// The paths with more behind them; a longer one stands before a shorter one that covers it.
const openPatterns = [
  "/v1/kv/{key}",
  "/v1/history/{key}",
  "/v1/admin/jobs/{id}",
  "/v1/admin/{verb}",
  "/v2/{call}",
].map((pattern) => ({ pattern, prefix: pattern.slice(0, pattern.indexOf("{")) }));

/** Returns the pattern of the routes that serve a path; the path itself where it is exact. */
export function patternOf(path: string): string {
  if (exactPaths.has(path)) return path;
  const open = openPatterns.find(({ prefix }) => path.startsWith(prefix));
  return open === undefined ? path : open.pattern;
}

// Exact, though an open pattern covers them.
const exactPaths: ReadonlySet<string> = new Set([
  "/v1/admin/check",
  "/v1/admin/retention",
  "/v1/admin/vacuum",
  "/v1/admin/holders",
]);

function route(
  method: RouteMethod,
  path: string,
  operation: string,
  handler: RouteHandler,
): Route {
  return { method, path, operation, access: "token", handler };
}

function later(method: RouteMethod, path: string): Route {
  return { ...route(method, path, "notBuilt", answerLater), isLater: true };
}
