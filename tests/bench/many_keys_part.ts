/**
 * Memory with many keys, and how soon a server answers again after `kill -9`.
 *
 * @module
 */
import { fill } from "./load_process.ts";
import { isInstalled, startPeer } from "./peers.ts";
import { residentMebibytes } from "./process_meter.ts";
import { keyText, type PeerName } from "./protocols.ts";
import type { RunSettings, Samples } from "./samples.ts";

const names: readonly PeerName[] = ["ankylo", "etcd"];

/** Fills each server once, reads its memory, and restarts it several times. */
export async function runManyKeysPart(settings: RunSettings, samples: Samples): Promise<void> {
  for (const name of names.filter(isInstalled)) {
    const directory = `${settings.directory}/many-${name}`;
    let peer = await startPeer(name, directory);
    try {
      const startMs = performance.now();
      await fill(peer, settings.manyKeyCount);
      const seconds = (performance.now() - startMs) / 1_000;
      const mebibytes = residentMebibytes(peer.pid);
      settings.onStep(`${name}: filled in ${seconds.toFixed(1)} s, ${Math.round(mebibytes)} MiB`);
      const add = (metric: string, value: number, unit: string) =>
        samples.add({ metric: `${metric}, many keys`, system: name, value, unit });
      add("memory after the fill", mebibytes, "MiB");
      add("fill rate over HTTP", settings.manyKeyCount / seconds, "1/s");
      for (let repetition = 1; repetition <= settings.repetitionCount; repetition++) {
        await peer.kill();
        const restartMs = performance.now();
        peer = await startPeer(name, directory);
        await firstRead(name, peer.port, settings.manyKeyCount - 1);
        const restart = performance.now() - restartMs;
        add("restart to first read", restart, "ms");
        settings.onStep(`${repetition}: ${name} answered after ${Math.round(restart)} ms`);
      }
      add("memory after a restart", residentMebibytes(peer.pid), "MiB");
    } finally {
      await peer.kill();
    }
  }
}

const readAttemptCount = 6_000;

/** Resolves once the last key can be read. */
async function firstRead(name: PeerName, port: number, keyNumber: number): Promise<void> {
  for (let attempt = 0; attempt < readAttemptCount; attempt++) {
    if (await reads(name, port, keyNumber)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`Cannot read from ${name} after its restart`);
}

async function reads(name: PeerName, port: number, keyNumber: number): Promise<boolean> {
  try {
    const base = `http://127.0.0.1:${port}`;
    const response = name === "etcd"
      ? await fetch(`${base}/v3/kv/range`, {
        method: "POST",
        body: JSON.stringify({ key: btoa(keyText(keyNumber)) }),
      })
      : await fetch(`${base}/v1/kv/${keyText(keyNumber)}`);
    const text = await response.text();
    return response.ok && (name !== "etcd" || text.includes('"kvs"'));
  } catch {
    return false;
  }
}
