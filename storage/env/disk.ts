/**
 * The Disk seam: files as the database sees them, with their durability contract.
 *
 *  1. Bytes written are durable only once a `sync()` of that file that began after the write has
 *     resolved. Before that a crash keeps any subset of them, torn or replaced by garbage.
 *  2. A name made, renamed or removed is durable only once a `syncDirectory()` of its folder that
 *     began afterwards has resolved.
 *  3. After `sync()` or `syncDirectory()` has failed nothing is known about what is on the disk.
 *     It is never called again for the same bytes: the process ends (decision: fsync is not
 *     retried).
 *  4. A rename replaces its target in one step.
 *
 * Paths use `/`. Calls that fail throw {@linkcode DiskError}.
 *
 * @module
 */

/** Why a disk call failed: `denied` where the process may not, everything else under `io`. */
export type DiskErrorCode =
  | "not_found"
  | "already_exists"
  | "disk_full"
  | "denied"
  | "io"
  | "locked";

/** The world's failure, as a {@linkcode Disk} reports it. */
export class DiskError extends Error {
  override readonly name = "DiskError";
  /** The stable code. */
  readonly code: DiskErrorCode;

  constructor(code: DiskErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An open file. Calls on a closed file are an invariant failure. */
export interface DiskFile {
  /** The path it was opened by. */
  readonly path: string;
  /**
   * Reads at `position` into `target` and returns how many bytes there were: fewer than asked only
   * at the end of the file.
   */
  readSync(target: Uint8Array, position: number): number;
  /**
   * Writes all of `source` at `position`, growing the file where needed. When it throws, any part
   * may have been written.
   */
  writeSync(source: Uint8Array, position: number): void;
  /** As `writeSync`, off the calling thread. `source` must not change until it resolves. */
  write(source: Uint8Array, position: number): Promise<void>;
  /** Makes what was written before the call durable (`fdatasync`). Never retried after a failure. */
  sync(): Promise<void>;
  /** Returns the size in bytes. */
  sizeBytes(): number;
  /** Cuts or grows (by zeros) the file. */
  truncate(sizeBytes: number): void;
  /** Gives the file back. Does not sync. */
  close(): void;
}

/** Held by the one process that may write to a folder. */
export interface DiskLock {
  /** Lets the next process in. */
  release(): void;
}

/** How a file is opened: `read` must exist; `modify` must exist; `create` is made, or emptied. */
export type OpenMode = "read" | "modify" | "create";

/** What a folder holds. */
export interface DiskEntry {
  /** The name inside the folder. */
  readonly name: string;
  /** Whether it is a folder itself. */
  readonly isDirectory: boolean;
}

/** A file system. */
export interface Disk {
  /** Opens a file. @throws {DiskError} `not_found`, `disk_full`, `io`. */
  open(path: string, mode: OpenMode): DiskFile;
  /** Lists a folder in order of names. @throws {DiskError} `not_found`, `io`. */
  list(directory: string): DiskEntry[];
  /** Makes a folder and those above it. Not an error where it exists. */
  createDirectory(directory: string): void;
  /** Tells whether a file or folder of that name exists. */
  exists(path: string): boolean;
  /** Removes a file. @throws {DiskError} `not_found`, `io`. */
  remove(path: string): void;
  /** Removes a folder with all that is in it. Not an error where there is none. */
  removeDirectory(directory: string): void;
  /** Renames a file, replacing the target. @throws {DiskError} `not_found`, `io`. */
  rename(source: string, target: string): void;
  /** Makes the names in a folder durable. Never retried after a failure. */
  syncDirectory(directory: string): Promise<void>;
  /** Takes the one lock of that name. @throws {DiskError} `locked` where another holds it. */
  lock(path: string): DiskLock;
  /** Returns the free space in bytes of the disk that holds the folder; undefined if not known. */
  freeSpaceBytes(directory: string): number | undefined;
}
