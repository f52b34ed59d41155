/**
 * A scripted run in which one operation of the disk fails, once or from then on for ever.
 *
 * Whatever fails, either somebody is told and the node goes on, or the node ends itself; and a
 * healthy disk under the next start shows every acknowledged command.
 *
 * @module
 */
import { AssertionError, ok } from "node:assert/strict";
import { SeededRandom } from "../../storage/env/mod.ts";
import { crashed } from "./disk_damage.ts";
import type { Damage } from "./disk_damage.ts";
import type { FaultRule } from "./disk_faults.ts";
import { FaultPlan } from "./disk_faults.ts";
import { DiskImage } from "./disk_image.ts";
import { History } from "./history.ts";
import { expectationOf, explainRecovered, findState, worldsFailure } from "./recovered.ts";
import type { Expectation, FoundState } from "./recovered.ts";
import { Scheduler } from "./scheduler.ts";
import { quiet, runScript } from "./script.ts";
import { SimClock } from "./sim_clock.ts";
import { SimDisk } from "./sim_disk.ts";
import { SimNode } from "./single_node.ts";

/** How long a node may take to try again what failed. */
const recoveryMs = 6_000;

/** A run on a disk that fails. */
export interface FaultyRun {
  readonly seed: number;
  readonly commandCount: number;
  /** What goes wrong. */
  readonly rules: readonly FaultRule[];
  /** Says which case it is. */
  readonly label: string;
}

/** How a run on a disk that fails ended. */
export interface FaultyOutcome {
  /** Operations that the disk was asked for. */
  readonly operationCount: number;
  /** Whether the node did not open, ended itself, or went on to the end. */
  readonly ending: "not_opened" | "fatal" | "finished";
  readonly acknowledgedCount: number;
}

/** What is left of a run. */
interface Remains {
  readonly disk: SimDisk;
  readonly history: History;
  readonly ending: FaultyOutcome["ending"];
}

/** Runs a script on a disk that fails, and checks what the next starts find. */
export async function runFaulty(run: FaultyRun): Promise<FaultyOutcome> {
  try {
    const { disk, history, ending } = await play(run);
    disk.faults.clear();
    const expectation = expectationOf(history);
    await checkRestart(disk.image.fork(), expectation);
    const random = new SeededRandom(run.seed).fork(run.label);
    const damage: Damage = { bytes: "mixed", names: "subset" };
    await checkRestart(crashed(disk.image, { damage, random }), expectation);
    const acknowledgedCount = history.entries.filter(({ result }) => result).length;
    return { operationCount: disk.operationCount, ending, acknowledgedCount };
  } catch (error) {
    const reason = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    throw new AssertionError({ message: `Wrong after a fault (${run.label}): ${reason}` });
  }
}

async function play(run: FaultyRun): Promise<Remains> {
  const scheduler = new Scheduler();
  const random = new SeededRandom(run.seed);
  const faults = new FaultPlan(run.rules);
  const latencyMs = () => 0.2;
  const disk = new SimDisk(new DiskImage(), { clock: new SimClock(scheduler), latencyMs, faults });
  const history = new History();
  let node: SimNode;
  try {
    node = await scheduler.until(SimNode.open({ disk, scheduler, random }));
  } catch (error) {
    worldsFailure(error);
    ok(disk.openFileCount === 0, `${disk.openFileCount} files are open after a failed start`);
    return { disk, history, ending: "not_opened" };
  }
  const now = () => disk.image.changeCount;
  await runScript({ node, scheduler, history, now }, run);
  if (node.fatal === undefined) {
    await compareReads(node, { scheduler, history });
    if (await isVacuumedAgain(node, scheduler)) await compareReads(node, { scheduler, history });
  }
  // A node that has ended itself can still be closed, as a test or a tool that embeds it does.
  await scheduler.until(quiet(node.node.close()));
  ok(disk.openFileCount === 0, `${disk.openFileCount} files are open after close`);
  const ending = node.fatal === undefined ? "finished" : "fatal";
  if (node.fatal !== undefined) worldsFailure(node.fatal);
  node.kill();
  return { disk, history, ending };
}

/** Once the disk works again, so does VACUUM. Returns whether the node has lived to see it. */
async function isVacuumedAgain(node: SimNode, scheduler: Scheduler): Promise<boolean> {
  node.disk.faults.clear();
  await scheduler.run(recoveryMs);
  if (node.fatal !== undefined) return false;
  await scheduler.until(node.node.vacuum());
  return true;
}

/** A node that goes on may refuse to read, but what it reads is right. */
async function compareReads(
  node: SimNode,
  stage: { scheduler: Scheduler; history: History },
): Promise<void> {
  const expectation = expectationOf(stage.history);
  let found: FoundState;
  try {
    found = await stage.scheduler.until(findState(node, expectation));
  } catch (error) {
    worldsFailure(error);
    return;
  }
  explainRecovered(found, expectation);
}

async function checkRestart(image: DiskImage, expectation: Expectation): Promise<void> {
  const scheduler = new Scheduler();
  const disk = new SimDisk(image);
  const random = new SeededRandom(1);
  const node = await scheduler.until(SimNode.open({ disk, scheduler, random }));
  explainRecovered(await scheduler.until(findState(node, expectation)), expectation);
  await scheduler.until(node.node.close());
  ok(disk.openFileCount === 0, `${disk.openFileCount} files are open after close`);
}
