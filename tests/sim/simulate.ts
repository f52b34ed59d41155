/**
 * One seed: several lives of one node on one disk, with clients and faults by chance.
 *
 * After each life the answers are explained by one order, the reads by the states of that order, and
 * what the next life finds by what was acknowledged in the one before.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { ok } from "node:assert/strict";
import { crc32 } from "node:zlib";
import { SeededRandom } from "../../storage/env/mod.ts";
import type { Random } from "../../storage/env/mod.ts";
import { runClient } from "./clients.ts";
import type { ClientStage } from "./clients.ts";
import { crashed, processKill } from "./disk_damage.ts";
import { DiskImage } from "./disk_image.ts";
import { History } from "./history.ts";
import { Model } from "./model.ts";
import { drawEnding, runNemesis } from "./nemesis.ts";
import type { Ending, FaultTable, Pace } from "./nemesis.ts";
import { checkReads } from "./reads.ts";
import type { Expectation } from "./recovered.ts";
import { expectationOf, explainRecovered, worldsFailure } from "./recovered.ts";
import { Scheduler } from "./scheduler.ts";
import { quiet } from "./script.ts";
import { SimClock } from "./sim_clock.ts";
import { SimDisk } from "./sim_disk.ts";
import { SimNode } from "./single_node.ts";
import { Workload } from "./workload.ts";

/** What one seed came to. */
export interface SimulationReport {
  readonly seed: number;
  readonly lifeCount: number;
  readonly acknowledgedCount: number;
  readonly refusedCount: number;
  readonly unknownCount: number;
  readonly checkedReadCount: number;
  readonly simulatedMs: number;
  readonly faults: FaultTable;
  /** Equal where every answer and every byte on the disk was. */
  readonly fingerprint: number;
}

interface World {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly workload: Workload;
  readonly faults: FaultTable;
  image: DiskImage;
  expectation: Expectation;
  fingerprint: number;
  counts: { acknowledged: number; refused: number; unknown: number; reads: number };
}

const lifeCountMax = 5;
const openTriesMax = 5;

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
    image: new DiskImage(),
    expectation: { acknowledged: new Model(), lastVersion: 0, unknown: [] },
    fingerprint: 0,
    counts: { acknowledged: 0, refused: 0, unknown: 0, reads: 0 },
  };
  const lifeCount = 2 + random.below(lifeCountMax - 1);
  for (let life = 0; life < lifeCount; life++) await runLife(world);
  const { counts, faults, fingerprint, scheduler } = world;
  return {
    seed,
    lifeCount,
    acknowledgedCount: counts.acknowledged,
    refusedCount: counts.refused,
    unknownCount: counts.unknown,
    checkedReadCount: counts.reads,
    simulatedMs: scheduler.nowMs,
    faults,
    fingerprint,
  };
}

async function runLife(world: World): Promise<void> {
  const { scheduler, random } = world;
  const pace: Pace = { latencyMs: 0.2 };
  const node = await openNode(world, pace);
  const lines = await scheduler.until(node.lines());
  const { model: start } = explainRecovered(lines, world.expectation);
  let moment = 0;
  const stage: ClientStage = {
    node,
    scheduler,
    random: random.fork(`clients ${scheduler.nowMs}`),
    workload: world.workload,
    history: new History(),
    reads: [],
    wrongs: [],
    seen: start.clone(),
    isOver: false,
    now: () => ++moment,
  };
  const durationMs = 100 + random.below(20_000);
  const nemesis = { random: random.fork(`nemesis ${scheduler.nowMs}`), pace, durationMs };
  const ending = drawEnding(random, world.faults);
  const clients = Array.from({ length: 1 + random.below(6) }, () => runClient(stage));
  const faults = runNemesis(node, { ...nemesis, table: world.faults });
  await scheduler.run(durationMs);
  stage.isOver = true;
  if (ending.kind === "close" && node.fatal === undefined) {
    node.disk.faults.clear();
    node.disk.capacityBytes = Infinity;
    pace.latencyMs = 0.2;
    await scheduler.until(Promise.all([...clients, faults]));
    await scheduler.until(quiet(node.node.close()));
  }
  judge(world, { stage, start, ending });
}

/** Opens the node; while the disk fails, again and again. */
async function openNode(world: World, pace: Pace): Promise<SimNode> {
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
    try {
      const node = await scheduler.until(
        SimNode.open({ disk, scheduler, random, clockJumpMs, retentionMs: random.below(500) }),
      );
      disk.faults.clear();
      return node;
    } catch (error) {
      if (tries >= openTriesMax) throw error;
      worldsFailure(error);
      disk.freeze();
      clock.stop();
      world.image = world.image.fork();
    }
  }
}

/** Checks a life, and says what the next one may find. */
function judge(
  world: World,
  life: { stage: ClientStage; start: Model; ending: Ending },
): void {
  const { stage, start, ending } = life;
  const { node, history } = stage;
  node.kill();
  for (const error of [...stage.wrongs, node.fatal]) if (error !== undefined) worldsFailure(error);
  const commits = history.explain(start);
  world.counts.reads += checkReads(stage.reads, { start, commits });
  world.expectation = expectationOf(history, { start, commits });
  world.counts.acknowledged += history.entries.filter(({ result }) => result).length;
  world.counts.unknown += world.expectation.unknown.length;
  world.counts.refused += history.entries.filter(({ error }) => error !== undefined).length;
  const hasClosed = ending.kind === "close" && node.fatal === undefined;
  ok(!hasClosed || world.expectation.unknown.length === 0, "a clean stop leaves nothing open");
  const text = JSON.stringify([
    node.disk.operationCount,
    stage.reads,
    commits.map((c) => c.version),
  ]);
  world.fingerprint = crc32(Buffer.from(text, "utf8"), world.fingerprint);
  const damage = ending.kind === "crash" ? ending.damage : processKill;
  const { image } = node.disk;
  world.image = damage === processKill
    ? image.fork()
    : crashed(image, { damage, random: world.random });
}
