/**
 * Reads one sstable: point lookups through filter, index and one block; cursors; verification.
 *
 * Filter, index and properties stay in memory while the table is open; data blocks come through the
 * node's block cache. Every byte of the file is under a checksum that is checked whenever the byte is
 * read from the disk.
 *
 * Invariants:
 *
 *  1. A table that opens agrees with what the manifest says of it.
 *  2. Whatever a file holds, a read gives what was written or throws `corruption`.
 *
 * @module
 */
import type { Disk, DiskFile } from "../env/mod.ts";
import { ByteReader, DiskError, invariant, MalformedBytesError } from "../env/mod.ts";
import type { Cursor } from "../cursor.ts";
import { EntryKind } from "../cursor.ts";
import { asStorageError } from "../errors.ts";
import type { BlockCache, CachedTable } from "./block_cache.ts";
import { Block, BlockCursor } from "./block_reader.ts";
import { BloomFilter, isBloomFilter } from "./bloom_filter.ts";
import { areSketchesEqual, DeathTally } from "./death_sketch.ts";
import type { FoundEntry } from "./found_entry.ts";
import type { BlockHandle } from "./physical_block.ts";
import { corruptionAt, readAt, readBlock } from "./physical_block.ts";
import type { BlockSource } from "./sstable_cursor.ts";
import { SstableCursor } from "./sstable_cursor.ts";
import { tableMetaOf } from "./sstable_writer.ts";
import type { TableFooter, TableProperties } from "./table_footer.ts";
import { decodeFooter, decodeProperties, footerSizeBytes } from "./table_footer.ts";
import { TableIndex } from "./table_index.ts";
import type { TableMeta } from "./table_meta.ts";

/** How a table is opened. */
export interface SstableReaderConfig {
  /** Where the file is. */
  readonly disk: Disk;
  /** Its path. */
  readonly path: string;
  /** What the manifest says of it. */
  readonly meta: TableMeta;
  /** Where data blocks are kept. */
  readonly cache: BlockCache;
}

/** The parts of a table that stay in memory. */
interface TableParts {
  readonly footer: TableFooter;
  readonly properties: TableProperties;
  readonly index: TableIndex;
  readonly filter: BloomFilter;
  readonly filterSizeBytes: number;
}

// One for all tables: it keeps the block it saw last, which may be a value of many megabytes.
const lookup = new BlockCursor();

/** An open sstable. Immutable; used by any number of cursors until it is closed. */
export class SstableReader implements BlockSource {
  /** What the manifest says of it. */
  readonly meta: TableMeta;
  /** What the table says of itself. */
  readonly properties: TableProperties;
  /** Which block is where. */
  readonly index: TableIndex;
  readonly #file: DiskFile;
  readonly #parts: TableParts;
  readonly #cache: BlockCache;
  readonly #cached: CachedTable;

  private constructor(file: DiskFile, config: SstableReaderConfig) {
    this.#file = file;
    this.meta = config.meta;
    this.#parts = readParts(file, config.meta);
    this.properties = this.#parts.properties;
    this.index = this.#parts.index;
    this.#cache = config.cache;
    this.#cached = config.cache.register(this.index.blockCount);
  }

