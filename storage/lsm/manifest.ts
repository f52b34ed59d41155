/**
 * The manifest: the durable log of version edits, and `CURRENT`, which names the one in force.
 *
 * ```
 * CURRENT            "ankylo-tree 2 MANIFEST-000007 1a2b3c4d\n"
 *                     format version ─┘                 └─ CRC-32 of all before it, in hex
 * MANIFEST-000007    frames of storage/log, file number 7: a full edit, then changes, and behind
 *                    each an empty frame whose mark says that it is durable
 * ```
 *
 * An edit counts once its frame is synced. The empty frame behind it is not synced: it tells a later
 * reader that a damaged last edit was durable, and is not a write that a crash cut off.
 *
 * A manifest is appended to only by the process that made it, and a new one is made
 *
 *  1. at every open: what is read there may be in the page cache only, after a sync that failed;
 *  2. when it has grown past its limit;
 *  3. after an append that failed, because the failed edit may or may not be there.
 *
 * A new one comes into force by: write, sync, sync of the folder, `CURRENT.tmp`, sync, rename, sync
 * of the folder. A crash in between leaves the old one in force.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { syncFile, syncNames } from "../durable.ts";
import type { Disk, DiskFile } from "../env/mod.ts";
import {
  DiskError,
  invariant,
  latin1Bytes,
  latin1Decode,
  MalformedBytesError,
} from "../env/mod.ts";
import { asStorageError, StorageError } from "../errors.ts";
import { FrameWriter, logMarkNone, scanLog } from "../log/mod.ts";
import { decodeEdit, EditFold, encodeEdit } from "./version_edit.ts";
import type { VersionEdit } from "./version_edit.ts";

/** The name of the file that names the manifest in force. */
export const currentFileName = "CURRENT";
/** The name under which the next `CURRENT` is written. */
export const currentTemporaryFileName = "CURRENT.tmp";

/** The version of all formats of a tree's folder. On disk. */
export const treeFormatVersion = 2;

const sizeBytesMaxDefault = 1_048_576;
const currentSizeBytesMax = 256;
const noBytes = new Uint8Array(0);

/** Returns the name of a manifest. */
export function manifestFileName(number: number): string {
  return `MANIFEST-${String(number).padStart(6, "0")}`;
}

