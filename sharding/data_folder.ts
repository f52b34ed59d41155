/**
 * The data folder of a node: what is where, and its names made durable.
 *
 * ```
 * LOCK                     held by the one process that may write
 * NODE                     whose folder it is (node_identity.ts)
 * log/                     the node's log, shared by all groups (consensus)
 * groups/<16 hex digits>/  the tree of one group's replica (storage)
 * ```
 *
 * Group 1 is kept for the meta group; the data of a lone node is group 2.
 *
 * @module
 */
import type { Disk, DiskLock, Logger } from "../storage/env/mod.ts";
import { DiskError } from "../storage/env/mod.ts";
import { StorageError } from "../storage/mod.ts";

/** The group that holds a lone node's data. On disk since format 1: never renumber. */
export const dataGroupId = 2;

/** Returns the folder of the node's log. */
export function logDirectory(dataDirectory: string): string {
  return `${dataDirectory}/log`;
}

/** Returns the folder of a group's tree. */
export function groupDirectory(dataDirectory: string, groupId: number): string {
  return `${dataDirectory}/groups/${groupId.toString(16).padStart(16, "0")}`;
}

/**
 * Makes the folder where it is missing, and takes its lock.
 *
 * @throws {StorageError} `io` where another process has it, or the disk fails; `disk_full`.
 */
export async function lockDataFolder(
  options: { disk: Disk; logger: Logger; dataDirectory: string },
): Promise<DiskLock> {
  const { disk, logger, dataDirectory } = options;
  // A process killed in between left the folder with a name that may not be durable.
  if (!disk.exists(`${dataDirectory}/NODE`)) {
    disk.createDirectory(dataDirectory);
    await syncParent(disk, logger, dataDirectory);
  }
  try {
    return disk.lock(`${dataDirectory}/LOCK`);
  } catch (error) {
    if (!(error instanceof DiskError) || error.code !== "locked") throw error;
    const message = `Cannot open ${dataDirectory}: another process has it open`;
    throw new StorageError("io", message, { cause: error });
  }
}

/** Makes the folders of log and data group, with durable names. */
export async function makeFolders(disk: Disk, dataDirectory: string): Promise<void> {
  const directory = groupDirectory(dataDirectory, dataGroupId);
  disk.createDirectory(logDirectory(dataDirectory));
  disk.createDirectory(directory);
  await disk.syncDirectory(`${dataDirectory}/groups`);
  await disk.syncDirectory(dataDirectory);
}

/** The folder above may be closed to a process with narrow permissions: then a line says so. */
async function syncParent(disk: Disk, logger: Logger, directory: string): Promise<void> {
  const slash = directory.lastIndexOf("/");
  const parent = slash > 0 ? directory.slice(0, slash) : slash === 0 ? "/" : ".";
  try {
    disk.list(parent);
  } catch (error) {
    if (!(error instanceof DiskError) || error.code !== "denied") throw error;
    logger.log("info", "data_folder_name_not_synced", { directory, reason: error.message });
    return;
  }
  await disk.syncDirectory(parent);
}
