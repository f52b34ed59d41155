/**
 * A disk that fills up while a script runs, and later has room again.
 *
 * Writes are refused with `disk_full` and nothing of them is applied, reads go on, and once there is
 * room writes go on too, without a restart.
 *
 * @module
 */
import { AssertionError, equal, ok } from "node:assert/strict";
import { SeededRandom } from "../../storage/env/mod.ts";
import { ConsensusError } from "../../consensus/mod.ts";
import { ShardError } from "../../sharding/errors.ts";
import { StorageError } from "../../storage/mod.ts";
import { DiskImage } from "./disk_image.ts";
import { History } from "./history.ts";
import { expectationOf, explainRecovered, findState } from "./recovered.ts";
import { Scheduler } from "./scheduler.ts";
import { runScript } from "./script.ts";
import { SimClock } from "./sim_clock.ts";
import { SimDisk } from "./sim_disk.ts";
import { SimNode } from "./single_node.ts";

/** What a full disk did to a run. */
export interface FullOutcome {
  /** Writes that were refused. */
  readonly refusedCount: number;
  /** Whether VACUUM came to its end where there was no room left. */
  readonly isVacuumed: boolean;
  /** What the whole run takes where there is room, in bytes. */
  readonly usedBytes: number;
}

/** How long a node may take to notice that there is room again. */
const retryMs = 5_000;

/** Runs a script on a disk of some size, frees it, and runs another. */
export async function runFull(
  options: { seed: number; capacityBytes: number },
): Promise<FullOutcome> {
  const { seed, capacityBytes } = options;
  const scheduler = new Scheduler();
  const random = new SeededRandom(seed);
  const clock = new SimClock(scheduler);
  const disk = new SimDisk(new DiskImage(), { clock, latencyMs: () => 0.2 });
  const node = await scheduler.until(SimNode.open({ disk, scheduler, random }));
  disk.capacityBytes = Math.max(capacityBytes, disk.usedBytes());
  const history = new History();
  const stage = { node, scheduler, history, now: () => disk.operationCount };
  try {
    await runScript(stage, { seed, commandCount: 60 });
    equal(node.fatal, undefined, "a full disk is no reason to end");
    const refused = history.entries.filter(({ error }) => error !== undefined);
    for (const { error } of refused) {
      ok(error instanceof ShardError && error.code === "disk_full", String(error));
    }
    const wanted = expectationOf(history);
    const { lines, version } = await scheduler.until(node.read());
    ok(wanted.acknowledged.isShown(lines, version), "reads go on");
    const isVacuumed = await vacuumOrFull(node, scheduler);
    disk.capacityBytes = Infinity;
    await scheduler.run(retryMs);
    // What was merged before stays merged; the rest is taken up.
    await scheduler.until(node.node.vacuum());
    const beforeCount = history.entries.length;
    await runScript(stage, { seed: seed + 1, commandCount: 30 });
    for (const { error } of history.entries.slice(beforeCount)) {
      equal(error, undefined, "writes go on once there is room");
    }
    await scheduler.until(node.node.close());
    await checkRestart(disk, history);
    return { refusedCount: refused.length, isVacuumed, usedBytes: disk.usedBytes() };
  } catch (error) {
    const reason = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    throw new AssertionError({ message: `Wrong on a disk of ${capacityBytes} bytes: ${reason}` });
  }
}

/** Vacuums on a disk that is full. Returns whether it could. */
async function vacuumOrFull(node: SimNode, scheduler: Scheduler): Promise<boolean> {
  try {
    await scheduler.until(node.node.vacuum());
    return true;
  } catch (error) {
    const isFull = (error instanceof StorageError || error instanceof ConsensusError) &&
      error.code === "disk_full";
    ok(isFull, String(error));
    return false;
  }
}

async function checkRestart(disk: SimDisk, history: History): Promise<void> {
  const scheduler = new Scheduler();
  const again = new SimDisk(disk.image.fork());
  const random = new SeededRandom(1);
  const node = await scheduler.until(SimNode.open({ disk: again, scheduler, random }));
  const expectation = expectationOf(history);
  explainRecovered(await scheduler.until(findState(node, expectation)), expectation);
  await scheduler.until(node.node.close());
}
