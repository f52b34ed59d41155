/**
 * From a folder to a tree that can be used:
 *
 *  1. `CURRENT` → manifest → what its edits come to. No `CURRENT`: an empty tree, unless sstables say
 *     that there was one.
 *  2. Every live table is opened: footer, index and filter are checked.
 *  3. A fresh manifest is written and put in force, so that nothing below rests on bytes that only
 *     the page cache holds.
 *  4. Files that the manifest does not name are removed: they are what a crash cut off. Names of
 *     another kind are left alone and logged.
 *
 * Entries applied after the last flush are not here: the group's log applies them again.
 *
 * @module
 */
import { syncNames } from "./durable.ts";
import type { DiskEntry } from "./env/mod.ts";
import { DiskError } from "./env/mod.ts";
import { asStorageError, StorageError } from "./errors.ts";
import {
  currentFileName,
  currentTemporaryFileName,
  Manifest,
  manifestNumberOf,
  readManifest,
} from "./lsm/manifest.ts";
import { EditFold } from "./lsm/version_edit.ts";
import type { TreeFilesConfig } from "./tree_files.ts";
import { TreeFiles } from "./tree_files.ts";

/**
 * Opens the files of a tree; makes the folder where there is none.
 *
 * @throws {StorageError} `corruption`, `unsupported_format`, `disk_full`, `io`, `sync_failed`.
 */
export async function recoverTree(config: TreeFilesConfig): Promise<TreeFiles> {
  const { disk, directory } = config;
  const found = readManifest({ disk, directory });
  if (found === undefined) await makeFolder(config);
  const names = list(config);
  const fold = found?.fold ?? new EditFold();
  const tableNumbers = names.map(({ name }) => tableNumberOf(name) ?? 0);
  if (found === undefined && Math.max(0, ...tableNumbers) > 0) {
    throw new StorageError(
      "corruption",
      `Cannot open ${directory}: it has sstables but no CURRENT`,
    );
  }
  // Above the orphans too, although they are removed: a crash may bring back the name of one.
  fold.nextTableNumber = Math.max(fold.nextTableNumber, ...tableNumbers.map((n) => n + 1));
  const manifestNumbers = names.map(({ name }) => manifestNumberOf(name) ?? 0);
  const manifest = new Manifest({
    disk,
    directory,
    lastNumber: Math.max(found?.number ?? 0, ...manifestNumbers),
  });
  const files = await TreeFiles.open(config, { manifest, fold });
  sweep(config, names, new Set(fold.tables().map(({ meta }) => meta.number)));
  return files;
}

async function makeFolder({ disk, directory }: TreeFilesConfig): Promise<void> {
  try {
    disk.createDirectory(directory);
  } catch (error) {
    throw asStorageError(error);
  }
  const slash = directory.lastIndexOf("/");
  if (slash > 0) await syncNames(disk, directory.slice(0, slash));
}

function list({ disk, directory }: TreeFilesConfig): DiskEntry[] {
  try {
    return disk.list(directory);
  } catch (error) {
    throw asStorageError(error);
  }
}

/** Returns the number in a table's name, or undefined where it is none. */
export function tableNumberOf(name: string): number | undefined {
  const match = /^(\d{6,15})\.sst$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** Removes tables that nothing names; manifests were removed when the fresh one came into force. */
function sweep(
  config: TreeFilesConfig,
  names: readonly DiskEntry[],
  live: ReadonlySet<number>,
): void {
  for (const { name } of names) {
    const number = tableNumberOf(name);
    if (number !== undefined) {
      if (!live.has(number)) removeOrphan(config, name);
      continue;
    }
    const isKnown = name === currentFileName || name === currentTemporaryFileName ||
      manifestNumberOf(name) !== undefined;
    if (!isKnown) config.logger.log("warn", "unknown_file", { directory: config.directory, name });
  }
}

function removeOrphan({ disk, directory, logger }: TreeFilesConfig, name: string): void {
  try {
    disk.remove(`${directory}/${name}`);
    logger.log("info", "orphan_removed", { directory, name });
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    logger.log("warn", "orphan_not_removed", { directory, name, message: error.message });
  }
}
