/**
 * Clients by chance: each sends one request after another and notes what it was told.
 *
 * Batches are left to `tests/fuzz`: where one is cut off nobody hears of the operations of it that
 * were decided before, so that what is found cannot be held against the order of asking.
 *
 * @module
 */
import type { Random } from "../../storage/env/mod.ts";
import type { SnapshotHold } from "../../sharding/database.ts";
import { lineOf, textOf } from "./model.ts";
import type { Model } from "./model.ts";
import type { ReadEntry } from "./reads.ts";
import type { ScriptStage } from "./script.ts";
import { quiet, send } from "./script.ts";
import type { Workload } from "./workload.ts";

/** What all clients of one life of a node share. */
export interface ClientStage extends ScriptStage {
  readonly workload: Workload;
  readonly random: Random;
  /** About what is there now, for conditions. */
  readonly seen: Model;
  readonly reads: ReadEntry[];
  /** What clients met that no fault of a disk explains. */
  readonly wrongs: unknown[];
  /** Set when the clients should come to an end. */
  isOver: boolean;
}

const thinkMsMax = 60;

/** Sends requests until the stage is over. Never rejects. */
export async function runClient(stage: ClientStage): Promise<void> {
  try {
    await sendRequests(stage);
  } catch (error) {
    stage.wrongs.push(error);
  }
}

async function sendRequests(stage: ClientStage): Promise<void> {
  const { random, node } = stage;
  while (!stage.isOver && node.fatal === undefined) {
    const choice = random.below(100);
    if (choice < 66) await write(stage);
    else if (choice < 80) await quiet(readOne(stage));
    else if (choice < 88) await quiet(readSnapshot(stage));
    else if (choice < 92) await quiet(node.node.flush());
    else await node.clock.sleep(random.below(2_000));
    if (random.below(3) === 0) await node.clock.sleep(random.below(thinkMsMax));
  }
}

async function write(stage: ClientStage): Promise<void> {
  const { workload, seen, random, history } = stage;
  const command = workload.command(seen);
  const request = random.below(8) === 0 ? workload.request() : undefined;
  await send(stage, { entry: history.ask(command, { at: stage.now(), request }), seen });
  if (request === undefined || random.below(2) === 0) return;
  await send(stage, { entry: history.ask(command, { at: stage.now(), request }), seen });
}

/** Reads one key twice: alone, and among several. */
async function readOne(stage: ClientStage): Promise<void> {
  const { node, workload, reads } = stage;
  const key = workload.key();
  const askedAt = stage.now();
  const { value, version } = await node.database.get(key, node.deadline());
  const line = lineOf(key, value && { ...value, text: textOf(value.bytes) });
  reads.push({ askedAt, isNewest: true, version, keys: [key], lines: [line] });
  const keys = [workload.key(), workload.key(), key];
  const many = { askedAt: stage.now(), isNewest: true, keys };
  const found = await node.database.getMany(keys, node.deadline());
  const lines = found.values.map((one, index) =>
    lineOf(keys[index], one && { ...one, text: textOf(one.bytes) })
  );
  reads.push({ ...many, version: found.version, lines });
}

/** Holds a snapshot for a while and reads a range under it, page by page, either way. */
async function readSnapshot(stage: ClientStage): Promise<void> {
  const { node, workload, random, reads } = stage;
  const askedAt = stage.now();
  const snapshot = node.database.hold({ kind: "read", owner: "client" });
  try {
    // Long enough, now and then, for flushes and compactions that would like to drop what it sees.
    await node.clock.sleep(random.below(random.below(4) === 0 ? 4_000 : 300));
    const [start, end] = [workload.key(), workload.key()].sort();
    const isReverse = random.below(2) === 0;
    const lines = await readPages(stage, { snapshot, start, end, isReverse });
    const { version } = snapshot;
    reads.push({ askedAt, isNewest: true, version, keys: { start, end }, lines });
  } finally {
    snapshot.release();
  }
}

async function readPages(
  stage: ClientStage,
  options: { snapshot: SnapshotHold; start: string; end: string; isReverse: boolean },
): Promise<string[]> {
  const { node, random } = stage;
  const { snapshot, isReverse: reverse } = options;
  let { start, end } = options;
  const lines: string[] = [];
  for (;;) {
    const limit = 1 + random.below(8);
    const scanOptions = { ...node.deadline(), snapshot, limit, reverse };
    const page = await node.database.scan({ start, end }, scanOptions);
    for (const found of page.entries) {
      lines.push(lineOf(found.key, { ...found, text: textOf(found.bytes) }));
    }
    const last = page.entries.at(-1);
    if (!page.hasMore || last === undefined) return reverse ? lines.reverse() : lines;
    if (reverse) end = last.key;
    else start = `${last.key}\0`;
    await node.clock.sleep(random.below(20));
  }
}
