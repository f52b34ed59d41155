/**
 * A Disk in memory that forgets, fails, fills up and takes its time.
 *
 * It lies between a process under test and a {@linkcode DiskImage}: each call is counted, may be
 * made to go wrong by a {@linkcode FaultPlan}, and where it changes something becomes a
 * {@linkcode DiskChange} of the image, kept in `changes`. `freeze()` is the loss of power: nothing
 * answers any more, and `disk_damage.ts` says what the image holds then.
 *
 * @module
 */
import { DiskError, invariant } from "../../storage/env/mod.ts";
import type { Clock, Disk, DiskEntry, DiskFile, DiskLock } from "../../storage/env/mod.ts";
import type { OpenMode } from "../../storage/env/mod.ts";
import type { DiskOperation, FaultRule, OperationKind } from "./disk_faults.ts";
import { failure, FaultPlan } from "./disk_faults.ts";
import type { DiskChange } from "./disk_image.ts";
import { DiskImage, namesOf } from "./disk_image.ts";
import { PowerLossError } from "./scheduler.ts";
import { SimDiskFile } from "./sim_disk_file.ts";

/** How a {@linkcode SimDisk} behaves. */
export interface SimDiskOptions {
  /** Where time passes; without it asynchronous calls end within the turn. */
  readonly clock?: Clock;
  /** How long an asynchronous call takes; 0 where it is left out. */
  readonly latencyMs?: (operation: DiskOperation) => number;
  readonly faults?: FaultPlan;
  /** Called before each operation. May freeze the disk. */
  readonly onOperation?: (operation: DiskOperation) => void;
  /** Keep the changes, so that a second image can follow. */
  readonly keepChanges?: boolean;
  /** Keep one line per operation. */
  readonly keepTrace?: boolean;
}

const pageSizeBytes = 512;

/** A simulated {@linkcode Disk}. */
export class SimDisk implements Disk {
  readonly image: DiskImage;
  readonly faults: FaultPlan;
  /** Every change, where they are kept. */
  readonly changes: DiskChange[] = [];
  /** One line per operation, where they are kept. */
  readonly trace: string[] = [];
  /** How much the disk holds. Growth beyond it fails with `disk_full`. */
  capacityBytes: number = Infinity;
  readonly #options: SimDiskOptions;
  readonly #locks = new Set<string>();
  #operationCount = 0;
  #openFileCount = 0;
  #isFrozen = false;

  constructor(image: DiskImage = new DiskImage(), options: SimDiskOptions = {}) {
    this.image = image;
    this.#options = options;
    this.faults = options.faults ?? new FaultPlan();
  }

  /** How many operations were asked for. */
  get operationCount(): number {
    return this.#operationCount;
  }

  /** How many files and locks are open. */
  get openFileCount(): number {
    return this.#openFileCount;
  }

  /** Whether the power is gone. */
  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** The power goes: synchronous calls throw {@linkcode PowerLossError}, others never end. */
  freeze(): void {
    this.#isFrozen = true;
  }

  /** What all files take, in whole pages. */
  usedBytes(): number {
    let usedBytes = 0;
    for (const { file } of this.image.files()) {
      usedBytes += Math.ceil(file.writtenEnd / pageSizeBytes) * pageSizeBytes;
    }
    return usedBytes;
  }

  open(path: string, mode: OpenMode): DiskFile {
    this.begin(mode === "create" ? "create" : "open", path);
    const found = this.image.find(path);
    if (found?.kind === "directory") throw new DiskError("io", `Cannot open ${path}: a folder`);
    if (found === undefined && mode !== "create") throw notFound("open", path);
    if (found === undefined) this.change({ kind: "create", path });
    else if (mode === "create") {
      this.change({ kind: "resize", file: found.number, sizeBytes: 0 });
    }
    const node = this.image.find(path);
    invariant(node?.kind === "file", `${path} is a file`);
    this.#openFileCount++;
    const onClose = () => this.#openFileCount--;
    return new SimDiskFile({ disk: this, node, path, isReadOnly: mode === "read", onClose });
  }

