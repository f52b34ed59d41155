/**
 * How the sharding room fails when the world does: one code per thing a client can do about it.
 *
 * @module
 */

/**
 * The stable codes. With all but `outcome_unknown` nothing was or will be applied.
 */
export type ShardErrorCode =
  | "no_leader"
  | "overloaded"
  | "disk_full"
  | "request_too_large"
  | "deadline_exceeded"
  | "outcome_unknown"
  | "version_vacuumed"
  | "stopped";

/** The world's failure, as sharding reports it. */
export class ShardError extends Error {
  override readonly name = "ShardError";
  /** The stable code. */
  readonly code: ShardErrorCode;

  constructor(code: ShardErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
