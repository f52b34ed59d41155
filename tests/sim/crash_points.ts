/**
 * Crash points: one scripted run, and the disk as it would be found after a crash at each change of
 * it, opened again and held against the model.
 *
 * The run happens once and leaves the list of its changes of the disk. A second image follows that
 * list change by change, and at each is damaged in every way of `disk_damage.ts`. So N points cost
 * N recoveries, not N runs.
 *
 * @module
 */
import { AssertionError, deepEqual, ok } from "node:assert/strict";
import { SeededRandom } from "../../storage/env/mod.ts";
import type { Random } from "../../storage/env/mod.ts";
import type { Damage } from "./disk_damage.ts";
import { crashed, damageName, damages, processKill } from "./disk_damage.ts";
import type { DiskChange } from "./disk_image.ts";
import { DiskImage } from "./disk_image.ts";
import type { Command } from "../../sharding/database.ts";
import { checkDataFolder } from "../../sharding/node_check.ts";
import type { Commit } from "./history.ts";
import { History } from "./history.ts";
import { bytesOf, Model, resultLine } from "./model.ts";
import { differences } from "./recovered.ts";
import type { FoundState } from "./recovered.ts";
import { Scheduler } from "./scheduler.ts";
import { SimClock } from "./sim_clock.ts";
import { runScript } from "./script.ts";
import { SimDisk } from "./sim_disk.ts";
import { dataDirectory, SimNode } from "./single_node.ts";

/** Of so many cases one is looked at by `ankylo check` first. */
const offlineEvery = 7;

/** Of so many cases one waits until all that is due has been removed. */
const settleEvery = 4;
const settleMs = 1_500;

/** How long a sync takes on the disk of a reference run: so that commands gather meanwhile. */
const syncMs = 0.2;

/** A run that went well, and everything needed to crash it anywhere. */
export interface ReferenceRun {
  readonly seed: number;
  readonly changes: readonly DiskChange[];
  readonly commits: readonly Commit[];
  /** What could be read in between: no start may go back behind it. */
  readonly looks: readonly Look[];
  /** What happened meanwhile, so that a test sees that it crashes what it means to. */
  readonly events: RunEvents;
}

/** How often what a script is to reach was reached. */
export interface RunEvents {
  readonly flushCount: number;
  readonly compactionCount: number;
  /** Entries that VACUUM dropped. */
  readonly droppedCount: number;
  /** Segments of the log that were made. */
  readonly segmentCount: number;
  /** Files that were removed. */
  readonly removedCount: number;
  /** Times that VACUUM was asked for. */
  readonly vacuumCount: number;
  /** Keys that were removed because their time had passed. */
  readonly expiredCount: number;
}

/** A version at which the newest state could be read, and how many changes the disk had seen. */
interface Look {
  readonly point: number;
  readonly version: number;
}

/** One crash, for reports. */
export interface CrashCase {
  readonly run: ReferenceRun;
  /** How many changes the disk had seen. */
  readonly point: number;
  readonly random: Random;
  /** Says which case it is. */
  readonly label: string;
}

/** Runs a script on a healthy disk, and checks every answer. */
export async function referenceRun(
  options: { seed: number; commandCount: number },
): Promise<ReferenceRun> {
  const scheduler = new Scheduler();
  const random = new SeededRandom(options.seed);
  const disk = startDisk(scheduler);
  const node = await scheduler.until(SimNode.open({ disk, scheduler, random }));
  const history = new History();
  const now = () => disk.image.changeCount;
  const looks: Look[] = [];
  const look = () => {
    const snapshot = node.database.hold({ kind: "read", owner: "look" });
    snapshot.release();
    looks.push({ point: now(), version: snapshot.version });
  };
  await runScript({ node, scheduler, history, now, onPause: look }, options);
  const commits = history.explain();
  const read = await scheduler.until(node.read(7));
  const model = commits.at(-1)?.model ?? new Model();
  sameState(model, read, `seed ${options.seed}, the run without a crash`);
  const { tree, commands } = node.node.statistics();
  await scheduler.until(node.node.close());
  ok(node.fatal === undefined, String(node.fatal));
  ok(disk.openFileCount === 0, `${disk.openFileCount} files are open after close`);
  const events = {
    flushCount: tree.flushCount,
    compactionCount: tree.compactionCount,
    droppedCount: tree.droppedCount,
    segmentCount: disk.changes.filter(isSegment).length,
    removedCount: disk.changes.filter(({ kind }) => kind === "remove").length,
    vacuumCount: tree.vacuumCount,
    expiredCount: commands.expired_key,
  };
  return { seed: options.seed, changes: disk.changes, commits, looks, events };
}

