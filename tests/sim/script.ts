/**
 * A scripted run of one node: groups of commands sent together, flushes and pauses in between. The
 * same seed sends the same, as long as the same is answered.
 *
 * @module
 */
import { SeededRandom } from "../../storage/env/mod.ts";
import type { Command, RequestIdentity } from "../../sharding/database.ts";
import type { History, HistoryEntry } from "./history.ts";
import { Model } from "./model.ts";
import { worldsFailure } from "./recovered.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SimNode } from "./single_node.ts";
import { Workload } from "./workload.ts";

/** What a script is made of. */
export interface ScriptOptions {
  readonly seed: number;
  readonly commandCount: number;
  /** How many keys there are. */
  readonly keyCount?: number;
}

/** Where a script runs. */
export interface ScriptStage {
  readonly node: SimNode;
  readonly scheduler: Scheduler;
  readonly history: History;
  /** Returns the moment, for the history. */
  now(): number;
  /** Called between two groups of commands. */
  onPause?(): void;
}

const groupSizeMax = 5;
const valueSizeBytesMax = 120;

/** Runs a script until it is through or the node has ended itself. Never rejects for an answer. */
export async function runScript(stage: ScriptStage, options: ScriptOptions): Promise<void> {
  const random = new SeededRandom(options.seed);
  const workload = new Workload(random.fork("workload"), {
    keyCount: options.keyCount ?? 40,
    valueSizeBytesMax,
  });
  const seen = new Model();
  const remembered: HistoryEntry[] = [];
  const { node, scheduler } = stage;
  for (let sent = 0; sent < options.commandCount && node.fatal === undefined;) {
    const group: Promise<void>[] = [];
    const size = 1 + random.below(groupSizeMax);
    for (let index = 0; index < size; index++, sent++) {
      const retried = remembered.at(-1);
      if (retried !== undefined && random.below(12) === 0) {
        group.push(send(stage, { entry: askAgain(stage, retried), seen }));
        continue;
      }
      const command = workload.command(seen);
      const request = random.below(8) === 0 ? workload.request() : undefined;
      const entry = ask(stage, command, request);
      if (request !== undefined) remembered.push(entry);
      group.push(send(stage, { entry, seen }));
    }
    await settleAll(stage, group);
    if (random.below(14) === 0) await settleAll(stage, [quiet(node.node.flush())]);
    if (random.below(9) === 0) await settleAll(stage, [quiet(node.node.vacuum())]);
    if (random.below(5) === 0) await scheduler.run(random.below(200));
    stage.onPause?.();
  }
}

function askAgain(stage: ScriptStage, first: HistoryEntry): HistoryEntry {
  return ask(stage, first.command, first.request);
}

/** Notes a question of now. */
export function ask(
  stage: ScriptStage,
  command: Command,
  request: RequestIdentity | undefined,
): HistoryEntry {
  const micros = stage.node.clock.wallMicros();
  return stage.history.ask(command, { at: stage.now(), micros, request });
}

/** Waits for all of the group, or for the node's end. */
async function settleAll(stage: ScriptStage, group: readonly Promise<void>[]): Promise<void> {
  const { node, scheduler } = stage;
  let isDone = false;
  const done = Promise.all(group).then(() => {
    isDone = true;
  });
  while (!isDone && node.fatal === undefined && !node.disk.isFrozen) {
    await scheduler.until(Promise.race([done, node.clock.sleep(1)]));
  }
}

/** Sends a command and notes what comes of it. */
export async function send(
  stage: ScriptStage,
  given: { entry: HistoryEntry; seen: Model },
): Promise<void> {
  const { entry, seen } = given;
  try {
    const result = await stage.node.run(entry.command, entry.request);
    entry.result = result;
    entry.answeredAt = stage.now();
    entry.answeredMicros = stage.node.clock.wallMicros();
    if (result.outcome === "committed") seen.apply(entry.command, result.version);
  } catch (error) {
    entry.error = error;
    entry.answeredAt = stage.now();
  }
}

/**
 * A call whose failure is not of interest, because what it did shows elsewhere: as long as it is the
 * disk's.
 */
export async function quiet(promise: Promise<unknown>): Promise<void> {
  try {
    await promise;
  } catch (error) {
    worldsFailure(error);
  }
}