  list(directory: string): DiskEntry[] {
    this.begin("list", directory);
    const node = this.image.find(directory);
    if (node?.kind !== "directory") throw notFound("list", directory);
    return [...node.current]
      .map(([name, inner]) => ({ name, isDirectory: inner.kind === "directory" }))
      .sort((left, right) => left.name < right.name ? -1 : 1);
  }

  createDirectory(directory: string): void {
    this.begin("create_directory", directory);
    let path = "";
    for (const name of namesOf(directory)) {
      path += `/${name}`;
      const found = this.image.find(path);
      if (found === undefined) this.change({ kind: "create_directory", path });
      else if (found.kind === "file") throw new DiskError("already_exists", `${path} is a file`);
    }
  }

  exists(path: string): boolean {
    if (this.#isFrozen) throw new PowerLossError();
    return this.image.find(path) !== undefined;
  }

  remove(path: string): void {
    this.begin("remove", path);
    if (this.image.find(path)?.kind !== "file") throw notFound("remove", path);
    this.change({ kind: "remove", path });
  }

  removeDirectory(directory: string): void {
    this.begin("remove", directory);
    const removeAll = (path: string) => {
      const node = this.image.find(path);
      if (node === undefined) return;
      if (node.kind === "directory") {
        for (const name of [...node.current.keys()]) removeAll(`${path}/${name}`);
      }
      this.change({ kind: "remove", path });
    };
    removeAll(directory);
  }

  rename(source: string, target: string): void {
    this.begin("rename", source);
    this.change({ kind: "rename", source, target });
  }

  async syncDirectory(path: string): Promise<void> {
    const { operation, rule } = this.begin("sync_directory", path, { isDeferred: true });
    if (this.image.find(path)?.kind !== "directory") throw notFound("sync", path);
    const upTo = this.image.changeCount;
    await this.pass(operation);
    // A folder removed in between has no names left to make durable.
    if (this.image.find(path) === undefined) return;
    this.change({ kind: "sync_directory", path, upTo, isFailed: rule !== undefined });
    if (rule !== undefined) throw failure(operation, rule);
  }

  lock(path: string): DiskLock {
    this.begin("lock", path);
    if (this.#locks.has(path)) {
      throw new DiskError("locked", `Cannot lock ${path}: another process holds it`);
    }
    if (this.image.find(path) === undefined) this.change({ kind: "create", path });
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
    if (this.capacityBytes === Infinity) return undefined;
    return Math.max(0, this.capacityBytes - this.usedBytes());
  }

  /**
   * Counts an operation and lets it go wrong where a rule says so: at once, unless `isDeferred`
   * leaves that to the caller.
   */
  begin(
    kind: OperationKind,
    path: string,
    options: { isDeferred?: boolean } = {},
  ): { operation: DiskOperation; rule: FaultRule | undefined } {
    if (this.#isFrozen) throw new PowerLossError();
    const operation = { number: ++this.#operationCount, kind, path };
    if (this.#options.keepTrace) this.trace.push(`${operation.number} ${kind} ${path}`);
    this.#options.onOperation?.(operation);
    if (this.#isFrozen) throw new PowerLossError();
    const rule = this.faults.meet(operation);
    if (rule !== undefined && !options.isDeferred) throw failure(operation, rule);
    return { operation, rule };
  }

  /** Makes a change of the image, and keeps it where changes are kept. */
  change(change: DiskChange): void {
    this.image.apply(change);
    if (this.#options.keepChanges) this.changes.push(change);
  }

  /** Lets an asynchronous operation take its time. Never resolves once the power is gone. */
  async pass(operation: DiskOperation): Promise<void> {
    const { clock, latencyMs } = this.#options;
    if (clock === undefined) await Promise.resolve();
    else await clock.sleep(latencyMs?.(operation) ?? 0);
    if (this.#isFrozen) await new Promise<never>(() => {});
  }

  /** Returns how many of the bytes still fit. */
  roomFor(growthBytes: number): number {
    if (this.capacityBytes === Infinity) return growthBytes;
    return Math.min(growthBytes, Math.max(0, this.capacityBytes - this.usedBytes()));
  }
}

function notFound(action: string, path: string): DiskError {
  return new DiskError("not_found", `Cannot ${action} ${path}: there is no such name`);
}
