/**
 * One seed: several lives of one node on one disk, with clients, watches, VACUUM and faults by chance.
 *
 * A life is judged once the next one has begun, because only then is it known what became of the
 * commands that nobody heard of: the answers are explained by one order, the reads by the states of
 * that order, the watches by its changes.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { ok } from "node:assert/strict";
import { crc32 } from "node:zlib";
import { SeededRandom } from "../../storage/env/mod.ts";
import type { Random } from "../../storage/env/mod.ts";
import { runClient } from "./clients.ts";
import type { ClientStage } from "./stage.ts";
import { crashed, processKill } from "./disk_damage.ts";
import { DiskImage } from "./disk_image.ts";
import { History } from "./history.ts";
import { judgeLife, noCounts } from "./judge.ts";
import type { Life, LifeCounts, LifeTruth } from "./judge.ts";
import { drawEnding, runNemesis, runVacuums } from "./nemesis.ts";
import type { Ending, FaultTable, Pace } from "./nemesis.ts";
import { worldsFailure } from "./recovered.ts";
import { RetentionBounds } from "./retention_bounds.ts";
import { Scheduler } from "./scheduler.ts";
import { quiet } from "./script.ts";
import { SimClock } from "./sim_clock.ts";
import { SimDisk } from "./sim_disk.ts";
import { SimNode, tinyTree } from "./single_node.ts";
import { Timeline } from "./timeline.ts";
import { drawWatcher, runWatcher } from "./watchers.ts";
import type { Watcher } from "./watchers.ts";
import { Workload } from "./workload.ts";

/** What one seed came to. */
export interface SimulationReport extends Readonly<LifeCounts> {
  readonly seed: number;
  readonly lifeCount: number;
  readonly simulatedMs: number;
  readonly faults: FaultTable;
  /** Equal where every answer and every byte on the disk was. */
  readonly fingerprint: number;
}

interface World extends LifeTruth {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly workload: Workload;
  readonly faults: FaultTable;
  readonly watchers: Watcher[];
  image: DiskImage;
  fingerprint: number;
  moment: number;
  /** The largest version and time that was seen. */
  versionMax: number;
  /** What has been lived and not been judged. */
  life: Life | undefined;
}

const lifeCountMax = 5;
const openTriesMax = 5;
const watcherCountMax = 5;

/** How far versions may be ahead of the clock and of what is closed: by a batch in flight. */
const aheadMicros = 5_000;

/** How long a watch may take to tell what was committed, on a node that is well. */
const watchMsMax = 60_000;

/** Queues so small that a slow consumer reads the tree. */
const tinyWatch = { queueEventCountMax: 4, queueSizeBytesMax: 600, pieceEventCountMax: 5 };

/** How long clients pause at most: now and then so long that a node is left to itself. */
const thinks = [60, 60, 60, 3_000];

/** Of so many writes there is at least one read that was checked; in a run of some length. */
const readShare = 10;
const vacuousCount = 100;

/** How long a node may take to remove what is due. */
const expiryMsMax = 1_500;

/** From when on a node that has just begun does in time what it has to do. */
const startMs = 1_500;

/** Runs one seed. Rejects where anything is not as it should be. */
export async function simulate(seed: number): Promise<SimulationReport> {
  const random = new SeededRandom(seed);
  const world: World = {
    scheduler: new Scheduler(),
    random,
    workload: new Workload(random.fork("workload"), {
      keyCount: 10 + random.below(80),
      valueSizeBytesMax: 20 + random.below(300),
    }),
    faults: new Map(),
    watchers: [],
    image: new DiskImage(),
    timeline: new Timeline(),
    bounds: new RetentionBounds(),
    floor: 0,
    fingerprint: 0,
    moment: 0,
    versionMax: 0,
    counts: noCounts(),
    life: undefined,
  };
  const watcherCount = random.below(watcherCountMax + 1);
  for (let index = 0; index < watcherCount; index++) {
    world.watchers.push(drawWatcher(random, world.workload));
  }
  const lifeCount = 2 + random.below(lifeCountMax - 1);
  for (let life = 0; life < lifeCount; life++) await runLife(world);
  await judgeLast(world);
  checkVacuity(world.counts);
  const { counts, faults, fingerprint, scheduler } = world;
  return { seed, lifeCount, ...counts, simulatedMs: scheduler.nowMs, faults, fingerprint };
}

