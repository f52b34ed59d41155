/**
 * Very many watches in a process of its own: each a connection that reads and counts.
 *
 * Run as `deno run -A tests/bench/watch_listeners.ts '<ListenOptions as JSON>'`: prints `ready` once
 * all watches are open, and a `ListenResult` once its stdin ends. How late an event is goes by the
 * clock on the wall, from its version, so it is good for processes of one machine only.
 *
 * @module
 */
import process from "node:process";
import { keyText } from "./protocols.ts";
import { percentile } from "./statistics.ts";

/** What is watched. */
export interface ListenOptions {
  readonly port: number;
  readonly watchCount: number;
  /** The watches are spread over so many prefixes. */
  readonly prefixCount: number;
  /** How many digits of a key number are behind a prefix. */
  readonly prefixDigits: number;
}

/** What came. */
export interface ListenResult {
  readonly eventCount: number;
  /** From the first event to the last. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly ownCpuSeconds: number;
}

const eventStart = "event: set\nid: ";
const versionDigits = 16;
/** Every so manieth event's lateness is kept. */
const sampleStep = 10;
/** Connections that are opened at a time. */
const openingCount = 50;

interface Heard {
  eventCount: number;
  firstMs: number;
  lastMs: number;
  readonly lateMs: number[];
}

async function open(options: ListenOptions, slot: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: options.port });
  const { prefixCount, prefixDigits } = options;
  const prefix = keyText((slot % prefixCount) * 10 ** prefixDigits).slice(0, -prefixDigits);
  const request = `GET /v1/watch?prefix=${prefix} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  // The head and the first progress: the watch is open.
  if (await connection.read(new Uint8Array(4_096)) === null) {
    throw new Error("Cannot watch: the connection was closed");
  }
  return connection;
}

async function listen(connection: Deno.TcpConn, heard: Heard): Promise<void> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let rest = "";
  let lastVersion = 0;
  for (;;) {
    const sizeBytes = await connection.read(buffer).catch(() => null);
    if (sizeBytes === null) return;
    const text = rest + decoder.decode(buffer.subarray(0, sizeBytes), { stream: true });
    const nowMs = performance.timeOrigin + performance.now();
    let position = 0;
    for (;;) {
      const start = text.indexOf(eventStart, position);
      const end = start + eventStart.length + versionDigits;
      if (start < 0 || end > text.length) break;
      const version = Number.parseInt(text.slice(start + eventStart.length, end), 16);
      if (version <= lastVersion) throw new Error(`Cannot go on: ${version} after ${lastVersion}`);
      lastVersion = version;
      position = end;
      if (heard.eventCount++ % sampleStep === 0) heard.lateMs.push(nowMs - version / 1_000);
      heard.lastMs = nowMs;
      if (heard.firstMs === 0) heard.firstMs = nowMs;
    }
    rest = text.slice(Math.max(position, text.length - eventStart.length - versionDigits));
  }
}

async function run(options: ListenOptions): Promise<ListenResult> {
  const connections: Deno.TcpConn[] = [];
  while (connections.length < options.watchCount) {
    const count = Math.min(openingCount, options.watchCount - connections.length);
    const slots = Array.from({ length: count }, (_, index) => connections.length + index);
    connections.push(...await Promise.all(slots.map((slot) => open(options, slot))));
  }
  const heard: Heard = { eventCount: 0, firstMs: 0, lastMs: 0, lateMs: [] };
  const cpuBefore = process.cpuUsage();
  const listening = connections.map((connection) => listen(connection, heard));
  Deno.stdout.writeSync(new TextEncoder().encode("ready\n"));
  await new Response(Deno.stdin.readable).bytes();
  for (const connection of connections) connection.close();
  await Promise.all(listening);
  const cpu = process.cpuUsage(cpuBefore);
  const late = Float64Array.from(heard.lateMs).sort();
  return {
    eventCount: heard.eventCount,
    perSecond: heard.eventCount / Math.max(1, heard.lastMs - heard.firstMs) * 1_000,
    p50Ms: percentile(late, 0.5),
    p99Ms: percentile(late, 0.99),
    ownCpuSeconds: (cpu.user + cpu.system) / 1e6,
  };
}

if (import.meta.main) {
  const result = await run(JSON.parse(Deno.args[0]));
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(result)));
}
