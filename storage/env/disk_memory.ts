/**
 * A Disk in memory with exact semantics and no faults: everything written is there at once.
 *
 * @module
 */
import { invariant } from "./invariant.ts";
import type { Disk, DiskEntry, DiskFile, DiskLock, OpenMode } from "./disk.ts";
import { DiskError } from "./disk.ts";

/** The bytes of one file, shared by all that have it open. */
interface Content {
  bytes: Uint8Array;
  sizeBytes: number;
}

/** A {@linkcode Disk} that forgets everything with the process. */
export class MemoryDisk implements Disk {
  readonly #files = new Map<string, Content>();
  readonly #directories = new Set<string>([""]);
  readonly #locks = new Set<string>();
  #openFileCount = 0;

  /** How many files and locks are open. */
  get openFileCount(): number {
    return this.#openFileCount;
  }

  open(path: string, mode: OpenMode): DiskFile {
    let content = this.#files.get(path);
    if (mode === "create") {
      if (!this.#directories.has(parentOf(path))) throw notFound("open", path);
      content = { bytes: new Uint8Array(0), sizeBytes: 0 };
      this.#files.set(path, content);
    }
    if (content === undefined) throw notFound("open", path);
    this.#openFileCount++;
    const isReadOnly = mode === "read";
    return new MemoryDiskFile({ path, content, isReadOnly, onClose: () => this.#openFileCount-- });
  }

  list(directory: string): DiskEntry[] {
    if (!this.#directories.has(directory)) throw notFound("list", directory);
    const entries: DiskEntry[] = [];
    const inside = (path: string) => path !== "" && parentOf(path) === directory;
    for (const path of this.#files.keys()) {
      if (inside(path)) entries.push({ name: nameOf(path), isDirectory: false });
    }
    for (const path of this.#directories) {
      if (inside(path)) entries.push({ name: nameOf(path), isDirectory: true });
    }
    return entries.sort((left, right) => left.name < right.name ? -1 : 1);
  }

  createDirectory(directory: string): void {
    for (let path = directory; path !== "" && path !== "/"; path = parentOf(path)) {
      this.#directories.add(path);
    }
    if (directory.startsWith("/")) this.#directories.add("/");
  }

  exists(path: string): boolean {
    return this.#files.has(path) || this.#directories.has(path);
  }

  remove(path: string): void {
    if (!this.#files.delete(path)) throw notFound("remove", path);
  }

  removeDirectory(directory: string): void {
    const inside = (path: string) => path === directory || path.startsWith(`${directory}/`);
    for (const path of [...this.#files.keys()]) if (inside(path)) this.#files.delete(path);
    for (const path of [...this.#directories]) if (inside(path)) this.#directories.delete(path);
  }

  rename(source: string, target: string): void {
    const content = this.#files.get(source);
    if (content === undefined || !this.#directories.has(parentOf(target))) {
      throw notFound("rename", source);
    }
    this.#files.delete(source);
    this.#files.set(target, content);
  }

  syncDirectory(directory: string): Promise<void> {
    return this.#directories.has(directory)
      ? Promise.resolve()
      : Promise.reject(notFound("sync", directory));
  }

  lock(path: string): DiskLock {
    if (this.#locks.has(path)) {
      throw new DiskError("locked", `Cannot lock ${path}: another process holds it`);
    }
    // As on a real disk, the lock is a file: it shows in lists.
    if (!this.#files.has(path)) this.open(path, "create").close();
    this.#locks.add(path);
    this.#openFileCount++;
    return {
      release: () => {
        this.#locks.delete(path);
        this.#openFileCount--;
      },
    };
  }

  freeSpaceBytes(_directory: string): number | undefined {
    return undefined;
  }
}

class MemoryDiskFile implements DiskFile {
  readonly path: string;
  readonly #content: Content;
  readonly #isReadOnly: boolean;
  readonly #onClose: () => void;
  #isClosed = false;

  constructor(
    given: { path: string; content: Content; isReadOnly: boolean; onClose: () => void },
  ) {
    this.path = given.path;
    this.#content = given.content;
    this.#isReadOnly = given.isReadOnly;
    this.#onClose = given.onClose;
  }

  readSync(target: Uint8Array, position: number): number {
    this.#checkOpen();
    const count = Math.max(0, Math.min(target.length, this.#content.sizeBytes - position));
    target.set(this.#content.bytes.subarray(position, position + count));
    return count;
  }

  writeSync(source: Uint8Array, position: number): void {
    this.#checkOpen();
    this.#checkWritable("write");
    if (source.length === 0) return;
    this.#resize(Math.max(this.#content.sizeBytes, position + source.length));
    this.#content.bytes.set(source, position);
  }

  write(source: Uint8Array, position: number): Promise<void> {
    // A promise's executor turns what is thrown into a rejection, as callers expect of a promise.
    return new Promise((resolve) => {
      this.writeSync(source, position);
      resolve();
    });
  }

  sync(): Promise<void> {
    return new Promise((resolve) => {
      this.#checkOpen();
      resolve();
    });
  }

  sizeBytes(): number {
    this.#checkOpen();
    return this.#content.sizeBytes;
  }

  truncate(sizeBytes: number): void {
    this.#checkOpen();
    this.#checkWritable("truncate");
    this.#content.bytes.fill(0, sizeBytes);
    this.#resize(sizeBytes);
  }

  close(): void {
    this.#checkOpen();
    this.#isClosed = true;
    this.#onClose();
  }

  #resize(sizeBytes: number): void {
    const content = this.#content;
    if (sizeBytes > content.bytes.length) {
      const grown = new Uint8Array(Math.max(sizeBytes, content.bytes.length * 2));
      grown.set(content.bytes);
      content.bytes = grown;
    }
    content.sizeBytes = sizeBytes;
  }

  #checkOpen(): void {
    invariant(!this.#isClosed, () => `${this.path} is open`);
  }

  #checkWritable(action: string): void {
    if (!this.#isReadOnly) return;
    throw new DiskError("io", `Cannot ${action} ${this.path}: it was opened for reading`);
  }
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === 0 ? "/" : path.slice(0, Math.max(slash, 0));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function notFound(action: string, path: string): DiskError {
  return new DiskError("not_found", `Cannot ${action} ${path}: there is no such name`);
}
