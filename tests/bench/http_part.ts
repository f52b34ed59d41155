/**
 * The servers under load over their own protocols, one after the other, over and over.
 *
 * @module
 */
import { fill, runLoadProcess } from "./load_process.ts";
import { isInstalled, type Peer, startPeer } from "./peers.ts";
import { cpuSeconds } from "./process_meter.ts";
import { type Operation, type PeerName, valueSizeBytes } from "./protocols.ts";
import type { RunSettings, Samples } from "./samples.ts";

interface Scenario {
  readonly name: string;
  readonly operation: Operation;
  readonly connectionCount: number;
}

const scenarios: readonly Scenario[] = [
  ...[1, 64, 256].map((connectionCount): Scenario => ({
    name: "puts",
    operation: { kind: "put", valueSizeBytes },
    connectionCount,
  })),
  { name: "gets", operation: { kind: "get" }, connectionCount: 64 },
  { name: "scans of 100", operation: { kind: "scan", limit: 100 }, connectionCount: 16 },
  { name: "scans of 1,000", operation: { kind: "scan", limit: 1_000 }, connectionCount: 16 },
];

const names: readonly PeerName[] = ["ankylo", "etcd", "redis"];

/** Runs all scenarios against all that is installed. */
export async function runHttpPart(settings: RunSettings, samples: Samples): Promise<void> {
  const peers: Peer[] = [];
  try {
    for (const name of names.filter(isInstalled)) {
      peers.push(await startPeer(name, `${settings.directory}/http-${name}`));
    }
    for (const peer of peers) {
      settings.onStep(`filling ${peer.name} with ${settings.loadedKeyCount} keys`);
      await fill(peer, settings.loadedKeyCount);
    }
    for (let repetition = 1; repetition <= settings.repetitionCount; repetition++) {
      for (const scenario of scenarios) {
        for (const peer of peers) {
          if (peer.name === "redis" && scenario.operation.kind === "scan") continue;
          await measure({ peer, scenario, settings, samples, repetition });
        }
      }
    }
  } finally {
    for (const peer of peers) await peer.kill();
  }
}

interface Measurement {
  readonly peer: Peer;
  readonly scenario: Scenario;
  readonly settings: RunSettings;
  readonly samples: Samples;
  readonly repetition: number;
}

async function measure(measurement: Measurement): Promise<void> {
  const { peer, scenario, settings, samples } = measurement;
  const cpuBefore = cpuSeconds(peer.pid);
  const result = await runLoadProcess(peer, {
    operation: scenario.operation,
    connectionCount: scenario.connectionCount,
    // Puts write other keys than those that are read: a scan does not pass over what they left.
    firstKey: scenario.operation.kind === "put" ? settings.loadedKeyCount : 0,
    keyCount: settings.loadedKeyCount - 1_000,
    isFill: false,
    warmUpMs: settings.warmUpMs,
    durationMs: settings.loadMs,
  });
  const cpu = cpuSeconds(peer.pid) - cpuBefore;
  if (result.errorCount > 0 || result.requestCount === 0) {
    throw new Error(`Cannot load ${peer.name}: ${JSON.stringify(result)}`);
  }
  // The server's seconds include the warm-up, whose requests are not counted: scale by the time.
  const share = settings.loadMs / (settings.loadMs + settings.warmUpMs);
  const label = `${scenario.name}, ${scenario.connectionCount} connections`;
  const add = (metric: string, value: number, unit: string) =>
    samples.add({ metric: `${label}: ${metric}`, system: peer.name, value, unit });
  add("rate", result.perSecond, "1/s");
  add("per CPU-second of the server", result.requestCount / (cpu * share), "1/s");
  add("p50", result.p50Ms, "ms");
  add("p99", result.p99Ms, "ms");
  settings.onStep(
    `${measurement.repetition}: ${label}: ${peer.name} ${Math.round(result.perSecond)}/s, ` +
      `p99 ${result.p99Ms.toFixed(2)} ms, server ${cpu.toFixed(1)} s of CPU, ` +
      `load ${result.ownCpuSeconds.toFixed(1)} s`,
  );
}
