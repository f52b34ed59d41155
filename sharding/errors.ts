/**
 * How the sharding room fails when the world does: one code per thing a client can do about it.
 *
 * @module
 */

/**
 * The stable codes. With all but `outcome_unknown` nothing was or will be applied.
 *
 *  - `no_leader`: nobody leads the shard; waiting may help.
 *  - `overloaded`: too much waits already; waiting helps.
 *  - `disk_full`: writes need room; reads go on.
 *  - `request_too_large`: it can never be served, in parts perhaps.
 *  - `deadline_exceeded`: its time ran out before it took effect.
 *  - `outcome_unknown`: it may or may not have been applied, now or later.
 *  - `version_vacuumed`: what was to be read is not kept any more; `oldestVersion` says what is.
 *  - `version_to_come`: what was to be read lies ahead of the clock.
 *  - `storage_failed`: bytes on the disk are damaged, or the disk fails; an operator is needed.
 *  - `stopped`: the node is closing.
 */
export type ShardErrorCode =
  | "no_leader"
  | "overloaded"
  | "disk_full"
  | "request_too_large"
  | "deadline_exceeded"
  | "outcome_unknown"
  | "version_vacuumed"
  | "version_to_come"
  | "storage_failed"
  | "stopped";

/** The world's failure, as sharding reports it. */
export class ShardError extends Error {
  override readonly name = "ShardError";
  /** The stable code. */
  readonly code: ShardErrorCode;
  /** The oldest version that could have been read, of `version_vacuumed`. */
  readonly oldestVersion: number | undefined;

  constructor(
    code: ShardErrorCode,
    message: string,
    options?: ErrorOptions & { readonly oldestVersion?: number },
  ) {
    super(message, options);
    this.code = code;
    this.oldestVersion = options?.oldestVersion;
  }
}
