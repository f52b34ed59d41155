/**
 * How the storage room fails when the world does.
 *
 * @module
 */
import { DiskError } from "./env/mod.ts";

/**
 * The stable codes:
 *
 *  - `corruption`: bytes on disk are not what was written. The message names file and offset.
 *  - `unsupported_format`: the folder was written by a version whose format this one cannot read.
 *  - `disk_full`: nothing was lost; the call may be made again once there is room.
 *  - `io`: the disk failed in another way.
 *  - `sync_failed`: what is on the disk is not known any more. The process must end.
 *  - `version_vacuumed`: the version asked for lies below the horizon of what is asked for.
 *  - `closed`: the engine was closed, or refuses work after a failure.
 */
export type StorageErrorCode =
  | "corruption"
  | "unsupported_format"
  | "disk_full"
  | "io"
  | "sync_failed"
  | "version_vacuumed"
  | "closed";

/** The world's failure, as storage reports it. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  /** The stable code. */
  readonly code: StorageErrorCode;
  /** Of `version_vacuumed`: the oldest version at which the same can be read. */
  readonly oldestVersion: number | undefined;

  constructor(
    code: StorageErrorCode,
    message: string,
    options: ErrorOptions & { readonly oldestVersion?: number } = {},
  ) {
    super(message, options);
    this.code = code;
    this.oldestVersion = options.oldestVersion;
  }
}

/** Returns a disk's failure as the room reports it; any other error as it is. */
export function asStorageError(error: unknown): unknown {
  if (!(error instanceof DiskError)) return error;
  const code = error.code === "disk_full" ? "disk_full" : "io";
  return new StorageError(code, error.message, { cause: error });
}
