/**
 * `ankylo bench`: puts load on a server and tells how fast it answers.
 *
 * Each connection sends its next request when the last was answered. Keys are `bench/` and eight
 * digits, drawn evenly; `get`, `scan` and `mixed` write all of them first.
 *
 * @module
 */
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { type Command, Option } from "commander";
import { SeededRandom, SystemClock } from "../../storage/env/mod.ts";
import type { ApiClient } from "./api_client.ts";
import { BenchConnection } from "./bench_connection.ts";
import { CliError, usageError } from "./cli_error.ts";
import type { CliIo } from "./cli_io.ts";
import { grouped, printJson, printPairs } from "./output.ts";
import { Progress } from "./progress.ts";
import {
  clientOf,
  type ServerVerbOptions,
  wholeNumber,
  withExamples,
  withServer,
} from "./verb_options.ts";

type BenchMode = "put" | "get" | "mixed" | "scan";

interface BenchOptions extends ServerVerbOptions {
  readonly mode: BenchMode;
  readonly connections: number;
  readonly seconds?: number;
  readonly requests?: number;
  readonly valueSize: number;
  readonly keys: number;
}

interface Run {
  readonly latency: RecordableHistogram;
  requestCount: number;
  failedCount: number;
  readonly statuses: Map<number, number>;
}

const encoder = new TextEncoder();
const secondsDefault = 5;
const scanLimit = 100;
const fillBatchSize = 1_000;

/** Adds the verb to a program. */
export function addBench(program: Command, io: CliIo): void {
  const command = program
    .command("bench")
    .description("put load on a server, under the keys bench/…, and tell how fast it answers")
    .addOption(
      new Option("-m, --mode <mode>", "what is sent; mixed is one put in five, the rest gets")
        .choices(["put", "get", "mixed", "scan"]).default("put"),
    )
    .option("-c, --connections <n>", "connections at once", wholeNumber(1, 10_000), 64)
    .option("-s, --seconds <n>", `for how long (default ${secondsDefault})`, wholeNumber(1, 86_400))
    .option("-n, --requests <n>", "how many requests, instead of --seconds", wholeNumber(1))
    .option("--value-size <bytes>", "the size of a value", wholeNumber(0, 16_777_216), 100)
    .option("--keys <n>", "how many different keys", wholeNumber(1, 100_000_000), 10_000);
  withExamples(withServer(command), [
    "bench",
    "bench --mode get --connections 256 --seconds 10",
    "bench --mode mixed --value-size 1024 --keys 1000000 --output json",
  ]);
  command.action((options: BenchOptions) => runBench(io, options));
}

async function runBench(io: CliIo, options: BenchOptions): Promise<void> {
  if (options.seconds !== undefined && options.requests !== undefined) {
    throw usageError("Cannot run for --seconds and for --requests: give one of them");
  }
  const client = clientOf(io, options);
  await client.json("/v1/kv?limit=1");
  if (options.mode !== "put") await fillKeys(io, client, options);
  const clock = new SystemClock();
  const run: Run = {
    latency: createHistogram(),
    requestCount: 0,
    failedCount: 0,
    statuses: new Map(),
  };
  const startMs = clock.monotonicMs();
  await drive(io, { client, options, run, clock });
  const elapsedSeconds = (clock.monotonicMs() - startMs) / 1_000;
  await report(io, { options, run, elapsedSeconds });
  if (run.failedCount > 0) {
    const statuses = [...run.statuses].map(([status, count]) => `${count} × ${status}`).join(", ");
    throw new CliError("bench_failed", `Cannot call all answers good: ${statuses}`);
  }
}

/** Keeps all connections busy until the time or the requests are used up. */
async function drive(
  io: CliIo,
  load: {
    readonly client: ApiClient;
    readonly options: BenchOptions;
    readonly run: Run;
    readonly clock: SystemClock;
  },
): Promise<void> {
  const { client, options, run, clock } = load;
  const requestCountMax = options.requests ?? Infinity;
  const startMs = clock.monotonicMs();
  const lengthMs = options.requests === undefined
    ? (options.seconds ?? secondsDefault) * 1_000
    : Infinity;
  const isTimed = options.requests === undefined;
  const progress = new Progress(io, {
    unit: isTimed ? "ms" : "requests",
    total: isTimed ? lengthMs : requestCountMax,
  });
  let startedCount = 0;
  const work = async (index: number) => {
    const next = requestMaker(client, options, index);
    const connection = await BenchConnection.open(new URL(client.urls[index % client.urls.length]));
    try {
      while (startedCount < requestCountMax && clock.monotonicMs() - startMs < lengthMs) {
        startedCount++;
        const request = next();
        const sentMs = clock.monotonicMs();
        const { status } = await connection.send(request);
        const nowMs = clock.monotonicMs();
        run.latency.record(Math.max(1, Math.round((nowMs - sentMs) * 1_000)));
        run.requestCount++;
        if (status >= 300) {
          run.failedCount++;
          run.statuses.set(status, (run.statuses.get(status) ?? 0) + 1);
        }
        if (run.requestCount % 256 === 0) {
          progress.update(isTimed ? nowMs - startMs : run.requestCount);
        }
      }
    } finally {
      connection.close();
    }
  };
  const outcomes = await Promise.allSettled(
    Array.from({ length: options.connections }, (_, index) => work(index)),
  );
  progress.stop();
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) {
    const found = failed.reason instanceof Error ? failed.reason.message : String(failed.reason);
    throw new CliError("unreachable", `Cannot go on: a connection failed: ${found}`);
  }
}

