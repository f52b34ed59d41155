/**
 * Reads every byte of every live file and reports what is wrong with them, as data.
 *
 * Of a running engine, or of a folder that nobody has open. Works in slices, so that a running
 * engine goes on serving.
 *
 * @module
 */
import type { Clock, Disk } from "./env/mod.ts";
import { StorageError } from "./errors.ts";
import { BlockCache } from "./lsm/block_cache.ts";
import { readManifest } from "./lsm/manifest.ts";
import { SstableReader } from "./lsm/sstable_reader.ts";
import { tableFileName } from "./lsm/table_meta.ts";
import type { LeveledTable } from "./lsm/version_edit.ts";

/** How long a slice may hold up requests, in milliseconds. */
const sliceMsMax = 2;

/** Something wrong. */
export interface CheckProblem {
  /** The file's name inside the folder. */
  readonly file: string;
  /** What was found, and where. */
  readonly message: string;
}

/** What a check came to. */
export interface CheckReport {
  /** Live tables. */
  readonly tableCount: number;
  /** What they say to hold. */
  readonly entryCount: number;
  /** Bytes of them that were read and found right. */
  readonly checkedBytes: number;
  /** Empty where all is well. */
  readonly problems: readonly CheckProblem[];
}

/** How far a check has come, in bytes. */
export interface CheckProgress {
  /** Read and found right. */
  readonly checkedBytes: number;
  /** What all live tables have. */
  readonly totalBytes: number;
}

/** What a check needs. */
export interface CheckRequest {
  /** Where the tree is. */
  readonly disk: Disk;
  /** Its folder. */
  readonly directory: string;
  /** Measures the slices. */
  readonly clock: Clock;
  /** Called now and then. */
  onProgress?(progress: CheckProgress): void;
}

/** Checks the folder of a tree that nobody writes to. Writes nothing. */
export async function checkTree(request: CheckRequest): Promise<CheckReport> {
  const check = new Check(request);
  const tables = check.manifest();
  if (tables !== undefined) await check.tables(tables);
  return check.report();
}

/**
 * Checks tables that the caller holds.
 *
 * @param tables All live ones, by level as in a `TableSet`.
 */
export async function checkTables(
  tables: readonly LeveledTable[],
  request: CheckRequest,
): Promise<CheckReport> {
  const check = new Check(request);
  check.manifest();
  await check.tables(tables);
  return check.report();
}

class Check {
  readonly #request: CheckRequest;
  readonly #problems: CheckProblem[] = [];
  // A check must see the disk, and leave the blocks that others need in their cache.
  readonly #cache = new BlockCache(0);
  #tableCount = 0;
  #entryCount = 0;
  #checkedBytes = 0;
  #totalBytes = 0;

  constructor(request: CheckRequest) {
    this.#request = request;
  }

  report(): CheckReport {
    return {
      tableCount: this.#tableCount,
      entryCount: this.#entryCount,
      checkedBytes: this.#checkedBytes,
      problems: this.#problems,
    };
  }

  manifest(): LeveledTable[] | undefined {
    try {
      const found = readManifest(this.#request);
      if (found !== undefined) return found.fold.tables();
      this.#problems.push({ file: "CURRENT", message: "There is no such file" });
    } catch (error) {
      this.#note("CURRENT", error);
    }
    return undefined;
  }

  async tables(tables: readonly LeveledTable[]): Promise<void> {
    this.#tableCount = tables.length;
    this.#totalBytes = tables.reduce((total, { meta }) => total + meta.sizeBytes, 0);
    this.#checkLevels(tables);
    for (const { meta } of tables) {
      this.#entryCount += meta.entryCount;
      const file = tableFileName(meta.number);
      try {
        const path = `${this.#request.directory}/${file}`;
        const { disk } = this.#request;
        const reader = SstableReader.open({ disk, path, meta, cache: this.#cache });
        try {
          await this.#verify(reader);
        } finally {
          reader.close();
        }
      } catch (error) {
        this.#note(file, error);
      }
    }
  }

  async #verify(reader: SstableReader): Promise<void> {
    const { clock } = this.#request;
    let sliceStartMs = clock.monotonicMs();
    for (const sizeBytes of reader.verify()) {
      this.#checkedBytes += sizeBytes;
      if (clock.monotonicMs() - sliceStartMs < sliceMsMax) continue;
      this.#progress();
      await clock.yield();
      sliceStartMs = clock.monotonicMs();
    }
    this.#progress();
    // A small table is one slice; many of them are not.
    await clock.yield();
  }

  /** Tables of a deeper level share no key. */
  #checkLevels(tables: readonly LeveledTable[]): void {
    const sorted = tables.filter(({ level }) => level > 0).sort((left, right) =>
      left.level - right.level || (left.meta.smallestKey < right.meta.smallestKey ? -1 : 1)
    );
    for (let slot = 1; slot < sorted.length; slot++) {
      const before = sorted[slot - 1];
      const behind = sorted[slot];
      const isOverlap = before.level === behind.level &&
        before.meta.largestKey >= behind.meta.smallestKey;
      if (!isOverlap) continue;
      this.#problems.push({
        file: tableFileName(behind.meta.number),
        message: `It shares keys with ${
          tableFileName(before.meta.number)
        } of level ${before.level}`,
      });
    }
  }

  #progress(): void {
    const progress = { checkedBytes: this.#checkedBytes, totalBytes: this.#totalBytes };
    this.#request.onProgress?.(progress);
  }

  #note(file: string, error: unknown): void {
    if (!(error instanceof StorageError)) throw error;
    this.#problems.push({ file, message: error.message });
  }
}