/** Returns an empty disk on which time passes, and changes are kept. */
function startDisk(scheduler: Scheduler): SimDisk {
  const clock = new SimClock(scheduler);
  return new SimDisk(new DiskImage(), { clock, latencyMs: () => syncMs, keepChanges: true });
}

function isSegment(change: DiskChange): boolean {
  return change.kind === "rename" && change.target.endsWith(".log");
}

/** What a loop over crash points came to. */
export interface CrashCounts {
  /** Recoveries held against the model. */
  caseCount: number;
  /** Of those, with a second crash while the first was being recovered from. */
  compoundCount: number;
  /** Points of the run at which something was lost or kept. */
  pointCount: number;
}

/**
 * Crashes a run behind every change of its disk, in every way.
 *
 * @param options.compoundEvery At every so manieth case, the recovery itself is crashed at each of
 * its changes too.
 */
export async function crashEverywhere(
  run: ReferenceRun,
  options: { compoundEvery: number },
): Promise<CrashCounts> {
  const counts: CrashCounts = { caseCount: 0, compoundCount: 0, pointCount: 0 };
  const follower = new DiskImage();
  const random = new SeededRandom(run.seed).fork("crash");
  for (let point = 0; point <= run.changes.length; point++) {
    if (point > 0) follower.apply(run.changes[point - 1]);
    counts.pointCount++;
    // Where nothing is pending every damage leaves the same.
    for (const damage of follower.hasPending() ? damages : [processKill]) {
      const label = `seed ${run.seed}, change ${point} of ${run.changes.length}, ` +
        damageName(damage);
      const crashCase = { run, point, random: random.fork(label), label };
      const image = damaged(follower, damage, crashCase.random);
      counts.caseCount++;
      if (counts.caseCount % options.compoundEvery === 0) {
        counts.compoundCount += await crashRecovery(image, crashCase);
      }
      if (counts.caseCount % offlineEvery === 0) await checkOffline(image, crashCase);
      await checkRecovery(image, crashCase);
    }
  }
  return counts;
}

/** What `ankylo check` says of the folder: a crash is no damage, and looking changes nothing. */
async function checkOffline(image: DiskImage, crashCase: CrashCase): Promise<void> {
  const { run: { commits }, point, label } = crashCase;
  const first = commits.find(({ entry }) => entry.answeredAt <= point);
  if (first === undefined) return;
  const scheduler = new Scheduler();
  const disk = new SimDisk(image.fork(), { keepChanges: true });
  const clock = new SimClock(scheduler);
  const { problems } = await scheduler.until(checkDataFolder({ disk, clock, dataDirectory }));
  deepEqual({ problems, changes: disk.changes }, { problems: [], changes: [] }, label);
}

/** The end of a process leaves pending what was pending: power may still be lost later. */
function damaged(image: DiskImage, damage: Damage, random: Random): DiskImage {
  return damage === processKill ? image.fork() : crashed(image, { damage, random });
}

/** Crashes the recovery from a crash at each of its changes. Returns how many cases that made. */
async function crashRecovery(image: DiskImage, crashCase: CrashCase): Promise<number> {
  const { random } = crashCase;
  const scheduler = new Scheduler();
  const disk = new SimDisk(image.fork(), { keepChanges: true });
  const node = await scheduler.until(SimNode.open({ disk, scheduler, random }));
  const changes = [...disk.changes];
  node.kill();
  const follower = image.fork();
  for (const [index, change] of changes.entries()) {
    follower.apply(change);
    const damage = damages[random.below(damages.length)];
    const label = `${crashCase.label}; again at change ${index + 1} of the recovery, ` +
      damageName(damage);
    await checkRecovery(damaged(follower, damage, random), { ...crashCase, label });
  }
  return changes.length;
}

/**
 * Opens what a crash left, compares, goes on writing, loses power, and compares again.
 *
 * @param image Changed.
 */
async function checkRecovery(image: DiskImage, crashCase: CrashCase): Promise<void> {
  const { random, label } = crashCase;
  try {
    const first = await reopen(image, random);
    const found = await first.scheduler.until(first.node.found({ keys: [], behind: 0 }));
    const model = explainPrefix(found, crashCase);
    await writeMore(first, { model, crashCase });
    if (random.below(settleEvery) === 0) await settleExpiry(first, model);
    // Whatever was read or acknowledged stays, though all that no sync covered is lost.
    const damage: Damage = { bytes: "dropped", names: "dropped" };
    const second = await reopen(crashed(first.disk.image, { damage, random }), random);
    sameState(model, await second.scheduler.until(second.node.read()), "second restart");
    await second.scheduler.until(second.node.node.close());
    ok(second.disk.openFileCount === 0, `${second.disk.openFileCount} files are open after close`);
    ok(second.node.fatal === undefined, String(second.node.fatal));
  } catch (error) {
    const reason = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    throw new AssertionError({ message: `Wrong after a crash (${label}): ${reason}` });
  }
}