/** A run whose reads were hardly looked at has shown nothing. */
function checkVacuity({ acknowledgedCount, checkedReadCount }: LifeCounts): void {
  ok(
    checkedReadCount >= acknowledgedCount / readShare || acknowledgedCount < vacuousCount,
    `${checkedReadCount} reads were checked beside ${acknowledgedCount} writes`,
  );
}

async function runLife(world: World): Promise<void> {
  const { scheduler, random } = world;
  const pace: Pace = { latencyMs: 0.2, troubledUntilMs: startMs };
  const { node, retentionMs, watchLagMsMax } = await openNode(world, pace);
  await scheduler.until(judgeLife(node, world, { life: world.life, retentionMs }));
  const stage = stageOf(world, node, pace);
  const durationMs = 100 + random.below(20_000);
  const nemesis = { random: random.fork(`nemesis ${scheduler.nowMs}`), pace, durationMs };
  const ending = drawEnding(random, world.faults);
  const vacuums = {
    random: random.fork(`vacuums ${scheduler.nowMs}`),
    table: world.faults,
    isOver: () => stage.isOver,
  };
  const clients = Array.from({ length: 1 + random.below(6) }, () => runClient(stage));
  const watchers = world.watchers.map((watcher) => runWatcher(stage, watcher));
  const others = [
    runNemesis(node, { ...nemesis, table: world.faults }),
    ...(random.below(2) === 0 ? [runVacuums(node, vacuums)] : []),
  ];
  await scheduler.run(durationMs);
  stage.isOver = true;
  if (ending.kind === "close" && node.fatal === undefined) {
    node.disk.faults.clear();
    node.disk.capacityBytes = Infinity;
    pace.latencyMs = 0.2;
    await scheduler.until(Promise.all([...clients, ...others]));
    await settleWatches(stage);
    await scheduler.until(Promise.all(watchers));
    await settleExpiry(stage);
    await scheduler.until(quiet(node.node.close()));
  }
  endLife(world, { stage, ending, watchLagMsMax });
}

function stageOf(world: World, node: SimNode, pace: Pace): ClientStage {
  const { scheduler, random } = world;
  return {
    node,
    scheduler,
    random: random.fork(`clients ${scheduler.nowMs}`),
    workload: world.workload,
    history: new History(),
    notes: { reads: [], refusals: [], histories: [], watches: [] },
    openWatches: new Set(),
    wrongs: [],
    seen: world.timeline.model.clone(),
    isOver: false,
    thinkMsMax: thinks[random.below(thinks.length)],
    now: () => ++world.moment,
    versionBound: () => versionBound(world, node),
    isUntroubled: () => node.clock.monotonicMs() > pace.troubledUntilMs,
  };
}

function versionBound(world: World, node: SimNode): number {
  world.versionMax = Math.max(world.versionMax, node.clock.wallMicros());
  try {
    const snapshot = node.database.hold({ kind: "read", owner: "bound" });
    snapshot.release();
    world.versionMax = Math.max(world.versionMax, snapshot.version);
  } catch (error) {
    // It has ended itself and draws no more.
    worldsFailure(error);
  }
  return world.versionMax + aheadMicros;
}

/** Waits until all watches have told what was committed, and ends them. */
async function settleWatches(stage: ClientStage): Promise<void> {
  const { scheduler, seen, openWatches, node } = stage;
  const isTold = () => [...openWatches].every(({ watch }) => watch.version >= seen.version);
  const endMs = scheduler.nowMs + watchMsMax;
  while (!isTold() && scheduler.nowMs < endMs && node.fatal === undefined) await scheduler.run(20);
  for (const { watch, stream } of openWatches) {
    if (node.fatal === undefined) stream.wantedVersion = seen.version;
    watch.close();
  }
}

