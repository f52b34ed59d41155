/**
 * Builds the application over the database in memory, and takes answers apart.
 *
 * @module
 */
import { equal } from "node:assert/strict";
import type { Hono } from "hono";
import { buildApp } from "../../server/app.ts";
import { type AppConfig, appConfig, type NodeView } from "../../server/context.ts";
import type { VacuumReport } from "../../sharding/mod.ts";
import type { LogFields, Logger, LogLevel } from "../../storage/env/mod.ts";
import { ManualClock } from "./manual_clock.ts";
import { MemoryDatabase } from "./memory_database.ts";

/** One line that the application logged. */
export interface LoggedLine {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

/** An application with all that surrounds it. */
export interface Harness {
  readonly app: Hono;
  readonly clock: ManualClock;
  readonly database: MemoryDatabase;
  readonly lines: LoggedLine[];
  readonly fatal: unknown[];
  readonly closing: AbortController;
  /** Sends a request to `path`. */
  send(method: string, path: string, init?: RequestInit): Promise<Response>;
  /** Sends a JSON body. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
}

/** Returns the report of a node that keeps nothing. */
export function emptyReport(): VacuumReport {
  const figures = {
    liveCount: 0,
    liveBytes: 0,
    deadCount: 0,
    deadBytes: 0,
    heldCount: 0,
    heldBytes: 0,
  };
  return {
    version: 77,
    horizons: {
      userVersion: 0,
      changeVersion: 0,
      requestVersion: 0,
      expiryVersion: 0,
      rules: [],
    },
    memory: figures,
    levels: [{ level: 0, tableCount: 0, ...figures }],
    prefixes: [],
    totals: figures,
    sizeBytes: 0,
    bloat: 0,
    folderBytes: 0,
  };
}

/** Returns a node that has nothing to tell, with some of its work replaced. */
export function idleNode(work: Partial<NodeView> = {}): NodeView {
  const nothing = () => Promise.resolve({});
  return {
    statistics: () => ({ engine: { writeCount: 3 } }),
    check: nothing,
    vacuum: nothing,
    vacuumReport: () => Promise.resolve(emptyReport()),
    ...work,
  };
}

/** Returns a fresh application. Its clock stands still, so it leaves no timer behind. */
export function harness(
  config: Partial<AppConfig> = {},
  node: NodeView = idleNode(),
): Harness {
  const clock = new ManualClock();
  const database = new MemoryDatabase(clock, config.valueSizeBytesMax);
  const lines: LoggedLine[] = [];
  const fatal: unknown[] = [];
  const closing = new AbortController();
  const logger: Logger = {
    log: (level, event, fields = {}) => void lines.push({ level, event, fields }),
  };
  const app = buildApp({
    database,
    node,
    clock,
    logger,
    config: appConfig(config),
    closing: closing.signal,
    onFatal: (error) => void fatal.push(error),
  });
  const send = async (method: string, path: string, init: RequestInit = {}) =>
    await app.request(`http://127.0.0.1${path}`, { ...init, method });
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    send("POST", path, {
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    });
  return { app, clock, database, lines, fatal, closing, send, post };
}

/** Puts a text value and returns its versionstamp. */
export async function put(
  { send }: Harness,
  key: string,
  value: string,
  contentType = "text/plain",
): Promise<string> {
  const headers = { "content-type": contentType };
  const response = await send("PUT", `/v1/kv/${key}`, { body: value, headers });
  equal(response.status, 200);
  const { versionstamp } = await response.json();
  return versionstamp;
}

/** Checks that an answer is the problem, and returns its body. */
export async function problem(
  response: Response,
  status: number,
  code: string,
): Promise<Record<string, unknown>> {
  const text = await response.text();
  equal(`${response.status} ${JSON.parse(text).code}`, `${status} ${code}`, text);
  equal(response.headers.get("content-type"), "application/problem+json");
  const body = JSON.parse(text);
  equal(body.status, status);
  equal(body.type, `/docs#${code}`);
  equal(typeof body.retryable, "boolean");
  return body;
}