interface Reopened {
  readonly node: SimNode;
  readonly disk: SimDisk;
  readonly scheduler: Scheduler;
  readonly clockJumpMs: number;
}

/** Opens a node on an image, with a wall clock that went on or back by up to an hour. */
async function reopen(image: DiskImage, random: Random): Promise<Reopened> {
  const scheduler = new Scheduler();
  const disk = new SimDisk(image);
  const clockJumpMs = random.below(7_200_000) - 3_600_000;
  // So long that everything can be told of what the first start finds.
  const retentionMs = 3_600_000;
  const node = await scheduler.until(
    SimNode.open({ disk, scheduler, random, clockJumpMs, retentionMs }),
  );
  return { node, disk, scheduler, clockJumpMs };
}

/** Returns the state after the prefix of all commits that was found. */
function explainPrefix(found: FoundState, crashCase: CrashCase): Model {
  const { run: { commits, looks }, point } = crashCase;
  const { version, ruleLines } = found;
  const seen = looks.findLast((look) => look.point <= point)?.version ?? 0;
  ok(version >= seen, `${version} is read at after a restart, ${seen} was before`);
  let acknowledgedCount = 0;
  let askedCount = 0;
  for (const [index, { entry }] of commits.entries()) {
    if (entry.answeredAt <= point) acknowledgedCount = index + 1;
    if (entry.askedAt <= point) askedCount = index + 1;
  }
  for (let count = acknowledgedCount; count <= askedCount; count++) {
    const model = commits[count - 1]?.model ?? new Model();
    const isFound = model.isShown(found.lines, version) &&
      model.ruleLines().join("\n") === ruleLines.join("\n");
    if (isFound) return model.clone();
  }
  const wanted = commits[acknowledgedCount - 1]?.model ?? new Model();
  throw new AssertionError({
    message: `None of the states after ${acknowledgedCount} to ${askedCount} commits was found:\n` +
      differences(
        [...wanted.lines(version), ...wanted.ruleLines()],
        [...found.lines, ...ruleLines],
      ).join("\n"),
  });
}

/** Lets time pass: what is due then is removed, whatever of it had been removed before. */
async function settleExpiry(reopened: Reopened, model: Model): Promise<void> {
  const { node, scheduler, clockJumpMs } = reopened;
  // Where the clock went back, time stands still for a while.
  if (clockJumpMs < 0) return;
  await scheduler.run(settleMs);
  const settledMicros = node.clock.wallMicros() - settleMs * 1_000;
  for (const key of model.keysEver()) {
    const due = model.entry(key)?.value?.expiresAt ?? Infinity;
    const options = { ...node.deadline(), limit: 1 };
    const found = await scheduler.until(node.database.history(key, options));
    // Below that nothing is told of a removal.
    if (due > settledMicros || due <= found.oldestVersion) continue;
    ok(found.versions.at(0)?.kind === "expire", `${key} was due at ${due}, and is kept`);
  }
}

/** Repeats a remembered request, and writes. Everything must be answered as the model says. */
async function writeMore(
  reopened: Reopened,
  options: { model: Model; crashCase: CrashCase },
): Promise<void> {
  const { node, scheduler, clockJumpMs } = reopened;
  const { model, crashCase: { run: { commits } } } = options;
  const lastVersion = model.version;
  const remembered = commits.findLast(({ entry, version }) =>
    entry.request !== undefined && version <= lastVersion
  );
  // Ten minutes of versions later the request may be forgotten.
  if (remembered !== undefined && clockJumpMs < 500_000) {
    const { entry } = remembered;
    const again = await scheduler.until(node.run(entry.command, entry.request));
    const first = entry.result;
    ok(first !== undefined && resultLine(again) === resultLine(first), "a request is remembered");
  }
  const victim = model.keys()[0] ?? "none";
  const value = { bytes: bytesOf("after"), contentType: "text/plain" };
  const commands: Command[] = [
    { kind: "put", key: "after/1", value },
    { kind: "delete", key: victim },
    { kind: "put", key: victim, value, condition: { kind: "absent" } },
  ];
  for (const command of commands) {
    const result = await scheduler.until(node.run(command));
    ok(result.outcome === "committed" && result.version > lastVersion, "versions rise");
    ok(resultLine(result) === resultLine(model.apply(command, result.version)), "answers fit");
  }
  sameState(model, await scheduler.until(node.read()), "after going on");
}

function sameState(
  model: Model,
  read: { readonly lines: readonly string[]; readonly version: number },
  where: string,
): void {
  const { lines, version } = read;
  if (model.isShown(lines, version)) return;
  throw new AssertionError({
    message: `Not what it should be at ${version} behind ${model.version}, ${where}:\n` +
      differences(model.lines(), lines).join("\n"),
  });
}
