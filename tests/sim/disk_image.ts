/**
 * What a simulated disk holds: for each file and folder what is durable, and what has been done
 * since.
 *
 * An image changes only by `apply()` of a {@linkcode DiskChange}. The changes of a run, kept in a
 * list, bring a second image through the same states one by one; a crash at any of them is then a
 * matter of looking at what that image holds as durable and as pending (`disk_damage.ts`).
 *
 * Invariants:
 *
 *  1. `current` is `durable` with all of `pending` applied in order.
 *  2. A change numbered `upTo` or lower leaves `pending` only by a sync that began after it; bytes
 *     that a failed sync covered never do, as on a system that marks pages clean all the same.
 *
 * @module
 */
import { DiskError, invariant } from "../../storage/env/mod.ts";
import {
  applyBytes,
  applyNames,
  Content,
  forkFile,
  makeDirectory,
  makeFile,
  uncovered,
} from "./disk_nodes.ts";
import type { DirectoryNode, DiskNode, FileNode, PendingBytes } from "./disk_nodes.ts";

/** One change of an image. `upTo` counts the changes made before the sync began. */
export type DiskChange =
  | { readonly kind: "create"; readonly path: string }
  | { readonly kind: "create_directory"; readonly path: string }
  | {
    readonly kind: "write";
    readonly file: number;
    readonly position: number;
    readonly bytes: Uint8Array;
  }
  | { readonly kind: "resize"; readonly file: number; readonly sizeBytes: number }
  | { readonly kind: "rename"; readonly source: string; readonly target: string }
  | { readonly kind: "remove"; readonly path: string }
  | {
    readonly kind: "sync";
    readonly file: number;
    readonly upTo: number;
    readonly isFailed: boolean;
  }
  | {
    readonly kind: "sync_directory";
    readonly path: string;
    readonly upTo: number;
    readonly isFailed: boolean;
  };

/** The names on a path, without the root. */
export function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

/** The state of a simulated disk. */
export class DiskImage {
  readonly root: DirectoryNode;
  readonly #files = new Map<number, FileNode>();
  #changeCount = 0;
  #nextFile = 1;

  /** @param root Taken over; all of it durable. */
  constructor(root: DirectoryNode = makeDirectory()) {
    this.root = root;
    this.#adopt(root);
  }

  /** How many changes have been applied. */
  get changeCount(): number {
    return this.#changeCount;
  }

  /** Returns what has that name now. */
  find(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.root;
    for (const name of namesOf(path)) {
      if (node?.kind !== "directory") return undefined;
      node = node.current.get(name);
    }
    return node;
  }

  /** Returns the folder that holds, or would hold, that name. @throws {DiskError} `not_found`. */
  parent(path: string): { directory: DirectoryNode; name: string } {
    const names = namesOf(path);
    const name = names.pop() ?? "";
    const directory = this.find(names.join("/"));
    if (directory?.kind !== "directory") {
      throw new DiskError("not_found", `Cannot use ${path}: its folder is not there`);
    }
    return { directory, name };
  }

  /** Returns the file of that number. */
  file(number: number): FileNode {
    const found = this.#files.get(number);
    invariant(found !== undefined, `File ${number} is known`);
    return found;
  }

  /** Returns every file that has a name, with its path. */
  files(): { path: string; file: FileNode }[] {
    const found: { path: string; file: FileNode }[] = [];
    const walk = (directory: DirectoryNode, prefix: string) => {
      for (const [name, node] of directory.current) {
        const path = `${prefix}/${name}`;
        if (node.kind === "file") found.push({ path, file: node });
        else walk(node, path);
      }
    };
    walk(this.root, "");
    return found.sort((left, right) => left.path < right.path ? -1 : 1);
  }