/** Waits until all that is due has been removed, on a node that nothing keeps from it. */
async function settleExpiry(stage: ClientStage): Promise<void> {
  const { scheduler, node } = stage;
  if (!stage.isUntroubled()) return;
  await scheduler.run(expiryMsMax);
  const backlogCount = () => node.node.statistics().time.expiryBacklogCount;
  // What is due at this very moment takes a moment more.
  for (let tries = 0; tries < 20 && backlogCount() > 0; tries++) await scheduler.run(5);
  if (node.fatal !== undefined) return;
  ok(backlogCount() === 0, `${backlogCount()} keys are due and not removed`);
}

/** Opens the node; while the disk fails, again and again. */
async function openNode(
  world: World,
  pace: Pace,
): Promise<{ node: SimNode; retentionMs: number; watchLagMsMax: number }> {
  const { scheduler, random } = world;
  for (let tries = 1;; tries++) {
    const clock = new SimClock(scheduler);
    const disk = new SimDisk(world.image, {
      clock,
      latencyMs: () => pace.latencyMs * (0.5 + random.fraction()),
    });
    if (tries < openTriesMax && random.below(6) === 0) {
      disk.faults.add({ skipCount: random.below(60) });
    }
    const clockJumpMs = random.below(4) === 0 ? random.below(7_200_000) - 3_600_000 : 0;
    const retentionMs = random.below(500);
    const options = {
      upkeepMs: 100 + random.below(5_000),
      watchLagMsMax: random.below(3) === 0 ? 200 + random.below(2_000) : 600_000,
      watch: random.below(3) === 0 ? {} : tinyWatch,
    };
    const workMs = [0, 0.3, 1.5][random.below(3)];
    const tree = {
      ...tinyTree,
      isAutovacuumOn: random.below(4) > 0,
      autovacuumDeadRatio: 0.05 + random.fraction() / 2,
      vacuumIoBytesPerSecond: [0, 1_000_000, 50_000][random.below(3)],
    };
    try {
      const given = { clockJumpMs, retentionMs, workMs, tree, options };
      const node = await scheduler.until(SimNode.open({ disk, scheduler, random, ...given }));
      disk.faults.clear();
      return { node, retentionMs, watchLagMsMax: options.watchLagMsMax };
    } catch (error) {
      if (tries >= openTriesMax) throw error;
      worldsFailure(error);
      disk.freeze();
      clock.stop();
      world.image = world.image.fork();
    }
  }
}

/** The process is gone; what is left of it is judged by what the next one finds. */
function endLife(
  world: World,
  ended: { stage: ClientStage; ending: Ending; watchLagMsMax: number },
): void {
  const { stage, ending, watchLagMsMax } = ended;
  const { node, history, notes } = stage;
  const bound = stage.versionBound();
  node.kill();
  for (const error of [...stage.wrongs, node.fatal]) if (error !== undefined) worldsFailure(error);
  const hasClosed = ending.kind === "close" && node.fatal === undefined;
  world.life = { history, notes, bound, hasClosed, lagMicrosMax: watchLagMsMax * 1_000 };
  const damage = ending.kind === "crash" ? ending.damage : processKill;
  const { image } = node.disk;
  world.image = damage === processKill
    ? image.fork()
    : crashed(image, { damage, random: world.random });
  const text = JSON.stringify([node.disk.operationCount, notes]);
  world.fingerprint = crc32(Buffer.from(text, "utf8"), world.fingerprint);
}

/** Opens the node once more, on a disk that is well, to see what the last life left. */
async function judgeLast(world: World): Promise<void> {
  const { scheduler, random, life } = world;
  const disk = new SimDisk(world.image, { clock: new SimClock(scheduler) });
  const node = await scheduler.until(SimNode.open({ disk, scheduler, random }));
  await scheduler.until(judgeLife(node, world, { life, retentionMs: 0 }));
  await scheduler.until(node.node.close());
  ok(disk.openFileCount === 0, `${disk.openFileCount} files are open after close`);
}
