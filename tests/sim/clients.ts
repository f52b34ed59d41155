/**
 * Clients by chance: each sends one request after another and notes what it was told.
 *
 * Batches are left to `tests/fuzz`: where one is cut off nobody hears of the operations of it that
 * were decided before, so that what is found cannot be held against the order of asking.
 *
 * @module
 */
import { ok } from "node:assert/strict";
import { ShardError } from "../../sharding/errors.ts";
import type { SnapshotHold } from "../../sharding/database.ts";
import { lineOf, modelValue } from "./model.ts";
import { pastVersion, readHistory, readPast } from "./past_reads.ts";
import type { ReadEntry } from "./reads.ts";
import { ask, quiet, send } from "./script.ts";
import type { ClientStage } from "./stage.ts";

/** Behind a pause of so long a client looks at everything now and then, in milliseconds. */
const longPauseMs = 300;

/** How long a key may be seen behind its time by whoever reads the newest state. */
const outliveMicrosMax = 100_000;

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
    if (choice < 60) await write(stage);
    else if (choice < 70) await quiet(readOne(stage));
    else if (choice < 78) await quiet(readSnapshot(stage));
    else if (choice < 84) await quiet(readPast(stage));
    else if (choice < 88) await quiet(readHistory(stage));
    else if (choice < 90) release(stage);
    else if (choice < 93) await quiet(node.node.flush());
    else await pause(stage, 2_000);
    if (random.below(3) === 0) await pause(stage, stage.thinkMsMax);
  }
}

/** Pauses, and looks at everything where that was for long: time has passed though nobody wrote. */
async function pause(stage: ClientStage, waitMsMax: number): Promise<void> {
  const { node, random } = stage;
  const waitMs = random.below(waitMsMax);
  await node.clock.sleep(waitMs);
  if (waitMs > longPauseMs && random.below(2) === 0) await quiet(readAll(stage));
}

async function readAll(stage: ClientStage): Promise<void> {
  const newest = newestRead(stage);
  const { database } = stage.node;
  const { entries, version } = await database.scan({}, { ...stage.node.deadline(), limit: 1_000 });
  const lines = entries.map((entry) => lineOf(entry.key, modelValue(entry)));
  const keys = { start: "", end: "\xff" };
  stage.notes.reads.push({ ...newest, answeredAt: stage.now(), version, keys, lines });
}

async function write(stage: ClientStage): Promise<void> {
  const { workload, seen, random, notes } = stage;
  const command = workload.command(seen);
  const request = random.below(8) === 0 ? workload.request() : undefined;
  const sendOnce = async () => {
    const entry = ask(stage, command, request);
    await send(stage, { entry, seen });
    const { result } = entry;
    if (command.kind !== "revert" || result?.outcome !== "version_vacuumed") return;
    const { key, toVersion } = command;
    const { oldestVersion } = result;
    const now = stage.versionBound();
    notes.refusals.push({ keys: key, version: toVersion, oldestVersion, now });
  };
  await sendOnce();
  if (request === undefined || random.below(2) === 0) return;
  await sendOnce();
}

/** Reads one key twice: alone, and among several. */
async function readOne(stage: ClientStage): Promise<void> {
  const { node, workload, notes: { reads } } = stage;
  const key = workload.key();
  const alone = newestRead(stage);
  const { value, version } = await node.database.get(key, node.deadline());
  const line = lineOf(key, value && modelValue(value));
  reads.push({ ...alone, answeredAt: stage.now(), version, keys: [key], lines: [line] });
  const keys = [workload.key(), workload.key(), key];
  const among = newestRead(stage);
  const found = await node.database.getMany(keys, node.deadline());
  const lines = found.values.map((one, index) => lineOf(keys[index], one && modelValue(one)));
  reads.push({ ...among, answeredAt: stage.now(), version: found.version, keys, lines });
}

/** Returns what is known of a read of the newest state before it is answered. */
function newestRead(
  stage: ClientStage,
): Pick<ReadEntry, "askedAt" | "isNewest" | "goneMicros"> {
  const goneMicros = stage.isUntroubled() ? stage.node.clock.wallMicros() - outliveMicrosMax : 0;
  return { askedAt: stage.now(), isNewest: true, goneMicros };
}

/** Holds a snapshot for a while and reads a range under it, page by page, either way. */
async function readSnapshot(stage: ClientStage): Promise<void> {
  const { node, workload, random, notes } = stage;
  const [start, end] = [workload.key(), workload.key()].sort();
  const range = random.below(2) === 0 ? { start, end } : undefined;
  const past = random.below(3) === 0 ? pastVersion(stage) : undefined;
  const newest = newestRead(stage);
  const snapshot = holdOrNote(stage, { range, version: past });
  if (snapshot === undefined) return;
  const answeredAt = stage.now();
  const { version } = snapshot;
  try {
    // Long enough, now and then, for flushes and compactions that would like to drop what it sees.
    await node.clock.sleep(random.below(random.below(4) === 0 ? 4_000 : 300));
    const isReverse = random.below(2) === 0;
    const lines = await readPages(stage, { snapshot, start, end, isReverse });
    const isNewest = past === undefined;
    notes.reads.push({ ...newest, isNewest, answeredAt, version, keys: { start, end }, lines });
  } catch (error) {
    const isRefused = error instanceof ShardError && error.code === "version_vacuumed";
    if (!isRefused || !snapshot.isEnded) throw error;
  } finally {
    snapshot.release();
  }
}

function holdOrNote(
  stage: ClientStage,
  options: { range?: { start: string; end: string }; version?: number },
): SnapshotHold | undefined {
  try {
    return stage.node.database.hold({ kind: "read", owner: "client" }, options);
  } catch (error) {
    const { range, version } = options;
    const isRefused = error instanceof ShardError && version !== undefined &&
      error.code === "version_vacuumed";
    if (!isRefused) throw error;
    const { oldestVersion } = error;
    const keys = range ?? { start: "" };
    stage.notes.refusals.push({ keys, version, oldestVersion, now: stage.versionBound() });
    return undefined;
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
    const wasEnded = snapshot.isEnded;
    const page = await node.database.scan({ start, end }, scanOptions);
    ok(!wasEnded, `snapshot ${snapshot.id} was ended and is still read under`);
    for (const found of page.entries) lines.push(lineOf(found.key, modelValue(found)));
    const last = page.entries.at(-1);
    if (!page.hasMore || last === undefined) return reverse ? lines.reverse() : lines;
    if (reverse) end = last.key;
    else start = `${last.key}\0`;
    await node.clock.sleep(random.below(20));
  }
}

/** An operator ends a hold, or tries to end what cannot be. */
function release(stage: ClientStage): void {
  const { node: { database }, random, openWatches } = stage;
  const holders = database.holders();
  const { id, kind, owner } = holders[random.below(holders.length)];
  const isHold = kind !== "retention" && kind !== "rule";
  const isOfAll = kind === "watch" && owner === "all";
  for (const open of openWatches) {
    if (isOfAll || open.owner === owner) open.stream.isReleased ||= isHold;
  }
  ok(database.releaseHolder(id) === isHold, `what became of the release of ${kind} ${id}`);
  ok(!database.releaseHolder(id), `${kind} ${id} was ended twice`);
}
