/**
 * What puts and gets notice of VACUUM, and puts of etcd's `defrag`.
 *
 * The node holds every version of heavily overwritten keys by a rule of retention. For the loads
 * beside VACUUM the rule falls, so that all of it is to be given back, and VACUUM runs over and over;
 * the loads without it run over the same folder just before.
 *
 * @module
 */
import { AnkyloNode } from "./ankylo_node.ts";
import type { LoadResult } from "./load_generator.ts";
import { fill, runLoadProcess } from "./load_process.ts";
import { isInstalled, type Peer, startPeer } from "./peers.ts";
import { type Operation, valueSizeBytes } from "./protocols.ts";
import type { RunSettings, Samples } from "./samples.ts";
import { undisturbed } from "./samples.ts";
import { VacuumLoop } from "./vacuum_loop.ts";

const connectionCount = 64;
/** How often each key is overwritten before a load. */
const overwriteCount = 10;
const overwriteCountMax = 15;
const rulePath = "/v1/admin/retention?prefix=bench/";
const vacuumPath = "/v1/admin/vacuum";
const longestPut = "longest put while space is given back";

const loads: readonly { readonly name: string; readonly operation: Operation }[] = [
  { name: "puts", operation: { kind: "put", valueSizeBytes } },
  { name: "gets", operation: { kind: "get" } },
];

/** Runs the loads with and without VACUUM in turn, then etcd's. */
export async function runVacuumPart(settings: RunSettings, samples: Samples): Promise<void> {
  const node = await AnkyloNode.start(`${settings.directory}/vacuum`, [
    ...["--retention", "1s"],
    // It would take the work from the runs that are measured.
    ...["--autovacuum", "false"],
  ]);
  try {
    for (let repetition = 1; repetition <= settings.repetitionCount; repetition++) {
      for (const load of loads) await compare({ node, settings, samples, repetition, ...load });
    }
  } finally {
    await node.remove();
  }
  if (isInstalled("etcd")) await measureDefragment(settings, samples);
}

async function compare(measurement: {
  readonly node: AnkyloNode;
  readonly settings: RunSettings;
  readonly samples: Samples;
  readonly repetition: number;
  readonly name: string;
  readonly operation: Operation;
}): Promise<void> {
  const { node, settings, samples, repetition, name, operation } = measurement;
  await overwrite(node, settings.vacuumKeyCount);
  const add = (system: string, result: LoadResult) => {
    const metric = (what: string) => `${name} beside VACUUM: ${what}`;
    samples.add({ metric: metric("rate"), system, value: result.perSecond, unit: "1/s" });
    samples.add({ metric: metric("p99"), system, value: result.p99Ms, unit: "ms" });
    settings.onStep(
      `${repetition}: ${name}: ${system} ${Math.round(result.perSecond)}/s, ` +
        `p99 ${result.p99Ms.toFixed(2)} ms, longest ${result.maxMs.toFixed(1)} ms`,
    );
  };
  const load = () => runLoad(node.peer, { settings, operation, keyCount: settings.vacuumKeyCount });
  add(undisturbed, await load());
  await node.api.json("PUT", rulePath, { body: { retention: "1s" } });
  const loop = VacuumLoop.start(node);
  const startMs = performance.now();
  const result = await load();
  const totals = await loop.stop();
  const seconds = (performance.now() - startMs) / 1_000;
  add("ankylo", result);
  if (operation.kind === "put") {
    samples.add({ metric: longestPut, system: "ankylo", value: result.maxMs, unit: "ms" });
  }
  if (totals.droppedBytes === 0) throw new Error("Cannot compare: VACUUM had nothing to drop");
  const megabytes = (totals.readBytes + totals.writtenBytes) / 1e6;
  const metric = `VACUUM beside ${name}, read and written`;
  samples.add({ metric, system: "ankylo", value: megabytes / seconds, unit: "MB/s" });
  settings.onStep(
    `${repetition}: ${totals.runCount} runs read and wrote ${Math.round(megabytes)} MB, dropped ` +
      `${Math.round(totals.droppedBytes / 1e6)} MB`,
  );
}

/**
 * Overwrites every key several times, and keeps it all, in tables that wait for no compaction: one
 * would drop old versions by the way, without being held back as VACUUM is.
 */
async function overwrite(node: AnkyloNode, keyCount: number): Promise<void> {
  await node.api.json("PUT", rulePath, { body: { retention: "1d" } });
  for (let round = 0; round < overwriteCountMax; round++) {
    await node.fill({ firstKey: 0, keyCount, valueSizeBytes });
    if (round < overwriteCount) continue;
    // It flushes, and has nothing to drop.
    await node.api.job(vacuumPath, { body: {} });
    await node.settle();
    if ((await node.figures()).tree.levels[0].tableCount <= 1) return;
  }
}

async function runLoad(
  peer: Peer,
  load: {
    readonly settings: RunSettings;
    readonly operation: Operation;
    readonly keyCount: number;
  },
): Promise<LoadResult> {
  const { settings, operation, keyCount } = load;
  const result = await runLoadProcess(peer, {
    operation,
    connectionCount,
    firstKey: 0,
    keyCount,
    isFill: false,
    warmUpMs: settings.warmUpMs,
    durationMs: settings.loadMs,
  });
  if (result.errorCount > 0 || result.requestCount === 0) {
    throw new Error(`Cannot load ${peer.name}: ${JSON.stringify(result)}`);
  }
  return result;
}

/** How long a put of etcd waits while it gives its space back, which it only does when told to. */
async function measureDefragment(settings: RunSettings, samples: Samples): Promise<void> {
  const peer = await startPeer("etcd", `${settings.directory}/vacuum-etcd`);
  const operation: Operation = { kind: "put", valueSizeBytes };
  const load = { settings, operation, keyCount: settings.vacuumKeyCount };
  try {
    for (let repetition = 1; repetition <= settings.repetitionCount; repetition++) {
      for (let round = 0; round < overwriteCount; round++) await fill(peer, load.keyCount);
      await compact(peer);
      let isLoading = true;
      const loading = runLoad(peer, load).finally(() => isLoading = false);
      // Behind the warm-up.
      await new Promise((resolve) => setTimeout(resolve, settings.warmUpMs + settings.loadMs / 4));
      const seconds = await defragment(peer);
      if (!isLoading) {
        throw new Error("Cannot compare: etcd was still defragmenting after the load");
      }
      const { perSecond, maxMs } = await loading;
      samples.add({ metric: longestPut, system: "etcd", value: maxMs, unit: "ms" });
      settings.onStep(
        `${repetition}: etcd ${Math.round(perSecond)} puts/s, longest ${maxMs.toFixed(1)} ms, ` +
          `defragmented in ${seconds.toFixed(2)} s`,
      );
    }
  } finally {
    await peer.kill();
  }
}

/** Drops old revisions: their space stays with the file. */
async function compact(peer: Peer): Promise<void> {
  const { header } = await post(peer, "kv/range", { key: btoa("bench/"), limit: "1" });
  await post(peer, "kv/compaction", { revision: header.revision, physical: true });
}

/** Gives the space back. @returns How long it took. */
async function defragment(peer: Peer): Promise<number> {
  const startMs = performance.now();
  await post(peer, "maintenance/defragment", {});
  return (performance.now() - startMs) / 1_000;
}

async function post(
  peer: Peer,
  path: string,
  body: object,
): Promise<{ readonly header: { readonly revision?: string } }> {
  const response = await fetch(`http://127.0.0.1:${peer.port}/v3/${path}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Cannot ask etcd for ${path}: ${text}`);
  return JSON.parse(text);
}
