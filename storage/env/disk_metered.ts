/**
 * A Disk that counts what goes through it: the figures by which a slow disk is told from a slow
 * node.
 *
 * It stands in front of another Disk and changes nothing of what that one promises. Only syncs are
 * timed: everything durable waits for them, while a read or a write of the page cache takes less
 * than looking at the clock is worth.
 *
 * Source: the four numbers of `/proc/diskstats`, as the process causes them.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Disk, DiskEntry, DiskFile, DiskLock, OpenMode } from "./disk.ts";
import { DiskError } from "./disk.ts";
import { DurationHistogram, type DurationStatistics } from "./duration_histogram.ts";

/** What has gone through a disk. All but the durations only rise. */
export interface DiskStatistics {
  readonly readCount: number;
  readonly readBytes: number;
  readonly writeCount: number;
  readonly writtenBytes: number;
  /** Files opened. */
  readonly openCount: number;
  /** Files and folders removed, and files renamed. */
  readonly nameChangeCount: number;
  /** Calls that failed, a full disk included; not for a file that is not there. */
  readonly failedCount: number;
  /** How long syncs of files and folders took. */
  readonly syncDuration: DurationStatistics;
}

type Counters = { -readonly [Name in keyof Omit<DiskStatistics, "syncDuration">]: number };

/** A {@linkcode Disk} that counts. */
export class MeteredDisk implements Disk {
  readonly #disk: Disk;
  readonly #meter: DiskMeter;

  constructor(disk: Disk, clock: Clock) {
    this.#disk = disk;
    this.#meter = new DiskMeter(clock);
  }

  /** Returns the figures since it was made. The caller may keep them. */
  statistics(): DiskStatistics {
    return { ...this.#meter.counters, syncDuration: this.#meter.syncs.statistics() };
  }

  open(path: string, mode: OpenMode): DiskFile {
    const file = this.#meter.attempt(() => this.#disk.open(path, mode));
    this.#meter.counters.openCount++;
    return new MeteredFile(file, this.#meter);
  }

  list(directory: string): DiskEntry[] {
    return this.#meter.attempt(() => this.#disk.list(directory));
  }

  createDirectory(directory: string): void {
    this.#meter.attempt(() => this.#disk.createDirectory(directory));
  }

  exists(path: string): boolean {
    return this.#disk.exists(path);
  }

  remove(path: string): void {
    this.#changeName(() => this.#disk.remove(path));
  }

  removeDirectory(directory: string): void {
    this.#changeName(() => this.#disk.removeDirectory(directory));
  }

  rename(source: string, target: string): void {
    this.#changeName(() => this.#disk.rename(source, target));
  }

  syncDirectory(directory: string): Promise<void> {
    return this.#meter.sync(() => this.#disk.syncDirectory(directory));
  }

  lock(path: string): DiskLock {
    return this.#meter.attempt(() => this.#disk.lock(path));
  }

  freeSpaceBytes(directory: string): number | undefined {
    return this.#disk.freeSpaceBytes(directory);
  }

  #changeName(change: () => void): void {
    this.#meter.attempt(change);
    this.#meter.counters.nameChangeCount++;
  }
}

/** An open file. Its reads are not wrapped in a closure: a scan makes hundreds of thousands. */
class MeteredFile implements DiskFile {
  readonly path: string;
  readonly #file: DiskFile;
  readonly #meter: DiskMeter;

  constructor(file: DiskFile, meter: DiskMeter) {
    this.path = file.path;
    this.#file = file;
    this.#meter = meter;
  }

  readSync(target: Uint8Array, position: number): number {
    const { counters } = this.#meter;
    counters.readCount++;
    try {
      const count = this.#file.readSync(target, position);
      counters.readBytes += count;
      return count;
    } catch (error) {
      throw this.#meter.failed(error);
    }
  }

  writeSync(source: Uint8Array, position: number): void {
    this.#meter.attempt(() => this.#file.writeSync(source, position));
    this.#meter.wrote(source.length);
  }

  async write(source: Uint8Array, position: number): Promise<void> {
    try {
      await this.#file.write(source, position);
    } catch (error) {
      throw this.#meter.failed(error);
    }
    this.#meter.wrote(source.length);
  }

  sync(): Promise<void> {
    return this.#meter.sync(() => this.#file.sync());
  }

  sizeBytes(): number {
    return this.#meter.attempt(() => this.#file.sizeBytes());
  }

  truncate(sizeBytes: number): void {
    this.#meter.attempt(() => this.#file.truncate(sizeBytes));
  }

  close(): void {
    this.#meter.attempt(() => this.#file.close());
  }
}

/** The counters that a disk and its files share. */
class DiskMeter {
  readonly counters: Counters = {
    readCount: 0,
    readBytes: 0,
    writeCount: 0,
    writtenBytes: 0,
    openCount: 0,
    nameChangeCount: 0,
    failedCount: 0,
  };
  readonly syncs = new DurationHistogram();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wrote(sizeBytes: number): void {
    this.counters.writeCount++;
    this.counters.writtenBytes += sizeBytes;
  }

  async sync(run: () => Promise<void>): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    try {
      await run();
    } catch (error) {
      throw this.failed(error);
    }
    this.syncs.observe(this.#clock.monotonicMs() - startedMs);
  }

  attempt<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw this.failed(error);
    }
  }

  /** Counts a failure and returns it. */
  failed(error: unknown): unknown {
    const isAnswer = error instanceof DiskError && error.code === "not_found";
    if (!isAnswer) this.counters.failedCount++;
    return error;
  }
}
