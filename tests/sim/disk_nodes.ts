/**
 * The files and folders of a simulated disk: what is durable, what is there now, and what lies
 * between the two.
 *
 * @module
 */

/** A change of a file's content that no sync has covered. */
export interface PendingBytes {
  readonly order: number;
  readonly position: number;
  /** Undefined where the file was cut or grown to `position`. */
  readonly bytes: Uint8Array | undefined;
  /** Whether a sync that covered it has failed. */
  readonly isDoomed: boolean;
}

/** A change of a folder's names that no sync has covered. */
export interface PendingNames {
  readonly order: number;
  readonly removed: string | undefined;
  readonly added: { readonly name: string; readonly node: DiskNode } | undefined;
}

/** Bytes of a file, shared between images until one of them writes. */
export class Content {
  #bytes: Uint8Array;
  #isShared = false;
  sizeBytes: number;

  constructor(bytes: Uint8Array = new Uint8Array(0), sizeBytes: number = bytes.length) {
    this.#bytes = bytes;
    this.sizeBytes = sizeBytes;
  }

  /** The bytes. Not to be modified. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.sizeBytes);
  }

  fork(): Content {
    this.#isShared = true;
    const forked = new Content(this.#bytes, this.sizeBytes);
    forked.#isShared = true;
    return forked;
  }

  write(source: Uint8Array, position: number): void {
    if (source.length === 0) return;
    this.#own(Math.max(this.sizeBytes, position + source.length));
    this.#bytes.set(source, position);
    this.sizeBytes = Math.max(this.sizeBytes, position + source.length);
  }

  resize(sizeBytes: number): void {
    this.#own(sizeBytes);
    if (sizeBytes < this.sizeBytes) this.#bytes.fill(0, sizeBytes, this.sizeBytes);
    this.sizeBytes = sizeBytes;
  }

  #own(sizeBytes: number): void {
    if (!this.#isShared && sizeBytes <= this.#bytes.length) return;
    const capacity = sizeBytes <= this.#bytes.length ? this.#bytes.length : sizeBytes * 2;
    const owned = new Uint8Array(capacity);
    owned.set(this.view());
    this.#bytes = owned;
    this.#isShared = false;
  }
}

/** A file. */
export interface FileNode {
  readonly kind: "file";
  readonly number: number;
  current: Content;
  durable: Content;
  pending: PendingBytes[];
  /** The end of what was ever written: beyond it the file is a hole that takes no room. */
  writtenEnd: number;
}

/** A folder. */
export interface DirectoryNode {
  readonly kind: "directory";
  readonly current: Map<string, DiskNode>;
  readonly durable: Map<string, DiskNode>;
  pending: PendingNames[];
}

/** A file or folder. */
export type DiskNode = FileNode | DirectoryNode;

/** Returns a file that holds `content`, all of it durable. */
export function makeFile(number: number, content: Content): FileNode {
  return {
    kind: "file",
    number,
    current: content.fork(),
    durable: content,
    pending: [],
    writtenEnd: content.sizeBytes,
  };
}

/** Returns a folder that holds `entries`, all of them durable. */
export function makeDirectory(entries: Map<string, DiskNode> = new Map()): DirectoryNode {
  return { kind: "directory", current: entries, durable: new Map(entries), pending: [] };
}

/** Returns a file of its own in the same state, pending changes included. */
export function forkFile(node: FileNode): FileNode {
  return {
    ...node,
    current: node.current.fork(),
    durable: node.durable.fork(),
    pending: node.pending.map((pending) => ({ ...pending })),
  };
}

/** Returns what a newer change leaves of an older one. */
export function uncovered(older: PendingBytes, newer: PendingBytes): PendingBytes[] {
  const { bytes, position } = older;
  if (older.order > newer.order) return [older];
  if (bytes === undefined) return newer.bytes === undefined ? [] : [older];
  const coveredEnd = newer.bytes === undefined ? Infinity : newer.position + newer.bytes.length;
  const end = position + bytes.length;
  const pieces: PendingBytes[] = [];
  if (position < newer.position) {
    pieces.push({ ...older, bytes: bytes.subarray(0, Math.min(end, newer.position) - position) });
  }
  if (end > coveredEnd) {
    const start = Math.max(position, coveredEnd);
    pieces.push({ ...older, position: start, bytes: bytes.subarray(start - position) });
  }
  return pieces;
}

/** Makes a pending change of bytes in `target`. */
export function applyBytes(target: Content, pending: PendingBytes): void {
  if (pending.bytes === undefined) target.resize(pending.position);
  else target.write(pending.bytes, pending.position);
}

/** Makes a pending change of names in `target`. */
export function applyNames(target: Map<string, DiskNode>, pending: PendingNames): void {
  if (pending.removed !== undefined) target.delete(pending.removed);
  if (pending.added !== undefined) target.set(pending.added.name, pending.added.node);
}
