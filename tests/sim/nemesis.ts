/**
 * Faults by chance, over one life of a process.
 *
 * @module
 */
import type { Random } from "../../storage/env/mod.ts";
import type { Damage } from "./disk_damage.ts";
import { damages, processKill } from "./disk_damage.ts";
import type { OperationKind } from "./disk_faults.ts";
import { quiet } from "./script.ts";
import type { SimNode } from "./single_node.ts";

/** How a life ends. */
export type Ending = { readonly kind: "close" } | {
  readonly kind: "crash";
  readonly damage: Damage;
};

/** Counts what was done, by name. */
export type FaultTable = Map<string, number>;

/** Names of everything that a nemesis can do, so that a table shows what never happened. */
export const faultNames: readonly string[] = [
  "close",
  "crash kept",
  "crash dropped",
  "crash torn",
  "crash reordered",
  "crash zeroed",
  "crash garbage",
  "crash mixed",
  "disk full",
  "slow disk",
  "clock jump",
  "vacuum",
  "vacuum of a prefix",
  "vacuum report",
  "failed write",
  "failed sync",
  "failed sync_directory",
  "failed create",
  "failed remove",
  "failed rename",
  "failed read",
  "flipped read",
];

const failingKinds: readonly OperationKind[] = [
  "write",
  "sync",
  "sync_directory",
  "create",
  "remove",
  "rename",
  "read",
];

/** The shared state through which a nemesis slows a disk, and says how long its work is felt. */
export interface Pace {
  latencyMs: number;
  /** Until then the node may be late, in milliseconds of the scheduler. */
  troubledUntilMs: number;
}

/** How long a node may go on to be late once all is well again: it tries again after a pause. */
const recoveryMs = 8_000;

/** How slow a vacuum may have to be, in bytes a second; 0 for no limit. */
const vacuumPaces = [0, 0, 200_000, 20_000];
const vacuumPrefixes = ["key/", "count/", "key/000", "other/"];

/** Notes one fault. */
export function note(table: FaultTable, name: string): void {
  table.set(name, (table.get(name) ?? 0) + 1);
}

/** Draws how a life ends. */
export function drawEnding(random: Random, table: FaultTable): Ending {
  if (random.below(4) === 0) {
    note(table, "close");
    return { kind: "close" };
  }
  const damage = random.below(3) === 0 ? processKill : damages[random.below(damages.length)];
  note(table, `crash ${damage.bytes}`);
  return { kind: "crash", damage };
}

/** Sets faults off during one life of a node, until the clock of its process stops. */
export async function runNemesis(
  node: SimNode,
  options: { random: Random; pace: Pace; table: FaultTable; durationMs: number },
): Promise<void> {
  const { random, durationMs } = options;
  const faultCount = random.below(4);
  for (let fault = 0; fault < faultCount; fault++) {
    await node.clock.sleep(random.below(durationMs));
    await strike(node, options);
  }
}

async function strike(
  node: SimNode,
  options: { random: Random; pace: Pace; table: FaultTable; durationMs: number },
): Promise<void> {
  const { random, pace, table, durationMs } = options;
  const { disk, clock } = node;
  const choice = random.below(10);
  // A fault that was set before may still lie in wait.
  const isDoomed = pace.troubledUntilMs === Infinity;
  pace.troubledUntilMs = Infinity;
  if (choice < 3) {
    note(table, "disk full");
    disk.capacityBytes = disk.usedBytes() + random.below(6_000);
    await clock.sleep(random.below(durationMs));
    disk.capacityBytes = Infinity;
  } else if (choice < 5) {
    note(table, "slow disk");
    pace.latencyMs = 5 + random.below(2_000);
    await clock.sleep(random.below(durationMs));
    pace.latencyMs = 0.2;
  } else if (choice < 6) {
    note(table, "clock jump");
    clock.jump(random.below(7_200_000) - 3_600_000);
  } else if (choice < 7) {
    note(table, "flipped read");
    // Nobody knows when it is met.
    return disk.faults.add({ effect: "flip", skipCount: random.below(20) });
  } else {
    const kind = failingKinds[random.below(failingKinds.length)];
    note(table, `failed ${kind}`);
    return disk.faults.add({ kinds: [kind], skipCount: random.below(5) });
  }
  if (!isDoomed) pace.troubledUntilMs = clock.monotonicMs() + recoveryMs;
}

/** Vacuums now and then, beside everything else, until the stage is over. */
export async function runVacuums(
  node: SimNode,
  options: { random: Random; table: FaultTable; isOver: () => boolean },
): Promise<void> {
  const { random, table, isOver } = options;
  const prefix = () =>
    random.below(2) === 0 ? undefined : vacuumPrefixes[random.below(vacuumPrefixes.length)];
  await node.clock.sleep(random.below(4_000));
  while (!isOver() && node.fatal === undefined) {
    const request = {
      prefix: prefix(),
      ioBytesPerSecond: vacuumPaces[random.below(vacuumPaces.length)],
    };
    if (random.below(4) === 0) {
      note(table, "vacuum report");
      await quiet(node.node.vacuumReport({ prefix: request.prefix }));
    } else {
      note(table, request.prefix === undefined ? "vacuum" : "vacuum of a prefix");
      await quiet(node.node.vacuum(request));
    }
    await node.clock.sleep(random.below(random.below(2) === 0 ? 200 : 6_000));
  }
}
