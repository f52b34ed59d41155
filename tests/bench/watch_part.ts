/**
 * A thousand watches over HTTP: how many events they are told a second, how late those are, and what
 * puts notice of it.
 *
 * Puts go as fast as they can to random keys, each under a prefix that 2.5 or 10 watch. The machine is
 * shared by the server, the puts and those who listen, so the rate of puts that is compared is that
 * for a second of the server's CPU too.
 *
 * @module
 */
import { AnkyloNode } from "./ankylo_node.ts";
import type { LoadResult } from "./load_generator.ts";
import { runLoadProcess } from "./load_process.ts";
import { cpuSeconds, residentMebibytes } from "./process_meter.ts";
import { valueSizeBytes } from "./protocols.ts";
import { type RunSettings, type Samples, undisturbed } from "./samples.ts";
import type { ListenOptions, ListenResult } from "./watch_listeners.ts";

const watchCount = 1_000;
const prefixDigits = 2;
/** Over so many prefixes the watches are spread, and so over a hundred times as many keys the puts. */
const prefixCounts: readonly number[] = [400, 100];
const connectionCount = 64;

/** Loads a node with and without watches, over and over. */
export async function runWatchPart(settings: RunSettings, samples: Samples): Promise<void> {
  const node = await AnkyloNode.start(`${settings.directory}/watch`, []);
  try {
    for (let repetition = 1; repetition <= settings.repetitionCount; repetition++) {
      for (const prefixCount of prefixCounts) {
        await measure({ node, settings, samples, repetition, prefixCount });
      }
    }
  } finally {
    await node.remove();
  }
}

interface Measurement {
  readonly node: AnkyloNode;
  readonly settings: RunSettings;
  readonly samples: Samples;
  readonly repetition: number;
  readonly prefixCount: number;
}

async function measure(measurement: Measurement): Promise<void> {
  const { node, settings, samples, repetition, prefixCount } = measurement;
  const add = (metric: string, system: string, value: number, unit: string) =>
    samples.add({ metric: `${metric}, ${watchCount / prefixCount} watches`, system, value, unit });
  const alone = await load(measurement);
  const listeners = await Listeners.start({
    port: node.peer.port,
    watchCount,
    prefixCount,
    prefixDigits,
  });
  const watched = await load(measurement);
  const mebibytes = residentMebibytes(node.peer.pid);
  const heard = await listeners.stop();
  for (const [system, loaded] of [[undisturbed, alone], ["ankylo", watched]] as const) {
    add("puts: rate", system, loaded.result.perSecond, "1/s");
    add("puts: per CPU-second of the server", system, loaded.perCpuSecond, "1/s");
    add("puts: p99", system, loaded.result.p99Ms, "ms");
  }
  add("events told", "ankylo", heard.perSecond, "1/s");
  add("event p50", "ankylo", heard.p50Ms, "ms");
  add("event p99", "ankylo", heard.p99Ms, "ms");
  add("memory", "ankylo", mebibytes, "MiB");
  settings.onStep(
    `${repetition}: ${watchCount / prefixCount} watches a put: ` +
      `${Math.round(heard.perSecond)} events/s, ${heard.p50Ms.toFixed(1)} ms late, ` +
      `p99 ${heard.p99Ms.toFixed(1)} ms; puts ${Math.round(alone.result.perSecond)}/s before, ` +
      `${Math.round(watched.result.perSecond)}/s meanwhile; ${Math.round(mebibytes)} MiB; ` +
      `listeners ${heard.ownCpuSeconds.toFixed(1)} s of CPU`,
  );
}

interface Loaded {
  readonly result: LoadResult;
  readonly perCpuSecond: number;
}

async function load({ node, settings, prefixCount }: Measurement): Promise<Loaded> {
  const cpuBefore = cpuSeconds(node.peer.pid);
  const result = await runLoadProcess(node.peer, {
    operation: { kind: "put", valueSizeBytes },
    connectionCount,
    firstKey: 0,
    keyCount: prefixCount * 10 ** prefixDigits,
    isFill: false,
    warmUpMs: settings.warmUpMs,
    durationMs: settings.loadMs,
  });
  if (result.errorCount > 0 || result.requestCount === 0) {
    throw new Error(`Cannot load ankylo: ${JSON.stringify(result)}`);
  }
  // The server's seconds include the warm-up, whose requests are not counted: scale by the time.
  const share = settings.loadMs / (settings.loadMs + settings.warmUpMs);
  const cpu = (cpuSeconds(node.peer.pid) - cpuBefore) * share;
  return { result, perCpuSecond: result.requestCount / cpu };
}

/** The process that listens. */
class Listeners {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  private constructor(
    child: Deno.ChildProcess,
    reader: ReadableStreamDefaultReader<Uint8Array>,
  ) {
    this.#child = child;
    this.#reader = reader;
  }

  /** Resolves once all watches are open. */
  static async start(options: ListenOptions): Promise<Listeners> {
    const program = new URL("./watch_listeners.ts", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", program, JSON.stringify(options)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    if (!new TextDecoder().decode(value).startsWith("ready")) {
      throw new Error("Cannot watch: the listeners ended");
    }
    return new Listeners(child, reader);
  }

  /** Ends them. @returns What they heard. */
  async stop(): Promise<ListenResult> {
    await this.#child.stdin.close();
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
    }
    const { success } = await this.#child.status;
    if (!success) throw new Error("Cannot watch: the listeners failed");
    return JSON.parse(text);
  }
}
