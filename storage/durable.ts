/**
 * Syncs, with their failure named: a `sync_failed` is never retried, the process ends.
 *
 * @module
 */
import type { Disk, DiskFile } from "./env/mod.ts";
import { DiskError } from "./env/mod.ts";
import { StorageError } from "./errors.ts";

/** Makes what was written to a file durable. @throws {StorageError} `sync_failed`. */
export async function syncFile(file: DiskFile): Promise<void> {
  try {
    await file.sync();
  } catch (error) {
    throw asSyncFailure(error);
  }
}

/** Makes the names in a folder durable. @throws {StorageError} `sync_failed`. */
export async function syncNames(disk: Disk, directory: string): Promise<void> {
  try {
    await disk.syncDirectory(directory);
  } catch (error) {
    throw asSyncFailure(error);
  }
}

function asSyncFailure(error: unknown): unknown {
  if (!(error instanceof DiskError)) return error;
  return new StorageError("sync_failed", error.message, { cause: error });
}