  /**
   * Opens a table and checks all of it but its data blocks.
   *
   * @throws {StorageError} `corruption`, also where the file is missing; `unsupported_format`; `io`.
   */
  static open(config: SstableReaderConfig): SstableReader {
    let file: DiskFile;
    try {
      file = config.disk.open(config.path, "read");
    } catch (error) {
      if (error instanceof DiskError && error.code === "not_found") {
        throw corruptionAt(config.path, 0, "there is no such file");
      }
      throw asStorageError(error);
    }
    try {
      return new SstableReader(file, config);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** What the parts outside the block cache take in memory, in bytes. */
  get chargeBytes(): number {
    return this.#parts.filterSizeBytes + this.index.chargeBytes + 1_024;
  }

  /**
   * Returns the newest entry of a key at or below a version, or undefined.
   *
   * @throws {StorageError} `corruption`, `io`.
   */
  get(key: string, version: number): FoundEntry | undefined {
    const { meta, index } = this;
    if (version < meta.oldestVersion || key < meta.smallestKey || key > meta.largestKey) {
      return undefined;
    }
    if (!this.#parts.filter.mayContain(key)) return undefined;
    const block = index.find(key, version);
    if (block === index.blockCount) return undefined;
    const cursor = lookup;
    cursor.setBlock(this.loadBlock(block, true));
    cursor.seek(key, version);
    if (!cursor.isValid || cursor.key !== key) return undefined;
    return {
      version: cursor.version,
      kind: cursor.kind,
      source: cursor.source,
      valueStart: cursor.valueStart,
      valueEnd: cursor.valueEnd,
    };
  }

  /** Tells whether the table may hold a key: "no" is certain. Reads nothing from the disk. */
  mayContain(key: string): boolean {
    const { smallestKey, largestKey } = this.meta;
    return key >= smallestKey && key <= largestKey && this.#parts.filter.mayContain(key);
  }

  /**
   * Returns a cursor that stands nowhere yet. It must not be used after `close`.
   *
   * @param options `fillCache` is whether the blocks it reads are kept; true if not given.
   */
  cursor(options: { fillCache?: boolean } = {}): Cursor {
    return new SstableCursor(this, { fillCache: options.fillCache ?? true });
  }

  loadBlock(block: number, fillCache: boolean): Block {
    const cached = this.#cache.get(this.#cached, block);
    if (cached !== undefined) return cached;
    const loaded = this.#readDataBlock(block);
    if (fillCache) this.#cache.set(this.#cached, block, loaded);
    return loaded;
  }

  /**
   * Reads every byte from the disk and compares the parts with each other, one block a step.
   *
   * @returns Yields how many bytes the step has checked.
   * @throws {StorageError} `corruption`, `io`: from `next()`.
   */
  *verify(): Generator<number, void, undefined> {
    const parts = readParts(this.#file, this.meta);
    yield this.meta.sizeBytes - parts.index.dataEnd;
    const tally = new Tally(parts, this.#file.path);
    const cursor = new BlockCursor();
    for (let block = 0; block < parts.index.blockCount; block++) {
      cursor.setBlock(this.#readDataBlock(block));
      for (cursor.seekToFirst(); cursor.isValid; cursor.next()) tally.add(cursor, block);
      yield parts.index.sizeBytesOf(block);
    }
    tally.expectTotals();
  }

  /** Gives file and cached blocks back. */
  close(): void {
    this.#cache.drop(this.#cached);
    this.#file.close();
  }

  #readDataBlock(block: number): Block {
    const offset = this.index.offsetOf(block);
    const handle = { offset, sizeBytes: this.index.sizeBytesOf(block) };
    const payload = readBlock(this.#file, handle, this.meta.number);
    return new Block(payload, { path: this.#file.path, offset });
  }
}

/** Reads and checks all but the data blocks. */
function readParts(file: DiskFile, meta: TableMeta): TableParts {
  const sizeBytes = sizeBytesOf(file);
  if (sizeBytes !== meta.sizeBytes || sizeBytes < footerSizeBytes) {
    throw corruptionAt(file.path, 0, `it has ${sizeBytes} bytes, want ${meta.sizeBytes}`);
  }
  const offset = sizeBytes - footerSizeBytes;
  const bytes = new Uint8Array(footerSizeBytes);
  if (readAt(file, bytes, offset) !== footerSizeBytes) {
    throw corruptionAt(file.path, offset, "the footer ends too early");
  }
  const footer = decodeFooter(bytes, { tableNumber: meta.number, offset, path: file.path });
  const read = <Part>(handle: BlockHandle, decode: (reader: ByteReader) => Part): Part => {
    const payload = readBlock(file, handle, meta.number);
    try {
      return decode(new ByteReader(payload.bytes, 0, payload.sizeBytes));
    } catch (error) {
      if (!(error instanceof MalformedBytesError)) throw error;
      throw corruptionAt(file.path, handle.offset, error.message);
    }
  };
  const properties = read(footer.properties, decodeProperties);
  const index = read(footer.index, (reader) => new TableIndex(reader));
  const filterBytes = read(footer.filter, (reader) => reader.bytes(reader.remaining));
  if (!isBloomFilter(filterBytes)) {
    throw corruptionAt(file.path, footer.filter.offset, "the filter is malformed");
  }
  if (index.dataEnd !== footer.filter.offset || index.blockCount !== properties.blockCount) {
    throw corruptionAt(file.path, footer.index.offset, `the index ends at ${index.dataEnd}`);
  }
  expectMeta(meta, tableMetaOf(properties, { number: meta.number, sizeBytes }), file.path);
  const filter = new BloomFilter(filterBytes);
  return { footer, properties, index, filter, filterSizeBytes: filterBytes.length };
}

function sizeBytesOf(file: DiskFile): number {
  try {
    return file.sizeBytes();
  } catch (error) {
    throw asStorageError(error);
  }
}

function expectMeta(wanted: TableMeta, found: TableMeta, path: string): void {
  for (const field of Object.keys(found) as (keyof TableMeta)[]) {
    // The one field that is no plain value.
    if (field === "deaths") continue;
    if (found[field] !== wanted[field]) {
      throw corruptionAt(path, 0, `its ${field} is ${found[field]}, want ${wanted[field]}`);
    }
  }
  if (!areSketchesEqual(found.deaths, wanted.deaths)) {
    throw corruptionAt(path, 0, "its deaths are not those that the manifest knows");
  }
}

/** Counts again what the properties say, and checks the order while at it. */
class Tally {
  readonly #parts: TableParts;
  readonly #path: string;
  readonly #deaths = new DeathTally();
  #lastKey: string | undefined = undefined;
  #lastVersion = 0;
  #entryCount = 0;
  #keyCount = 0;
  #tombstoneCount = 0;

  constructor(parts: TableParts, path: string) {
    this.#parts = parts;
    this.#path = path;
  }

  add(entry: Cursor, block: number): void {
    const { key, version } = entry;
    const { index, properties, filter } = this.#parts;
    const last = this.#lastKey;
    const isRising = last === undefined || last < key ||
      (last === key && this.#lastVersion > version);
    if (!isRising) throw this.#wrong(block, "entries do not rise");
    const isInPlace = index.isWithin(block, key, version) &&
      (block === 0 || !index.isWithin(block - 1, key, version));
    if (!isInPlace) throw this.#wrong(block, "an entry is outside its separators");
    if (version < properties.oldestVersion || version > properties.newestVersion) {
      throw this.#wrong(block, `version ${version} is outside the table's bounds`);
    }
    if (last !== key) {
      this.#keyCount++;
      if (!filter.mayContain(key)) throw this.#wrong(block, "the filter denies a key");
    }
    const newerVersion = last === key ? this.#lastVersion : -1;
    const sizeBytes = key.length + entry.valueEnd - entry.valueStart;
    this.#deaths.add(key, version, entry.kind, newerVersion, sizeBytes);
    if (entry.kind === EntryKind.tombstone) this.#tombstoneCount++;
    this.#entryCount++;
    this.#lastKey = key;
    this.#lastVersion = version;
  }

  expectTotals(): void {
    const { properties } = this.#parts;
    const isSame = this.#entryCount === properties.entryCount &&
      this.#keyCount === properties.keyCount &&
      this.#tombstoneCount === properties.tombstoneCount &&
      this.#lastKey === properties.largestKey &&
      areSketchesEqual(this.#deaths.finish(), properties.deaths);
    if (!isSame) throw this.#wrong(0, `${this.#entryCount} entries are not as counted before`);
    invariant(this.#keyCount <= this.#entryCount, "A key has an entry");
  }

  #wrong(block: number, state: string): Error {
    return corruptionAt(this.#path, this.#parts.index.offsetOf(block), state);
  }
}
