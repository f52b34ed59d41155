/**
 * What puts notice when very many keys expire in one second, and how soon those are gone: for
 * readers, from the tree, and from the disk.
 *
 * @module
 */
import { AnkyloNode, comes, until } from "./ankylo_node.ts";
import type { LoadResult } from "./load_generator.ts";
import { runLoadProcess } from "./load_process.ts";
import { keyPath, versionOf } from "../real/api.ts";
import { keyText, valueSizeBytes } from "./protocols.ts";
import { type RunSettings, type Samples, undisturbed } from "./samples.ts";

const connectionCount = 64;
/** The keys that expire lie behind those of the load. */
const firstExpiring = 10_000_000;
const expiringSizeBytes = 100;
/** Room for a fill that is slower than the one before. */
const fillMarginMs = 3_000;
/** By itself VACUUM leaves a quarter of a table dead. */
const spaceFactor = 1.6;
/** How long VACUUM is waited for before it is asked for. */
const spaceWaitMsMax = 30_000;
/** From when on a key that is shown behind its time is no matter of a commit on its way. */
const lateMsMax = 1_000;

/** Lets the keys expire once for each repetition. */
export async function runExpiryPart(settings: RunSettings, samples: Samples): Promise<void> {
  const directory = `${settings.directory}/expiry`;
  const node = await AnkyloNode.start(directory, ["--retention", "1s", "--vacuum-interval", "1s"]);
  try {
    const loaded = { firstKey: 0, keyCount: settings.loadedKeyCount, valueSizeBytes };
    await node.fill(loaded);
    for (let repetition = 1; repetition <= settings.repetitionCount; repetition++) {
      await expire({ node, settings, samples, repetition });
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
}

async function expire(measurement: Measurement): Promise<void> {
  const { node, settings, samples, repetition } = measurement;
  const { expiringKeyCount: keyCount, loadMs, warmUpMs } = settings;
  const expiring = { firstKey: firstExpiring, keyCount, valueSizeBytes: expiringSizeBytes };
  const sampleCount = Math.ceil(keyCount / 20);
  // On keys of their own: these must not expire.
  const sampleMs = await node.fill({
    ...expiring,
    firstKey: firstExpiring + keyCount,
    keyCount: sampleCount,
    expiresAtMs: Date.now() + 3_600_000,
  });
  const fillMs = sampleMs * keyCount / sampleCount * 2 + fillMarginMs;
  const dueMs = Date.now() + fillMs + 2 * warmUpMs + loadMs + fillMarginMs;
  const expiresAtMs = Math.ceil(dueMs / 1_000) * 1_000;
  await node.fill({ ...expiring, expiresAtMs });
  const before = await load(measurement);
  const spareMs = expiresAtMs - warmUpMs - Date.now();
  if (spareMs < 0) throw new Error(`Cannot compare: the fill took ${-spareMs} ms too long`);
  const found = await node.count(firstExpiring, keyCount);
  if (found !== keyCount) throw new Error(`Cannot find all keys: ${found} of ${keyCount}`);
  await new Promise((resolve) => setTimeout(resolve, expiresAtMs - warmUpMs - Date.now()));
  const reader = new ExpiredReader(node, { expiresAtMs, keyCount });
  const gone = waitUntilGone(node, expiresAtMs);
  const during = await load(measurement);
  const removedMs = await gone;
  const { readCount, lateMs } = await reader.stop();
  const { spaceMs, isByItself } = await waitForSpace(measurement, expiresAtMs);
  add(samples, undisturbed, before);
  add(samples, "ankylo", during);
  const single = (metric: string, value: number, unit: string) =>
    samples.add({ metric, system: "ankylo", value, unit });
  single("expiry: all removed after", removedMs / 1_000, "s");
  single("expiry: space back after", spaceMs / 1_000, "s");
  single("expiry: space back by itself", isByItself ? 1 : 0, "of 1");
  single("expiry: shown behind its time, at most", lateMs, "ms");
  settings.onStep(
    `${repetition}: ${keyCount} keys expired: puts ${Math.round(before.perSecond)}/s before, ` +
      `${Math.round(during.perSecond)}/s meanwhile, p99 ${before.p99Ms.toFixed(2)} and ` +
      `${during.p99Ms.toFixed(2)} ms; removed after ${(removedMs / 1_000).toFixed(1)} s, space ` +
      `after ${(spaceMs / 1_000).toFixed(1)} s${
        isByItself ? "" : " and a request"
      }; ${readCount} reads beside it, ` +
      `${lateMs} ms late at most`,
  );
}

function add(samples: Samples, system: string, result: LoadResult): void {
  const metric = (what: string) => `puts while keys expire: ${what}`;
  samples.add({ metric: metric("rate"), system, value: result.perSecond, unit: "1/s" });
  samples.add({ metric: metric("p99"), system, value: result.p99Ms, unit: "ms" });
}

async function load({ node, settings }: Measurement): Promise<LoadResult> {
  const result = await runLoadProcess(node.peer, {
    operation: { kind: "put", valueSizeBytes },
    connectionCount,
    firstKey: 0,
    keyCount: settings.loadedKeyCount,
    isFill: false,
    warmUpMs: settings.warmUpMs,
    durationMs: settings.loadMs,
  });
  if (result.errorCount > 0 || result.requestCount === 0) {
    throw new Error(`Cannot load ankylo: ${JSON.stringify(result)}`);
  }
  return result;
}

/** Resolves once no key waits to be removed, with how long after their time that was. */
async function waitUntilGone(node: AnkyloNode, expiresAtMs: number): Promise<number> {
  await until("the keys to be removed", async () => {
    const { time } = await node.figures();
    return Date.now() > expiresAtMs + 1_000 && time.expiryBacklogCount === 0;
  });
  return Date.now() - expiresAtMs;
}

/**
 * Resolves once the tree takes little more than what lives, with how long after their time: by
 * itself, or by a request where nothing has come of that for a while.
 */
async function waitForSpace(
  { node, settings }: Measurement,
  expiresAtMs: number,
): Promise<{ spaceMs: number; isByItself: boolean }> {
  const { loadedKeyCount, expiringKeyCount } = settings;
  const keySizeBytes = keyText(0).length;
  const liveBytes = loadedKeyCount * (keySizeBytes + valueSizeBytes) +
    Math.ceil(expiringKeyCount / 20) * (keySizeBytes + expiringSizeBytes);
  const isSmall = () => Promise.resolve(node.treeBytes() < spaceFactor * liveBytes);
  const isByItself = await comes(isSmall, spaceWaitMsMax);
  if (!isByItself) {
    await node.api.job("/v1/admin/vacuum", { body: {} });
    await until("the space of the keys", isSmall);
  }
  return { spaceMs: Date.now() - expiresAtMs, isByItself };
}

/** What the reader met. */
interface Readings {
  readonly readCount: number;
  /** How long behind its time a key was still shown, at most. */
  readonly lateMs: number;
}

/** Reads the keys, one after the other, until it is stopped: a wrong answer ends the benchmark. */
class ExpiredReader {
  #isStopped = false;
  readonly #ended: Promise<Readings>;

  constructor(
    node: AnkyloNode,
    options: { readonly expiresAtMs: number; readonly keyCount: number },
  ) {
    this.#ended = this.#run(node, options);
    // Looked at when it is stopped.
    this.#ended.catch(() => {});
  }

  /** Ends the reading. @throws where an answer was wrong. */
  async stop(): Promise<Readings> {
    this.#isStopped = true;
    return await this.#ended;
  }

  async #run(
    node: AnkyloNode,
    options: { readonly expiresAtMs: number; readonly keyCount: number },
  ): Promise<Readings> {
    let readCount = 0;
    let lateMs = 0;
    for (; !this.#isStopped; readCount++) {
      const key = keyText(firstExpiring + Math.floor(Math.random() * options.keyCount));
      const askedMs = Date.now();
      const { status, headers } = await node.api.send("GET", keyPath(key));
      if (status === 200) {
        const dueMs = Date.parse(headers.get("ankylo-expires-at") ?? "");
        // Time goes by the commits: a read waits for none, and sees the time of the last one.
        lateMs = Math.max(lateMs, askedMs - dueMs);
        if (versionOf(headers.get("ankylo-session") ?? "") / 1_000 >= dueMs + 1) {
          throw new Error(`Cannot go on: ${key} was shown at a version at which it has expired`);
        }
      } else if (status !== 404 || Date.now() < options.expiresAtMs) {
        throw new Error(`Cannot go on: ${key} was answered ${status} before its time`);
      }
      if (lateMs > lateMsMax) throw new Error(`Cannot go on: ${key} was shown ${lateMs} ms late`);
    }
    return { readCount, lateMs };
  }
}