/** Returns the number in a manifest's name, or undefined where it is none. */
export function manifestNumberOf(name: string): number | undefined {
  const match = /^MANIFEST-(\d{6,15})$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/**
 * Reads the manifest in force. Writes nothing.
 *
 * @returns Its number and what its edits come to; undefined where the folder has no `CURRENT`.
 * @throws {StorageError} `corruption`, `unsupported_format`, `io`.
 */
export function readManifest(
  options: { disk: Disk; directory: string },
): { number: number; fold: EditFold } | undefined {
  const { disk, directory } = options;
  const number = readCurrent(disk, `${directory}/${currentFileName}`);
  if (number === undefined) return undefined;
  const path = `${directory}/${manifestFileName(number)}`;
  const file = openToRead(disk, path);
  if (file === undefined) {
    throw new StorageError(
      "corruption",
      `Cannot open ${path}: CURRENT names it and it is not there`,
    );
  }
  const fold = new EditFold();
  try {
    scanLog(file, {
      fileNumber: number,
      onFrame(frame) {
        if (frame.body.length > 0) fold.add(decodeEdit(frame.body));
      },
    });
  } catch (error) {
    if (!(error instanceof MalformedBytesError)) throw asStorageError(error);
    throw new StorageError("corruption", `Cannot read ${path}: ${error.message}`, { cause: error });
  } finally {
    file.close();
  }
  if (!fold.isStarted) {
    throw new StorageError("corruption", `Cannot read ${path}: it does not begin with a full edit`);
  }
  return { number, fold };
}

function readCurrent(disk: Disk, path: string): number | undefined {
  const file = openToRead(disk, path);
  if (file === undefined) return undefined;
  const bytes = new Uint8Array(currentSizeBytesMax);
  let sizeBytes: number;
  try {
    sizeBytes = file.readSync(bytes, 0);
  } catch (error) {
    throw asStorageError(error);
  } finally {
    file.close();
  }
  const text = latin1Decode(bytes, 0, sizeBytes);
  const match = /^(ankylo-tree (\d{1,9}) (\S+)) ([0-9a-f]{8})\n$/.exec(text);
  if (match === null || checksumOf(match[1]) !== match[4]) {
    throw new StorageError("corruption", `Cannot read ${path}: it is ${JSON.stringify(text)}`);
  }
  if (Number(match[2]) !== treeFormatVersion) {
    throw new StorageError(
      "unsupported_format",
      `Cannot read ${path}: its format version is ${match[2]}, want ${treeFormatVersion}`,
    );
  }
  const number = manifestNumberOf(match[3]);
  if (number === undefined) {
    throw new StorageError("corruption", `Cannot read ${path}: it names ${match[3]}`);
  }
  return number;
}

function openToRead(disk: Disk, path: string): DiskFile | undefined {
  try {
    return disk.open(path, "read");
  } catch (error) {
    if (error instanceof DiskError && error.code === "not_found") return undefined;
    throw asStorageError(error);
  }
}

function currentText(number: number): string {
  const text = `ankylo-tree ${treeFormatVersion} ${manifestFileName(number)}`;
  return `${text} ${checksumOf(text)}\n`;
}

function checksumOf(text: string): string {
  return crc32(Buffer.from(text, "latin1")).toString(16).padStart(8, "0");
}

/** Writes version edits. One call at a time. */
export class Manifest {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #sizeBytesMax: number;
  #number: number;
  #file: DiskFile | undefined;
  #writer: FrameWriter | undefined;
  #fullSizeBytes = 0;
  /** Up to where the file was durable when it was last synced: the empty frame behind it is not. */
  #syncedEnd = 0;
  #isUncertain = false;
  #mustRewrite = true;

  /**
   * @param options.lastNumber No manifest in the folder has a higher number.
   * @param options.sizeBytesMax Where a new one is made.
   */
  constructor(
    options: { disk: Disk; directory: string; lastNumber: number; sizeBytesMax?: number },
  ) {
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#number = options.lastNumber;
    this.#sizeBytesMax = options.sizeBytesMax ?? sizeBytesMaxDefault;
  }

  /** The number of the one that was begun last. */
  get number(): number {
    return this.#number;
  }

  /** Whether an edit that failed may come to count after a crash: its files must stay. */
  get isUncertain(): boolean {
    return this.#isUncertain;
  }

  /**
   * Makes an edit durable.
   *
   * @param full Returns what the tree comes to with the edit: written instead where a new manifest is
   * due.
   * @throws {StorageError} `disk_full`, `io`: see `isUncertain`; `sync_failed`.
   */
  async append(edit: VersionEdit, full: () => VersionEdit): Promise<void> {
    const writer = this.#writer;
    const file = this.#file;
    const limit = Math.max(this.#sizeBytesMax, 4 * this.#fullSizeBytes);
    if (this.#mustRewrite || writer === undefined || writer.position >= limit) {
      return await this.rewrite(full());
    }
    invariant(file !== undefined && !edit.isFull, "A change follows a full edit");
    try {
      writer.append(encodeEdit(edit), { fileNumber: this.#number, position: this.#syncedEnd });
      await syncFile(file);
      this.#syncedEnd = writer.position;
    } catch (error) {
      this.#isUncertain = true;
      this.#mustRewrite = true;
      throw asStorageError(error);
    }
    this.#appendMark(writer);
  }

  /** Makes a new manifest of one full edit and puts it in force. @throws As `append`. */
  async rewrite(full: VersionEdit): Promise<void> {
    invariant(full.isFull, "A manifest begins with a full edit");
    this.#mustRewrite = true;
    const number = ++this.#number;
    const path = `${this.#directory}/${manifestFileName(number)}`;
    let file: DiskFile | undefined;
    let isOffered = false;
    try {
      file = this.#disk.open(path, "create");
      const writer = new FrameWriter(file, { fileNumber: number, position: 0 });
      writer.append(encodeEdit(full), logMarkNone);
      await syncFile(file);
      await syncNames(this.#disk, this.#directory);
      await this.#writeCurrentTemporary(number);
      // From here on a crash may find it in force, whatever the rename says.
      isOffered = true;
      this.#isUncertain = true;
      const source = `${this.#directory}/${currentTemporaryFileName}`;
      this.#disk.rename(source, `${this.#directory}/${currentFileName}`);
      await syncNames(this.#disk, this.#directory);
      this.#file?.close();
      this.#file = file;
      this.#writer = writer;
      this.#fullSizeBytes = writer.position;
      this.#syncedEnd = writer.position;
      this.#mustRewrite = false;
      this.#isUncertain = false;
      this.#appendMark(writer);
    } catch (error) {
      file?.close();
      if (!isOffered) this.#removeQuietly(path);
      throw asStorageError(error);
    }
    this.#removeOthers();
  }

  /** Gives the file back. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#writer = undefined;
  }

  /** Notes that all before is durable. The edit counts already, so a failure only ends this file. */
  #appendMark(writer: FrameWriter): void {
    try {
      writer.append(noBytes, { fileNumber: this.#number, position: this.#syncedEnd });
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#mustRewrite = true;
    }
  }

  async #writeCurrentTemporary(number: number): Promise<void> {
    const file = this.#disk.open(`${this.#directory}/${currentTemporaryFileName}`, "create");
    try {
      file.writeSync(latin1Bytes(currentText(number)), 0);
      await syncFile(file);
    } finally {
      file.close();
    }
  }

  #removeOthers(): void {
    try {
      for (const { name } of this.#disk.list(this.#directory)) {
        const number = manifestNumberOf(name);
        if (number === undefined || number === this.#number) continue;
        this.#removeQuietly(`${this.#directory}/${name}`);
      }
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
  }

  /** What stays behind is removed by the next that comes into force. */
  #removeQuietly(path: string): void {
    try {
      this.#disk.remove(path);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
  }
}