  /**
   * Returns an image of its own in the same state, pending changes included: as a process finds it
   * that was started after another was killed.
   */
  fork(): DiskImage {
    const copies = new Map<DiskNode, DiskNode>();
    const copyOf = (node: DiskNode): DiskNode => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      const copy = node.kind === "file" ? forkFile(node) : makeDirectory();
      copies.set(node, copy);
      if (node.kind === "directory" && copy.kind === "directory") {
        for (const [name, inner] of node.current) copy.current.set(name, copyOf(inner));
        for (const [name, inner] of node.durable) copy.durable.set(name, copyOf(inner));
        copy.pending = node.pending.map((pending) => {
          const { added } = pending;
          return { ...pending, added: added && { name: added.name, node: copyOf(added.node) } };
        });
      }
      return copy;
    };
    const image = new DiskImage(copyOf(this.root) as DirectoryNode);
    for (const copy of copies.values()) image.#adopt(copy);
    image.#changeCount = this.#changeCount;
    return image;
  }

  /** Tells whether a loss of power now could lose anything. */
  hasPending(): boolean {
    const isPending = (node: DiskNode): boolean =>
      node.pending.length > 0 ||
      (node.kind === "directory" && [...node.current.values()].some(isPending));
    return isPending(this.root);
  }

  /** Makes one change. @throws {DiskError} `not_found` where a name is missing. */
  apply(change: DiskChange): void {
    const order = this.#changeCount + 1;
    switch (change.kind) {
      case "create":
        this.#create(change.path, order);
        break;
      case "create_directory":
        this.#createDirectory(change.path, order);
        break;
      case "write":
      case "resize":
        this.#changeBytes(change, order);
        break;
      case "rename":
        this.#rename(change, order);
        break;
      case "remove":
        this.#remove(change.path, order);
        break;
      case "sync":
        this.#syncFile(change);
        break;
      case "sync_directory":
        this.#syncDirectory(change);
        break;
    }
    this.#changeCount = order;
  }

  #adopt(node: DiskNode): void {
    if (node.kind === "file") {
      this.#files.set(node.number, node);
      this.#nextFile = Math.max(this.#nextFile, node.number + 1);
    } else {
      for (const inner of node.current.values()) this.#adopt(inner);
    }
  }

  #create(path: string, order: number): void {
    const { directory, name } = this.parent(path);
    const node = makeFile(this.#nextFile++, new Content());
    this.#files.set(node.number, node);
    directory.current.set(name, node);
    directory.pending.push({ order, removed: undefined, added: { name, node } });
  }

  #createDirectory(path: string, order: number): void {
    const { directory, name } = this.parent(path);
    const node = makeDirectory();
    directory.current.set(name, node);
    directory.pending.push({ order, removed: undefined, added: { name, node } });
  }

  #changeBytes(change: DiskChange & { kind: "write" | "resize" }, order: number): void {
    const file = this.file(change.file);
    if (change.kind === "write") {
      const { position, bytes } = change;
      file.current.write(bytes, position);
      file.writtenEnd = Math.max(file.writtenEnd, position + bytes.length);
      file.pending.push({ order, position, bytes, isDoomed: false });
    } else {
      file.current.resize(change.sizeBytes);
      file.writtenEnd = Math.min(file.writtenEnd, change.sizeBytes);
      file.pending.push({ order, position: change.sizeBytes, bytes: undefined, isDoomed: false });
    }
  }

  #rename(names: { source: string; target: string }, order: number): void {
    const source = this.parent(names.source);
    const target = this.parent(names.target);
    const node = source.directory.current.get(source.name);
    if (node === undefined) {
      throw new DiskError("not_found", `Cannot rename ${names.source}: there is no such name`);
    }
    invariant(source.directory === target.directory, `${names.source} stays in its folder`);
    source.directory.current.delete(source.name);
    source.directory.current.set(target.name, node);
    const added = { name: target.name, node };
    source.directory.pending.push({ order, removed: source.name, added });
  }

  #remove(path: string, order: number): void {
    const { directory, name } = this.parent(path);
    if (!directory.current.delete(name)) {
      throw new DiskError("not_found", `Cannot remove ${path}: there is no such name`);
    }
    directory.pending.push({ order, removed: name, added: undefined });
  }

  #syncFile(change: { file: number; upTo: number; isFailed: boolean }): void {
    const file = this.file(change.file);
    const left: PendingBytes[] = [];
    for (const pending of file.pending) {
      if (pending.order > change.upTo) {
        left.push(pending);
      } else if (change.isFailed || pending.isDoomed) {
        left.push({ ...pending, isDoomed: true });
      } else {
        applyBytes(file.durable, pending);
        // What is written over again is gone from memory, doomed or not.
        left.splice(0, Infinity, ...left.flatMap((older) => uncovered(older, pending)));
      }
    }
    file.pending = left;
  }

  #syncDirectory(change: { path: string; upTo: number; isFailed: boolean }): void {
    const directory = this.find(change.path);
    invariant(directory?.kind === "directory", `${change.path} is a folder`);
    // Names are in the file system's journal: it writes them later, or takes nothing more at all.
    if (change.isFailed) return;
    directory.pending = directory.pending.filter((pending) => {
      if (pending.order > change.upTo) return true;
      applyNames(directory.durable, pending);
      return false;
    });
  }
}
