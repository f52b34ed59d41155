/**
 * Every tunable of a Raft group, with unit, bounds and reason.
 *
 * @module
 */
import { invariant } from "../storage/env/mod.ts";

const mebibyte = 1_048_576;

/** Every tunable of a group. */
export interface RaftGroupOptions {
  /** Where an entry stops gathering, unless one command is larger. */
  readonly entrySizeBytesMax: number;
  /** The longest command. */
  readonly proposalSizeBytesMax: number;
  /** What all commands that wait may take before more are refused. */
  readonly waitingSizeBytesMax: number;
  /** How late a missed deadline may be noticed. */
  readonly deadlineCheckMs: number;
  /** How long a replay runs before others may. */
  readonly replaySliceMs: number;
  /** Who this voter is; 0 is nobody. */
  readonly nodeId: number;
}

/** The defaults. */
export const raftGroupOptionsDefault: RaftGroupOptions = {
  // Applied in one turn: some 10 ms of small commands.
  entrySizeBytesMax: 4 * mebibyte,
  // Twice the largest value and its keys; fits a segment of the log.
  proposalSizeBytesMax: 40 * mebibyte,
  waitingSizeBytesMax: 64 * mebibyte,
  deadlineCheckMs: 50,
  replaySliceMs: 5,
  nodeId: 1,
};

/**
 * Returns the options with what is given laid over the defaults.
 *
 * @throws {InvariantError} where a value is out of its bounds: callers check what users typed.
 */
export function raftGroupOptions(given: Partial<RaftGroupOptions> = {}): RaftGroupOptions {
  const options = { ...raftGroupOptionsDefault, ...given };
  within("entrySizeBytesMax", options.entrySizeBytesMax, [1, 1_024 * mebibyte]);
  within("proposalSizeBytesMax", options.proposalSizeBytesMax, [1, 1_024 * mebibyte]);
  within("waitingSizeBytesMax", options.waitingSizeBytesMax, [1, 1_024 * mebibyte]);
  within("deadlineCheckMs", options.deadlineCheckMs, [1, 60_000]);
  within("replaySliceMs", options.replaySliceMs, [1, 60_000]);
  within("nodeId", options.nodeId, [1, Number.MAX_SAFE_INTEGER]);
  return options;
}

function within(name: string, value: number, [smallest, largest]: [number, number]): void {
  invariant(
    Number.isFinite(value) && value >= smallest && value <= largest,
    () => `Cannot use ${name}=${value}: it is ${smallest} to ${largest}`,
  );
}
