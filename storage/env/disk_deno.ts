/**
 * The Disk of a real process, over the host's files.
 *
 * `node:fs` serves reads and writes because it reads and writes at a position in one call. It knows
 * no sanitizer, so the adapter counts its open files and tests check the count.
 *
 * @module
 */
import * as fs from "node:fs";
import { invariant } from "./invariant.ts";
import type { Disk, DiskEntry, DiskErrorCode, DiskFile, DiskLock, OpenMode } from "./disk.ts";
import { DiskError } from "./disk.ts";

const flagsOf: Record<OpenMode, string> = { read: "r", modify: "r+", create: "w+" };

/** A {@linkcode Disk} over the host's file system. */
export class DenoDisk implements Disk {
  #openFileCount = 0;

  /** How many files and locks are open. */
  get openFileCount(): number {
    return this.#openFileCount;
  }

  open(path: string, mode: OpenMode): DiskFile {
    const descriptor = attempt(`open ${path}`, () => fs.openSync(path, flagsOf[mode]));
    this.#openFileCount++;
    return new DenoDiskFile(path, descriptor, () => this.#openFileCount--);
  }

  list(directory: string): DiskEntry[] {
    const entries = attempt(
      `list ${directory}`,
      () => fs.readdirSync(directory, { withFileTypes: true }),
    );
    return entries
      .map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }))
      .sort((left, right) => left.name < right.name ? -1 : left.name > right.name ? 1 : 0);
  }

  createDirectory(directory: string): void {
    attempt(`create ${directory}`, () => fs.mkdirSync(directory, { recursive: true }));
  }

  exists(path: string): boolean {
    return fs.existsSync(path);
  }

  remove(path: string): void {
    attempt(`remove ${path}`, () => fs.unlinkSync(path));
  }

  removeDirectory(directory: string): void {
    attempt(`remove ${directory}`, () => fs.rmSync(directory, { recursive: true, force: true }));
  }

  rename(source: string, target: string): void {
    attempt(`rename ${source}`, () => fs.renameSync(source, target));
  }

  async syncDirectory(directory: string): Promise<void> {
    try {
      using handle = await Deno.open(directory, { read: true });
      await handle.sync();
    } catch (error) {
      throw toDiskError(`sync ${directory}`, error);
    }
  }

  lock(path: string): DiskLock {
    const file = attempt(
      `lock ${path}`,
      () => Deno.openSync(path, { read: true, write: true, create: true }),
    );
    if (!attempt(`lock ${path}`, () => file.tryLockSync(true))) {
      file.close();
      throw new DiskError("locked", `Cannot lock ${path}: another process holds it`);
    }
    this.#openFileCount++;
    return {
      release: () => {
        file.unlockSync();
        file.close();
        this.#openFileCount--;
      },
    };
  }

  freeSpaceBytes(directory: string): number | undefined {
    try {
      const found = fs.statfsSync(directory);
      return found.bavail * found.bsize;
    } catch {
      // Needs --allow-sys=statfs: without it nobody knows, and a full disk is met by running into it.
      return undefined;
    }
  }
}

class DenoDiskFile implements DiskFile {
  readonly path: string;
  readonly #descriptor: number;
  readonly #onClose: () => void;
  #isClosed = false;
  #pendingCount = 0;

  constructor(path: string, descriptor: number, onClose: () => void) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#onClose = onClose;
  }

  readSync(target: Uint8Array, position: number): number {
    this.#checkOpen();
    return attempt(`read ${this.path}`, () => {
      let filled = 0;
      while (filled < target.length) {
        const count = fs.readSync(
          this.#descriptor,
          target,
          filled,
          target.length - filled,
          position + filled,
        );
        if (count === 0) break;
        filled += count;
      }
      return filled;
    });
  }

  writeSync(source: Uint8Array, position: number): void {
    this.#checkOpen();
    attempt(`write ${this.path}`, () => {
      let written = 0;
      while (written < source.length) {
        const rest = source.length - written;
        const count = fs.writeSync(this.#descriptor, source, written, rest, position + written);
        if (count === 0) throw new DiskError("io", `Cannot write ${this.path}: nothing was taken`);
        written += count;
      }
    });
  }

  async write(source: Uint8Array, position: number): Promise<void> {
    this.#checkOpen();
    let written = 0;
    while (written < source.length) {
      const rest = source.length - written;
      const count = await this.#waitFor<number>(
        `write ${this.path}`,
        (done) => fs.write(this.#descriptor, source, written, rest, position + written, done),
      );
      if (count === 0) throw new DiskError("io", `Cannot write ${this.path}: nothing was taken`);
      written += count;
    }
  }

  async sync(): Promise<void> {
    this.#checkOpen();
    await this.#waitFor<void>(`sync ${this.path}`, (done) => fs.fdatasync(this.#descriptor, done));
  }

  sizeBytes(): number {
    this.#checkOpen();
    return attempt(`stat ${this.path}`, () => fs.fstatSync(this.#descriptor).size);
  }

  truncate(sizeBytes: number): void {
    this.#checkOpen();
    attempt(`truncate ${this.path}`, () => fs.ftruncateSync(this.#descriptor, sizeBytes));
  }

  close(): void {
    this.#checkOpen();
    invariant(this.#pendingCount === 0, `Nothing is in flight when ${this.path} is closed`);
    this.#isClosed = true;
    this.#onClose();
    attempt(`close ${this.path}`, () => fs.closeSync(this.#descriptor));
  }

  async #waitFor<T>(
    what: string,
    start: (done: (error: Error | null, value?: T) => void) => void,
  ): Promise<T> {
    this.#pendingCount++;
    try {
      return await new Promise<T>((resolve, reject) => {
        start((error, value) => error ? reject(error) : resolve(value as T));
      });
    } catch (error) {
      throw toDiskError(what, error);
    } finally {
      this.#pendingCount--;
    }
  }

  #checkOpen(): void {
    invariant(!this.#isClosed, () => `${this.path} is open`);
  }
}

function attempt<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw toDiskError(what, error);
  }
}

function toDiskError(what: string, error: unknown): DiskError {
  if (error instanceof DiskError) return error;
  const code = error instanceof Deno.errors.NotCapable
    ? "EACCES"
    : (error as { code?: string }).code;
  const message = `Cannot ${what}: ${error instanceof Error ? error.message : String(error)}`;
  return new DiskError(codeOf(code), message, { cause: error });
}

function codeOf(hostCode: string | undefined): DiskErrorCode {
  switch (hostCode) {
    case "ENOENT":
      return "not_found";
    case "EEXIST":
      return "already_exists";
    case "ENOSPC":
    case "EDQUOT":
      return "disk_full";
    case "EACCES":
    case "EPERM":
      return "denied";
    default:
      return "io";
  }
}
