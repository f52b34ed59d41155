/**
 * Reads every byte that a node relies on and reports what is wrong with them, as data.
 *
 * Of a running node, or of a data folder that nobody has open. Both work in slices and change
 * nothing on the disk. Of a running node's log the entries are read that a restart would read.
 *
 * @module
 */
import { ConsensusError, NodeLog } from "../consensus/mod.ts";
import type { Clock, Disk } from "../storage/env/mod.ts";
import { DiskError, silentLogger } from "../storage/env/mod.ts";
import {
  type CheckProblem,
  type CheckProgress,
  type CheckReport,
  checkTree,
  type Engine,
  StorageError,
} from "../storage/mod.ts";
import { CheckDisk } from "./check_disk.ts";
import { dataGroupId, groupDirectory, logDirectory } from "./data_folder.ts";
import { readIdentity } from "./node_identity.ts";

const sliceMsMax = 2;

/** What a check of a node came to. */
export interface NodeCheckReport {
  /** Whether nothing is wrong. */
  readonly isSound: boolean;
  /** Entries of the log that were read and found right. */
  readonly logEntryCount: number;
  /** Bytes of those. */
  readonly logEntryBytes: number;
  /** Sstables, and entries in them. */
  readonly tableCount: number;
  readonly tableEntryCount: number;
  /** Bytes of sstables that were read and found right. */
  readonly tableCheckedBytes: number;
  /** What is wrong, with the file it is wrong in. */
  readonly problems: readonly CheckProblem[];
}

/** What a check of a running node works on. */
export interface NodeCheckRequest {
  readonly engine: Engine;
  readonly log: NodeLog;
  readonly clock: Clock;
  /** Called now and then while sstables are read. */
  readonly onProgress?: (progress: CheckProgress) => void;
}

/** What a check of a folder works on. */
export interface FolderCheckRequest {
  readonly disk: Disk;
  readonly clock: Clock;
  /** The data folder. */
  readonly dataDirectory: string;
  /** Called now and then while sstables are read. */
  readonly onProgress?: (progress: CheckProgress) => void;
}

interface LogFindings {
  entryCount: number;
  entryBytes: number;
  readonly problems: CheckProblem[];
}

/** Checks a running node. */
export async function checkNode(request: NodeCheckRequest): Promise<NodeCheckReport> {
  const { engine, log, clock, onProgress } = request;
  const found: LogFindings = { entryCount: 0, entryBytes: 0, problems: [] };
  await readEntries(log, clock, found);
  return reportOf(found, await engine.check(onProgress));
}

/**
 * Checks a data folder that no process has open.
 *
 * @throws {StorageError} `io` where another process has it open.
 * @throws {DiskError} where there is no such folder.
 */
export async function checkDataFolder(request: FolderCheckRequest): Promise<NodeCheckReport> {
  const { disk, clock, dataDirectory, onProgress } = request;
  const lock = lockForCheck(disk, dataDirectory);
  try {
    const found: LogFindings = { entryCount: 0, entryBytes: 0, problems: [] };
    noteFailure(found.problems, "NODE", () => {
      if (readIdentity(disk, dataDirectory) === undefined) {
        found.problems.push({ file: "NODE", message: "There is no such file" });
      }
    });
    await checkLogFolder(request, found);
    const directory = groupDirectory(dataDirectory, dataGroupId);
    return reportOf(found, await checkTree({ disk, clock, directory, onProgress }));
  } finally {
    lock.release();
  }
}

function lockForCheck(disk: Disk, dataDirectory: string) {
  if (!disk.exists(dataDirectory)) {
    throw new DiskError("not_found", `Cannot check ${dataDirectory}: there is no such folder`);
  }
  try {
    return disk.lock(`${dataDirectory}/LOCK`);
  } catch (error) {
    if (!(error instanceof DiskError) || error.code !== "locked") throw error;
    const message = `Cannot check ${dataDirectory}: another process has it open`;
    throw new StorageError("io", message, { cause: error });
  }
}

/** Opens the log as a start would, over a disk that keeps the writes of recovery away. */
async function checkLogFolder(request: FolderCheckRequest, found: LogFindings): Promise<void> {
  const { clock } = request;
  const disk = new CheckDisk(request.disk);
  const directory = logDirectory(request.dataDirectory);
  const isThere = disk.exists(directory) &&
    disk.list(directory).some((entry) => entry.name.endsWith(".log"));
  if (!isThere) {
    found.problems.push({ file: "log", message: "There is no segment in it" });
    return;
  }
  try {
    const logger = silentLogger;
    const log = await NodeLog.open({ disk, clock, directory, logger, onFatal: () => {} });
    try {
      await readEntries(log, clock, found);
    } finally {
      await log.close();
    }
  } catch (error) {
    found.problems.push({ file: "log", message: messageOf(error) });
  }
}

/** Each slice begins anew at what is still held: a flush may let go of entries in between. */
async function readEntries(log: NodeLog, clock: Clock, found: LogFindings): Promise<void> {
  let next = 1;
  try {
    for (;;) {
      const first = log.firstIndexOf(dataGroupId);
      next = Math.max(next, first);
      if (first === 0 || next > log.lastIndexOf(dataGroupId)) return;
      const sliceStartMs = clock.monotonicMs();
      for (const { index, payload } of log.entriesOf(dataGroupId, next)) {
        found.entryCount++;
        found.entryBytes += payload.length;
        next = index + 1;
        if (clock.monotonicMs() - sliceStartMs >= sliceMsMax) break;
      }
      await clock.yield();
    }
  } catch (error) {
    found.problems.push({ file: "log", message: messageOf(error) });
  }
}

function noteFailure(problems: CheckProblem[], file: string, look: () => void): void {
  try {
    look();
  } catch (error) {
    problems.push({ file, message: messageOf(error) });
  }
}

/** The text of a failure of the world. @throws What is none. */
function messageOf(error: unknown): string {
  const isWorld = error instanceof ConsensusError || error instanceof StorageError ||
    error instanceof DiskError;
  if (!isWorld) throw error;
  return error.message;
}

function reportOf(found: LogFindings, tree: CheckReport): NodeCheckReport {
  const problems = [...found.problems, ...tree.problems];
  return {
    isSound: problems.length === 0,
    logEntryCount: found.entryCount,
    logEntryBytes: found.entryBytes,
    tableCount: tree.tableCount,
    tableEntryCount: tree.entryCount,
    tableCheckedBytes: tree.checkedBytes,
    problems,
  };
}
