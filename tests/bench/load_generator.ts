/**
 * The load generator: N connections, each with one request in flight, in a process of its own so
 * that it shares no core with the server it measures.
 *
 * Run as `deno run -A tests/bench/load_generator.ts '<LoadOptions as JSON>'`; prints a `LoadResult`.
 *
 * @module
 */
import process from "node:process";
import { answerReader, type Operation, type PeerName, requestMaker } from "./protocols.ts";
import { percentile } from "./statistics.ts";

/** What is to be done. */
export interface LoadOptions {
  readonly peer: PeerName;
  readonly port: number;
  readonly operation: Operation;
  readonly connectionCount: number;
  /** The number of the first key. */
  readonly firstKey: number;
  /** How many keys there are. */
  readonly keyCount: number;
  /** Every key once in order, instead of random ones until the time is up. */
  readonly isFill: boolean;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/** What came of it. */
export interface LoadResult {
  readonly requestCount: number;
  readonly errorCount: number;
  readonly elapsedMs: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The longest. */
  readonly maxMs: number;
  readonly meanSizeBytes: number;
  /** What this process itself used: where it nears 1 the generator was the limit. */
  readonly ownCpuSeconds: number;
}

interface Progress {
  /** When requests count, on the monotonic clock. */
  startMs: number;
  endMs: number;
  requestCount: number;
  errorCount: number;
  sizeBytes: number;
  nextKey: number;
  readonly latenciesMs: number[];
}

/** Runs the load. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const startMs = performance.now() + (options.isFill ? 0 : options.warmUpMs);
  const progress: Progress = {
    startMs,
    endMs: options.isFill ? Infinity : startMs + options.durationMs,
    requestCount: 0,
    errorCount: 0,
    sizeBytes: 0,
    nextKey: 0,
    latenciesMs: [],
  };
  const connections = Array.from(
    { length: options.connectionCount },
    () => runConnection(options, progress),
  );
  await Promise.all(connections);
  const elapsedMs = options.isFill ? performance.now() - startMs : options.durationMs;
  const latencies = Float64Array.from(progress.latenciesMs).sort();
  const cpu = process.cpuUsage();
  return {
    requestCount: progress.requestCount,
    errorCount: progress.errorCount,
    elapsedMs,
    perSecond: progress.requestCount / elapsedMs * 1_000,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    maxMs: percentile(latencies, 1),
    meanSizeBytes: progress.sizeBytes / Math.max(1, progress.requestCount),
    ownCpuSeconds: (cpu.user + cpu.system) / 1e6,
  };
}

async function runConnection(options: LoadOptions, progress: Progress): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: options.port });
  connection.setNoDelay(true);
  const makeRequest = requestMaker(options.peer, options.operation);
  const reader = answerReader(options.peer);
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const key = options.isFill ? progress.nextKey++ : Math.floor(Math.random() * options.keyCount);
    if (key >= options.keyCount) return;
    const sentMs = performance.now();
    if (sentMs >= progress.endMs) return;
    await writeAll(connection, makeRequest(options.firstKey + key));
    let isWhole = false;
    while (!isWhole) {
      const sizeBytes = await connection.read(buffer);
      if (sizeBytes === null) throw new Error("Cannot read an answer: the connection was closed");
      isWhole = reader.take(buffer.subarray(0, sizeBytes));
    }
    const nowMs = performance.now();
    if (sentMs < progress.startMs || nowMs > progress.endMs) continue;
    progress.requestCount++;
    progress.sizeBytes += reader.sizeBytes;
    if (!reader.isSuccess) progress.errorCount++;
    progress.latenciesMs.push(nowMs - sentMs);
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) written += await connection.write(bytes.subarray(written));
}

if (import.meta.main) {
  const result = await runLoad(JSON.parse(Deno.args[0]));
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(result)));
}
