/**
 * A disk that can only be read: what opens a folder for a check must not change it.
 *
 * Recovery of the log writes anew what it finds behind the last mark, the same bytes to the same
 * place. Over this disk those writes go nowhere, and all its reading and checking is done.
 *
 * @module
 */
import type { Disk, DiskEntry, DiskFile, DiskLock, OpenMode } from "../storage/env/mod.ts";
import { DiskError } from "../storage/env/mod.ts";

/** A {@linkcode Disk} over another whose files it never changes. */
export class CheckDisk implements Disk {
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  open(path: string, mode: OpenMode): DiskFile {
    if (mode === "create") throw readOnly("create", path);
    return new CheckFile(this.#disk.open(path, "read"));
  }

  list(directory: string): DiskEntry[] {
    return this.#disk.list(directory);
  }

  createDirectory(directory: string): void {
    if (!this.#disk.exists(directory)) throw readOnly("create", directory);
  }

  exists(path: string): boolean {
    return this.#disk.exists(path);
  }

  /** What would be removed is half made and not looked at. */
  remove(_path: string): void {}

  removeDirectory(directory: string): void {
    throw readOnly("remove", directory);
  }

  rename(source: string, _target: string): void {
    throw readOnly("rename", source);
  }

  syncDirectory(_directory: string): Promise<void> {
    return Promise.resolve();
  }

  lock(path: string): DiskLock {
    return this.#disk.lock(path);
  }

  freeSpaceBytes(directory: string): number | undefined {
    return this.#disk.freeSpaceBytes(directory);
  }
}

class CheckFile implements DiskFile {
  readonly #file: DiskFile;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  get path(): string {
    return this.#file.path;
  }

  readSync(target: Uint8Array, position: number): number {
    return this.#file.readSync(target, position);
  }

  writeSync(_source: Uint8Array, _position: number): void {}

  write(_source: Uint8Array, _position: number): Promise<void> {
    return Promise.resolve();
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  sizeBytes(): number {
    return this.#file.sizeBytes();
  }

  truncate(_sizeBytes: number): void {}

  close(): void {
    this.#file.close();
  }
}

function readOnly(action: string, path: string): DiskError {
  return new DiskError("io", `Cannot ${action} ${path}: a check changes nothing`);
}
