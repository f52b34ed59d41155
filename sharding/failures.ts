/**
 * What the rooms below report, as what a client can do about it: the one place that translates.
 *
 * @module
 */
import { ConsensusError, type ConsensusErrorCode } from "../consensus/mod.ts";
import { DiskError } from "../storage/env/mod.ts";
import { StorageError, type StorageErrorCode } from "../storage/mod.ts";
import { ShardError, type ShardErrorCode } from "./errors.ts";

const consensusCodes: Record<ConsensusErrorCode, ShardErrorCode> = {
  not_leader: "no_leader",
  overloaded: "overloaded",
  disk_full: "disk_full",
  machine_failed: "storage_failed",
  proposal_too_large: "request_too_large",
  deadline_exceeded: "deadline_exceeded",
  outcome_unknown: "outcome_unknown",
  stopped: "stopped",
  corruption: "storage_failed",
  unsupported_format: "storage_failed",
};

const storageCodes: Record<StorageErrorCode, ShardErrorCode> = {
  corruption: "storage_failed",
  unsupported_format: "storage_failed",
  disk_full: "disk_full",
  io: "storage_failed",
  sync_failed: "storage_failed",
  version_vacuumed: "version_vacuumed",
  closed: "stopped",
};

/**
 * Returns the failure of a call as a {@linkcode ShardError}. What is none of the world's failures
 * comes back as it is: it is ours, and nobody above may take it for an answer.
 */
export function toShardError(error: unknown): unknown {
  if (error instanceof ConsensusError) {
    return new ShardError(consensusCodes[error.code], error.message, { cause: error });
  }
  if (error instanceof StorageError) {
    const { oldestVersion } = error;
    return new ShardError(storageCodes[error.code], error.message, { cause: error, oldestVersion });
  }
  if (error instanceof DiskError) {
    const code = error.code === "disk_full" ? "disk_full" : "storage_failed";
    return new ShardError(code, error.message, { cause: error });
  }
  return error;
}

/** Throws where a read has waited past its deadline. */
export function checkDeadline(nowMs: number, deadlineMs: number): void {
  if (nowMs > deadlineMs) {
    throw new ShardError(
      "deadline_exceeded",
      `Cannot read: the deadline passed ${Math.round(nowMs - deadlineMs)} ms ago`,
    );
  }
}
