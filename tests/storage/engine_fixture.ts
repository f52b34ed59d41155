/**
 * An engine with tiny memtables and tables on a disk in memory, and a model of what it must hold.
 *
 * @module
 */
import { equal } from "node:assert/strict";
import type { CompactionExecutor } from "../../storage/compaction_executor.ts";
import { InlineCompactionExecutor } from "../../storage/compaction_executor_inline.ts";
import { EntryKind } from "../../storage/cursor.ts";
import { Engine } from "../../storage/engine.ts";
import type { EngineConfig } from "../../storage/engine_config.ts";
import { latin1Bytes, latin1Decode, MemoryDisk, silentLogger } from "../../storage/env/mod.ts";
import { SystemClock } from "../../storage/env/mod.ts";
import type { Clock, Disk } from "../../storage/env/mod.ts";
import type { Horizons } from "../../storage/key_space.ts";
import { BlockCache } from "../../storage/lsm/block_cache.ts";
import { MemoryBudget } from "../../storage/memory_budget.ts";
import type { VisibleCursor } from "../../storage/mvcc/visible_cursor.ts";
import type { TreeOptions } from "../../storage/options.ts";
import { treeOptions, treeOptionsDefault } from "../../storage/options.ts";

/** Where the tree of a test is. */
export const directory = "node/tree";

/** Options under which a hundred writes flush and compact. */
export const tinyOptions: TreeOptions = treeOptions({
  table: { ...treeOptionsDefault.table, blockSizeBytes: 256, restartInterval: 4 },
  memtableSizeBytesMax: 2_048,
  level0FileCountCompact: 2,
  level0FileCountSlow: 8,
  level0FileCountStop: 12,
  level1SizeBytesMax: 4_096,
  tableSizeBytesTarget: 1_024,
  slowdownMsMax: 0,
});

/** Opens an engine over the given parts and defaults for the rest. A fatal failure is thrown. */
export function openEngine(
  given: Partial<EngineConfig> & { disk: Disk },
): Promise<Engine> {
  const clock: Clock = given.clock ?? new SystemClock();
  const executor: CompactionExecutor = given.executor ??
    new InlineCompactionExecutor({ disk: given.disk, clock });
  return Engine.open({
    clock,
    logger: silentLogger,
    directory,
    options: tinyOptions,
    memory: new MemoryBudget(1_048_576),
    blockCache: new BlockCache(65_536),
    executor,
    onFatal(error) {
      throw error;
    },
    ...given,
  });
}

/** One applied entry of a test. */
export interface TestWrite {
  readonly key: string;
  /** Undefined for a tombstone. */
  readonly value: string | undefined;
}

/** Applies one entry whose writes share a version: one above the last. Returns the version. */
export function applyEntry(
  engine: Engine,
  writes: readonly TestWrite[],
  watermark = 0,
  horizons: Partial<Horizons> = {},
): number {
  const { applied } = engine;
  const version = applied.lastVersion + 1;
  for (const { key, value } of writes) {
    const bytes = latin1Bytes(value ?? "");
    const kind = value === undefined ? EntryKind.tombstone : EntryKind.value;
    engine.write(key, version, kind, bytes, 0, bytes.length);
  }
  engine.commit({
    index: applied.index + 1,
    term: 1,
    lastVersion: version,
    horizons: {
      ...applied.horizons,
      userVersion: Math.max(watermark, applied.horizons.userVersion),
      ...horizons,
    },
    machine: latin1Bytes(`machine ${applied.index + 1}`),
  });
  return version;
}

/** Returns the text of a key at a version. */
export function textAt(engine: Engine, key: string, version: number): string | undefined {
  const found = engine.get(key, version);
  return found && latin1Decode(found.bytes, 0, found.bytes.length);
}

/** Walks a cursor to its end, closes it and returns `key=value` of each. */
export function drain(cursor: VisibleCursor): string[] {
  const seen: string[] = [];
  for (; cursor.isValid; cursor.next()) {
    seen.push(`${cursor.key}=${latin1Decode(cursor.source, cursor.valueStart, cursor.valueEnd)}`);
  }
  cursor.close();
  return seen;
}

/** Every version of every key, in a sorted map. */
export class EngineModel {
  /** Per key its versions, rising. */
  readonly keys = new Map<string, { version: number; value: string | undefined }[]>();

  write(version: number, writes: readonly TestWrite[]): void {
    for (const { key, value } of writes) {
      const versions = this.keys.get(key) ?? [];
      if (versions.at(-1)?.version === version) versions.pop();
      versions.push({ version, value });
      this.keys.set(key, versions);
    }
  }

  /** Forgets all above a version. */
  cutBack(version: number): void {
    for (const [key, versions] of this.keys) {
      this.keys.set(key, versions.filter((one) => one.version <= version));
    }
  }

  get(key: string, version: number): string | undefined {
    return this.keys.get(key)?.findLast((one) => one.version <= version)?.value;
  }

  range(start: string, end: string | undefined, version: number): string[] {
    return [...this.keys.keys()].sort()
      .filter((key) => key >= start && (end === undefined || key < end))
      .flatMap((key) => {
        const value = this.get(key, version);
        return value === undefined ? [] : [`${key}=${value}`];
      });
  }
}

/** Compares all that can be seen at a version, by every way of looking. */
export function expectSame(engine: Engine, model: EngineModel, version: number): void {
  const wanted = model.range("", undefined, version);
  const range = { start: "", end: undefined, version };
  equal(drain(engine.cursor(range)).join("\n"), wanted.join("\n"));
  const reversed = drain(engine.cursor({ ...range, reverse: true }));
  equal(reversed.reverse().join("\n"), wanted.join("\n"));
  for (const key of model.keys.keys()) {
    equal(textAt(engine, key, version), model.get(key, version), `${key} at ${version}`);
  }
}

/** A fresh disk in memory with the parent of the tree's folder. */
export function memoryDisk(): MemoryDisk {
  const disk = new MemoryDisk();
  disk.createDirectory("node");
  return disk;
}
