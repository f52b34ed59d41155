/**
 * What happens to a group before it takes proposals: its log and its machine are held against each
 * other, its hard state is made durable, and what the machine lacks is applied again.
 *
 * @module
 */
import type { Clock } from "../storage/env/mod.ts";
import { invariant } from "../storage/env/mod.ts";
import { StorageError } from "../storage/log/mod.ts";
import { ConsensusError } from "./errors.ts";
import type { RaftGroupOptions } from "./group_options.ts";
import type { NodeLog } from "./node_log.ts";
import type { StateMachine } from "./state_machine.ts";

/** What is replayed into what. */
export interface ReplayConfig<Result> {
  readonly groupId: number;
  readonly log: NodeLog;
  readonly machine: StateMachine<Result>;
  readonly clock: Clock;
}

/**
 * Applies the entries above what the machine has, and returns the group's term.
 *
 * A lone voter's entries are committed once durable, so all that the log holds are applied.
 *
 * @throws {ConsensusError} `corruption` where log and machine do not belong together; `disk_full`.
 */
export async function replayGroup<Result>(
  config: ReplayConfig<Result>,
  options: RaftGroupOptions,
): Promise<{ term: number; replayedCount: number }> {
  const { groupId, log, machine } = config;
  checkTogether(config);
  let hardState = log.hardStateOf(groupId);
  if (hardState === undefined) {
    hardState = { term: 1, vote: options.nodeId, commit: 0 };
    await log.append([{ kind: "hardState", groupId, hardState }]);
  }
  const replayedCount = await replayEntries(config, options.replaySliceMs);
  invariant(
    machine.appliedIndex >= log.lastIndexOf(groupId),
    () => `Group ${groupId} has applied ${machine.appliedIndex} of ${log.lastIndexOf(groupId)}`,
  );
  return { term: hardState.term, replayedCount };
}

async function replayEntries<Result>(
  { groupId, log, machine, clock }: ReplayConfig<Result>,
  sliceMs: number,
): Promise<number> {
  let replayedCount = 0;
  let sliceEndMs = clock.monotonicMs() + sliceMs;
  for (const entry of log.entriesOf(groupId, machine.appliedIndex + 1)) {
    await admitted(machine);
    machine.apply(entry);
    invariant(machine.appliedIndex === entry.index, () => `Entry ${entry.index} is applied`);
    replayedCount++;
    if (clock.monotonicMs() >= sliceEndMs) {
      await clock.yield();
      sliceEndMs = clock.monotonicMs() + sliceMs;
    }
  }
  return replayedCount;
}

async function admitted<Result>(machine: StateMachine<Result>): Promise<void> {
  try {
    const admission = machine.admission();
    if (admission !== undefined) await admission;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    // Damage that keeps new writes out stays: refusing to open would take the sound data away too.
    if (error.code === "corruption") return;
    if (error.code !== "disk_full") throw error;
    const message = `Cannot replay the log: ${error.message}`;
    throw new ConsensusError("disk_full", message, { cause: error });
  }
}

/** Checks that the log holds what the machine lacks and nothing that it had is gone. */
function checkTogether<Result>({ groupId, log, machine }: ReplayConfig<Result>): void {
  const { appliedIndex } = machine;
  const hardState = log.hardStateOf(groupId);
  const first = log.firstIndexOf(groupId);
  const last = log.lastIndexOf(groupId);
  const fail = (found: string) =>
    new ConsensusError(
      "corruption",
      `Cannot open group ${groupId}: its data stands at index ${appliedIndex}, ${found}`,
    );
  if (hardState === undefined && (appliedIndex > 0 || last > 0)) {
    throw fail("and the log has no hard state of it");
  }
  if (first > appliedIndex + 1) throw fail(`and its log begins at ${first}`);
  if (last > 0 && last < appliedIndex) throw fail(`and its log ends at ${last}`);
  if (hardState !== undefined && Math.max(last, appliedIndex) < hardState.commit) {
    throw fail(`its log ends at ${last}, and ${hardState.commit} was committed`);
  }
}
