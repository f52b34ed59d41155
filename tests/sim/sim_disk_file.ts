/**
 * An open file of a simulated disk.
 *
 * @module
 */
import { DiskError, invariant } from "../../storage/env/mod.ts";
import type { DiskFile } from "../../storage/env/mod.ts";
import { failure } from "./disk_faults.ts";
import type { DiskOperation, FaultRule, OperationKind } from "./disk_faults.ts";
import type { DiskChange } from "./disk_image.ts";
import type { FileNode } from "./disk_nodes.ts";

/** What a file asks of the disk it is on. */
export interface SimDiskHost {
  readonly image: { readonly changeCount: number };
  /** Counts an operation, and says which rule makes it go wrong. */
  begin(
    kind: OperationKind,
    path: string,
    options?: { isDeferred?: boolean },
  ): { operation: DiskOperation; rule: FaultRule | undefined };
  /** Makes a change of the image. */
  change(change: DiskChange): void;
  /** Lets an asynchronous operation take its time. */
  pass(operation: DiskOperation): Promise<void>;
  /** Returns how many of the bytes still fit. */
  roomFor(growthBytes: number): number;
}

/** A {@linkcode DiskFile} of a simulated disk. */
export class SimDiskFile implements DiskFile {
  readonly path: string;
  readonly #disk: SimDiskHost;
  readonly #node: FileNode;
  readonly #isReadOnly: boolean;
  readonly #onClose: () => void;
  #isClosed = false;
  #pendingCount = 0;

  constructor(
    given: {
      disk: SimDiskHost;
      node: FileNode;
      path: string;
      isReadOnly: boolean;
      onClose: () => void;
    },
  ) {
    this.path = given.path;
    this.#disk = given.disk;
    this.#node = given.node;
    this.#isReadOnly = given.isReadOnly;
    this.#onClose = given.onClose;
  }

  readSync(target: Uint8Array, position: number): number {
    this.#checkOpen();
    const { operation, rule } = this.#disk.begin("read", this.path, { isDeferred: true });
    if (rule !== undefined && rule.effect !== "flip") throw failure(operation, rule);
    const content = this.#node.current.view();
    const count = Math.max(0, Math.min(target.length, content.length - position));
    target.set(content.subarray(position, position + count));
    // The bit follows from the operation's number, so that a run can be repeated.
    if (rule !== undefined && count > 0) {
      target[(operation.number * 7_919) % count] ^= 1 << (operation.number % 8);
    }
    return count;
  }

  writeSync(source: Uint8Array, position: number): void {
    this.#checkOpen();
    this.#land({ bytes: source.slice(), position, ...this.#beginWrite() });
  }

  async write(source: Uint8Array, position: number): Promise<void> {
    this.#checkOpen();
    const begun = this.#beginWrite();
    const bytes = source.slice();
    await this.#wait(async () => {
      try {
        this.#land({ bytes, position, ...begun });
      } finally {
        await this.#disk.pass(begun.operation);
      }
    });
    const isSame = source.every((byte, index) => byte === bytes[index]);
    invariant(isSame, () => `What is written to ${this.path} does not change meanwhile`);
  }

  async sync(): Promise<void> {
    this.#checkOpen();
    const { operation, rule } = this.#disk.begin("sync", this.path, { isDeferred: true });
    const upTo = this.#disk.image.changeCount;
    await this.#wait(() => this.#disk.pass(operation));
    const file = this.#node.number;
    this.#disk.change({ kind: "sync", file, upTo, isFailed: rule !== undefined });
    if (rule !== undefined) throw failure(operation, rule);
  }

  sizeBytes(): number {
    this.#checkOpen();
    return this.#node.current.sizeBytes;
  }

  truncate(sizeBytes: number): void {
    this.#checkOpen();
    this.#checkWritable("truncate");
    this.#disk.begin("truncate", this.path);
    this.#disk.change({ kind: "resize", file: this.#node.number, sizeBytes });
  }

  close(): void {
    this.#checkOpen();
    invariant(this.#pendingCount === 0, `Nothing is in flight when ${this.path} is closed`);
    this.#isClosed = true;
    this.#onClose();
  }

  #beginWrite(): { operation: DiskOperation; rule: FaultRule | undefined } {
    this.#checkWritable("write");
    return this.#disk.begin("write", this.path, { isDeferred: true });
  }

  /** Writes what a rule and the room left allow, and throws where that is not all. */
  #land(
    given: {
      bytes: Uint8Array;
      position: number;
      operation: DiskOperation;
      rule: FaultRule | undefined;
    },
  ): void {
    const { bytes, position, operation, rule } = given;
    const growthBytes = Math.max(0, position + bytes.length - this.#node.writtenEnd);
    const roomBytes = this.#disk.roomFor(growthBytes);
    let landed = bytes.length - (growthBytes - roomBytes);
    // A write that fails has written a part: how much follows from the operation's number.
    if (rule !== undefined) landed = Math.min(landed, (operation.number * 31) % bytes.length);
    if (landed > 0) {
      const part = bytes.subarray(0, landed);
      this.#disk.change({ kind: "write", file: this.#node.number, position, bytes: part });
    }
    if (rule !== undefined) throw failure(operation, rule);
    if (roomBytes < growthBytes) {
      throw new DiskError(
        "disk_full",
        `Cannot write ${this.path}: no room for ${growthBytes} bytes`,
      );
    }
  }

  async #wait(run: () => Promise<void>): Promise<void> {
    this.#pendingCount++;
    try {
      await run();
    } finally {
      this.#pendingCount--;
    }
  }

  #checkOpen(): void {
    invariant(!this.#isClosed, () => `${this.path} is open`);
  }

  #checkWritable(action: string): void {
    if (!this.#isReadOnly) return;
    throw new DiskError("io", `Cannot ${action} ${this.path}: it was opened for reading`);
  }
}
