/**
 * How the consensus room fails when the world does.
 *
 * @module
 */

/**
 * The stable codes. With the first six nothing of the proposal was or will be applied:
 *
 *  - `not_leader`: another node leads the group.
 *  - `overloaded`: too much waits already.
 *  - `disk_full`: the log has no room; reads go on, and writes once there is room.
 *  - `machine_failed`: the state machine takes no writes, as its disk fails or its bytes are damaged;
 *    reads of what is sound go on.
 *  - `proposal_too_large`: it can never fit.
 *  - `deadline_exceeded`: it was taken back before it reached the log.
 *  - `outcome_unknown`: it reached the log, and whether it was or will be applied is not known.
 *  - `stopped`: the group was closed before it took the proposal.
 *  - `corruption`: log bytes known to have been durable are not what was written.
 */
export type ConsensusErrorCode =
  | "not_leader"
  | "overloaded"
  | "disk_full"
  | "machine_failed"
  | "proposal_too_large"
  | "deadline_exceeded"
  | "outcome_unknown"
  | "stopped"
  | "corruption"
  | "unsupported_format";

/** The world's failure, as consensus reports it. */
export class ConsensusError extends Error {
  override readonly name = "ConsensusError";
  /** The stable code. */
  readonly code: ConsensusErrorCode;

  constructor(code: ConsensusErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