/** Returns what makes the next request of a connection, as bytes. */
function requestMaker(client: ApiClient, options: BenchOptions, index: number): () => Uint8Array {
  const random = new SeededRandom(index + 1);
  const { host, pathname } = new URL(client.urls[index % client.urls.length]);
  const base = pathname === "/" ? "" : pathname;
  const authorization = client.authorization;
  const common = `host: ${host}\r\n` +
    (authorization === undefined ? "" : `authorization: ${authorization}\r\n`);
  const value = new Uint8Array(options.valueSize).fill(0x78);
  const put = () => {
    const head = encoder.encode(
      `PUT ${base}/v1/kv/${benchKey(random.below(options.keys))} HTTP/1.1\r\n${common}` +
        `content-type: application/octet-stream\r\ncontent-length: ${value.length}\r\n\r\n`,
    );
    const request = new Uint8Array(head.length + value.length);
    request.set(head);
    request.set(value, head.length);
    return request;
  };
  const get = () =>
    encoder.encode(
      `GET ${base}/v1/kv/${benchKey(random.below(options.keys))} HTTP/1.1\r\n${common}\r\n`,
    );
  const scan = () => {
    const start = benchKey(random.below(options.keys));
    return encoder.encode(
      `GET ${base}/v1/kv?prefix=bench/&start=${start}&limit=${scanLimit} HTTP/1.1\r\n` +
        `${common}accept: application/json\r\n\r\n`,
    );
  };
  if (options.mode === "put") return put;
  if (options.mode === "get") return get;
  return options.mode === "scan" ? scan : () => random.below(5) === 0 ? put() : get();
}

async function fillKeys(io: CliIo, client: ApiClient, options: BenchOptions): Promise<void> {
  const valueBase64 = new Uint8Array(options.valueSize).fill(0x78).toBase64();
  const progress = new Progress(io, { unit: "keys", total: options.keys });
  // A batch stays well below what a request may hold.
  const room = Math.floor(16_777_216 / (valueBase64.length + 64));
  const batchSize = Math.max(1, Math.min(fillBatchSize, room));
  try {
    for (let start = 0; start < options.keys; start += batchSize) {
      const count = Math.min(batchSize, options.keys - start);
      const operations = Array.from({ length: count }, (_, offset) => ({
        op: "set",
        key: benchKey(start + offset),
        valueBase64,
      }));
      await client.json("/v1/batch", {
        method: "POST",
        headers: { "content-type": "application/json", "ankylo-timeout": "60s" },
        body: JSON.stringify({ operations }),
      });
      progress.update(start + count);
    }
  } finally {
    progress.stop();
  }
}

function benchKey(index: number): string {
  return `bench/${String(index).padStart(8, "0")}`;
}

async function report(
  io: CliIo,
  result: {
    readonly options: BenchOptions;
    readonly run: Run;
    readonly elapsedSeconds: number;
  },
): Promise<void> {
  const { options, run, elapsedSeconds } = result;
  const milliseconds = (micros: number) => micros / 1_000;
  const found = {
    mode: options.mode,
    connections: options.connections,
    seconds: Number(elapsedSeconds.toFixed(3)),
    requests: run.requestCount,
    failed: run.failedCount,
    requestsPerSecond: Math.round(run.requestCount / elapsedSeconds),
    p50Ms: milliseconds(run.latency.percentile(50)),
    p90Ms: milliseconds(run.latency.percentile(90)),
    p99Ms: milliseconds(run.latency.percentile(99)),
    maxMs: milliseconds(run.latency.max),
  };
  if (options.output === "json") return await printJson(io, found);
  await printPairs(
    io,
    Object.entries(found).map(([name, value]) =>
      typeof value === "number"
        ? [name, grouped(value, name.endsWith("Ms") || name === "seconds" ? 3 : 0)]
        : [name, value]
    ),
  );
}
