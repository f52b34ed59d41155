/**
 * Clients that watch: each follows some keys through its life, closes and begins again where it was,
 * takes its time now and then, and over a restart goes on from the last version that it was told.
 *
 * @module
 */
import type { KeyRange } from "../../sharding/database.ts";
import { ShardError } from "../../sharding/errors.ts";
import type { ClientStage, OpenWatch, WatchStream } from "./stage.ts";
import type { Workload } from "./workload.ts";
import { worldsFailure } from "./recovered.ts";

/** Somebody who watches, over all lives of a node. */
export interface Watcher {
  readonly range: KeyRange;
  readonly withPrevious: boolean;
  /** How long it mostly takes for a batch, in milliseconds. */
  readonly paceMs: number;
  /** Up to where it was told; undefined before it was told of anything. */
  toldVersion: number | undefined;
}

/** How far back one begins who wants what was, in microseconds. */
const pastMicrosMax = 1_000_000;
const prefixes = ["key/", "count/", "key/000", "count/00"];
const paces = [0, 0, 5, 400];

/** Returns a new watcher by chance. */
export function drawWatcher(
  random: { below(bound: number): number },
  workload: Workload,
): Watcher {
  const choice = random.below(4);
  const prefix = choice === 0 ? workload.key() : prefixes[random.below(prefixes.length)];
  const range: KeyRange = choice === 1
    ? {}
    : choice === 0
    ? { start: prefix, end: `${prefix}\0` }
    : { start: prefix, end: `${prefix}\xff` };
  return {
    range,
    withPrevious: random.below(2) === 0,
    paceMs: paces[random.below(paces.length)],
    toldVersion: undefined,
  };
}

/** Watches until the stage is over. Never rejects. */
export async function runWatcher(stage: ClientStage, watcher: Watcher): Promise<void> {
  const { node, random } = stage;
  try {
    while (!stage.isOver && node.fatal === undefined) {
      await follow(stage, watcher);
      await node.clock.sleep(random.below(random.below(3) === 0 ? 3_000 : 50));
    }
  } catch (error) {
    stage.wrongs.push(error);
  }
}

/** Opens a watch and takes what it tells for a while. */
async function follow(stage: ClientStage, watcher: Watcher): Promise<void> {
  const { random, notes } = stage;
  const open = openWatch(stage, watcher);
  if (open === undefined) return;
  stage.openWatches.add(open);
  notes.watches.push(open.stream);
  try {
    await take(stage, { ...open, watcher, batchCount: 5 + random.below(200) });
  } catch (error) {
    // The disk may fail under it; the next one goes on from there.
    worldsFailure(error);
  } finally {
    stage.openWatches.delete(open);
    open.stream.endVersion = open.watch.version;
    open.watch.close();
  }
}

function openWatch(stage: ClientStage, watcher: Watcher): OpenWatch | undefined {
  const { random, node, seen } = stage;
  const { range, withPrevious, toldVersion } = watcher;
  const past = Math.max(0, seen.version - random.below(pastMicrosMax));
  const from = random.below(20) === 0 ? undefined : random.below(8) === 0 ? past : toldVersion;
  const owner = `watcher ${stage.now()}`;
  try {
    const watch = node.database.watch({ range, from, withPrevious, owner });
    const stream: WatchStream = {
      range,
      withPrevious,
      from: from ?? watch.version,
      isResumed: from !== undefined,
      told: [],
      endVersion: undefined,
      wantedVersion: 0,
      isReleased: false,
    };
    return { watch, stream, owner };
  } catch (error) {
    const isRefused = error instanceof ShardError &&
      (error.code === "overloaded" || error.code === "stopped");
    if (!isRefused) throw error;
    return undefined;
  }
}

async function take(
  stage: ClientStage,
  open: OpenWatch & { readonly watcher: Watcher; readonly batchCount: number },
): Promise<void> {
  const { random, node } = stage;
  const { watch, stream, watcher, batchCount } = open;
  for (let count = 0; count < batchCount || stage.isOver; count++) {
    const batch = await watch.next();
    if (batch === undefined) return;
    stream.told.push({ batch, version: watch.version, now: stage.versionBound() });
    watcher.toldVersion = batch.kind === "reset" ? undefined : watch.version;
    if (batch.kind === "reset") {
      // Mostly it begins anew where it can.
      if (random.below(2) === 0) watcher.toldVersion = batch.oldestVersion;
      return;
    }
    if (watcher.paceMs > 0 && !stage.isOver) {
      await node.clock.sleep(random.below(watcher.paceMs * (random.below(8) === 0 ? 10 : 1)));
    }
  }
}
