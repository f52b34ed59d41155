/**
 * Writes one immutable sorted file: data blocks, bloom filter, index, properties, footer.
 *
 * ```
 * data block * | filter block | index block | properties block | footer
 * ```
 *
 * `flush.ts` feeds it a memtable, `compaction.ts` a merge. Bytes gather in a buffer and go to the
 * disk in large writes; only `finish` makes them durable, and only the manifest makes the file part of
 * the tree.
 *
 * Invariants:
 *
 *  1. Entries come in strictly rising order: key ascending, then version descending.
 *  2. A file that was not finished has no footer, so it never opens.
 *
 * @module
 */
import type { Disk, DiskFile } from "../env/mod.ts";
import { ByteWriter, DiskError, invariant } from "../env/mod.ts";
import { EntryKind } from "../cursor.ts";
import { asStorageError, StorageError } from "../errors.ts";
import type { Compression, TableOptions } from "../options.ts";
import { BlockBuilder } from "./block_builder.ts";
import { BloomFilterBuilder } from "./bloom_filter.ts";
import { DeathTally } from "./death_sketch.ts";
import type { BlockHandle } from "./physical_block.ts";
import { appendBlock, blockTrailerSizeBytes } from "./physical_block.ts";
import type { TableProperties } from "./table_footer.ts";
import { encodeFooter, encodeProperties, footerSizeBytes } from "./table_footer.ts";
import { TableIndexBuilder } from "./table_index.ts";
import type { TableMeta } from "./table_meta.ts";

/** How many bytes gather before a write. */
const writeSizeBytes = 256 * 1_024;

/** How many keys go into the filter between two pauses: about a millisecond. */
const filterKeysPerStep = 16_384;

/** How a {@linkcode SstableWriter} is made. */
export interface SstableWriterConfig {
  /** Where the file goes. */
  readonly disk: Disk;
  /** Its path; the file must not be part of a tree. */
  readonly path: string;
  /** Its number: part of every checksum. */
  readonly tableNumber: number;
  /** How it is built. */
  readonly options: TableOptions;
}

/** Builds one sstable. Ends with `finish` or `abandon`. */
export class SstableWriter {
  readonly #disk: Disk;
  readonly #file: DiskFile;
  readonly #tableNumber: number;
  readonly #options: TableOptions;
  readonly #pending = new ByteWriter(writeSizeBytes + 65_536);
  readonly #block: BlockBuilder;
  readonly #index = new TableIndexBuilder();
  readonly #filter: BloomFilterBuilder;
  readonly #deaths = new DeathTally();
  #isOpen = true;
  /** Bytes already handed to the file. */
  #written = 0;
  /** The stored size of a block whose separator waits for the next key; 0 where none does. */
  #blockToIndexSizeBytes = 0;
  #smallestKey = "";
  #lastKey = "";
  #lastVersion = 0;
  #entryCount = 0;
  #keyCount = 0;
  #tombstoneCount = 0;
  #shadowedCount = 0;
  #shadowedBytes = 0;
  #keyBytes = 0;
  #valueBytes = 0;
  #oldestVersion = Number.MAX_SAFE_INTEGER;
  #newestVersion = 0;

  /** Makes the file. @throws {StorageError} `disk_full`, `io`. */
  constructor(config: SstableWriterConfig) {
    this.#disk = config.disk;
    this.#tableNumber = config.tableNumber;
    this.#options = config.options;
    this.#block = new BlockBuilder({
      restartInterval: config.options.restartInterval,
      capacityBytes: config.options.blockSizeBytes * 2,
    });
    this.#filter = new BloomFilterBuilder(config.options.filterBitsPerKey);
    try {
      this.#file = config.disk.open(config.path, "create");
    } catch (error) {
      throw asStorageError(error);
    }
  }

  /** How many entries were added. */
  get entryCount(): number {
    return this.#entryCount;
  }

  /** About what the file would take if it were finished now, in bytes. */
  get sizeBytesEstimate(): number {
    return this.#written + this.#pending.length + this.#block.sizeBytes + this.#filter.sizeBytes +
      this.#index.sizeBytesEstimate + footerSizeBytes;
  }

  /**
   * Adds an entry; the bytes [start, end) of `source` are copied.
   *
   * @throws {StorageError} `disk_full`, `io`: then only `abandon` may follow.
   */
  add(
    key: string,
    version: number,
    kind: EntryKind,
    source: Uint8Array,
    start: number,
    end: number,
  ): void {
    const isSameKey = this.#entryCount > 0 && key === this.#lastKey;
    invariant(
      this.#entryCount === 0 || (isSameKey ? version < this.#lastVersion : key > this.#lastKey),
      () => `Entries rise: ${this.#lastKey}@${this.#lastVersion} then ${key}@${version}`,
    );
    if (this.#blockToIndexSizeBytes > 0) this.#indexBlock(key);
    this.#count(key, version, kind, isSameKey, end - start);
    this.#block.add(key, version, kind, source, start, end);
    this.#lastKey = key;
    this.#lastVersion = version;
    if (this.#block.sizeBytes >= this.#options.blockSizeBytes) this.#finishBlock();
  }

  /**
   * Writes what is left, makes the file durable and closes it. Its name is not durable yet.
   *
   * @param options `pause` is called between steps of some milliseconds; what it returns is waited for.
   * @throws {StorageError} `disk_full`, `io`: then `abandon` must follow; `sync_failed`.
   */
  async finish(options: { pause?: () => Promise<void> } = {}): Promise<TableMeta> {
    invariant(this.#isOpen && this.#entryCount > 0, "A table that is finished has an entry");
    if (this.#block.entryCount > 0) this.#finishBlock();
    this.#indexBlock(undefined);
    let filterBytes = new Uint8Array(0);
    for (filterBytes of this.#filter.finishInSteps(filterKeysPerStep)) await options.pause?.();
    const filter = this.#appendPart(filterBytes);
    const index = new ByteWriter(this.#index.sizeBytesEstimate);
    this.#index.finish(index);
    const indexHandle = this.#appendPart(index.view());
    const properties = this.#properties();
    const propertiesHandle = this.#appendPart(encodeProperties(properties));
    const offset = this.#position();
    this.#pending.bytes(encodeFooter(
      { filter, index: indexHandle, properties: propertiesHandle },
      { tableNumber: this.#tableNumber, offset },
    ));
    this.#write();
    try {
      await this.#file.sync();
    } catch (error) {
      this.#close();
      if (!(error instanceof DiskError)) throw error;
      throw new StorageError("sync_failed", `Cannot sync ${this.#file.path}: ${error.message}`, {
        cause: error,
      });
    }
    const sizeBytes = this.#written;
    invariant(sizeBytes === offset + footerSizeBytes, "A file ends with its footer");
    this.#close();
    return tableMetaOf(properties, { number: this.#tableNumber, sizeBytes });
  }

  /** Gives up: closes and removes the file. Harmless after `finish` or where it was called before. */
  abandon(): void {
    if (!this.#isOpen) return;
    this.#close();
    try {
      this.#disk.remove(this.#file.path);
    } catch (error) {
      // It has no footer and is in no manifest: the next start sweeps it away.
      if (!(error instanceof DiskError)) throw error;
    }
  }

  #count(
    key: string,
    version: number,
    kind: EntryKind,
    isSameKey: boolean,
    valueSizeBytes: number,
  ): void {
    if (isSameKey) {
      this.#shadowedCount++;
      this.#shadowedBytes += key.length + valueSizeBytes;
    } else {
      if (this.#entryCount === 0) this.#smallestKey = key;
      this.#keyCount++;
      this.#filter.add(key);
    }
    const newerVersion = isSameKey ? this.#lastVersion : -1;
    this.#deaths.add(key, version, kind, newerVersion, key.length + valueSizeBytes);
    if (kind === EntryKind.tombstone) this.#tombstoneCount++;
    if (version < this.#oldestVersion) this.#oldestVersion = version;
    if (version > this.#newestVersion) this.#newestVersion = version;
    this.#entryCount++;
    this.#keyBytes += key.length;
    this.#valueBytes += valueSizeBytes;
  }

  #properties(): TableProperties {
    return {
      smallestKey: this.#smallestKey,
      largestKey: this.#lastKey,
      entryCount: this.#entryCount,
      tombstoneCount: this.#tombstoneCount,
      shadowedCount: this.#shadowedCount,
      shadowedBytes: this.#shadowedBytes,
      oldestVersion: this.#oldestVersion,
      newestVersion: this.#newestVersion,
      keyCount: this.#keyCount,
      blockCount: this.#index.blockCount,
      keyBytes: this.#keyBytes,
      valueBytes: this.#valueBytes,
      deaths: this.#deaths.finish(),
    };
  }

  #position(): number {
    return this.#written + this.#pending.length;
  }

  #finishBlock(): void {
    this.#blockToIndexSizeBytes = this.#appendPayload(
      this.#block.finish(),
      this.#options.compression,
    );
  }

  /** Gives the block written last its separator, now that the key behind it is known. */
  #indexBlock(nextKey: string | undefined): void {
    const sizeBytes = this.#blockToIndexSizeBytes;
    invariant(sizeBytes > blockTrailerSizeBytes, "A block waits for its separator");
    this.#index.add({ key: this.#lastKey, version: this.#lastVersion }, { sizeBytes, nextKey });
    this.#blockToIndexSizeBytes = 0;
  }

  #appendPart(payload: Uint8Array): BlockHandle {
    const offset = this.#position();
    return { offset, sizeBytes: this.#appendPayload(payload, "none") };
  }

  #appendPayload(payload: Uint8Array, compression: Compression): number {
    const sizeBytes = appendBlock(this.#pending, payload, {
      tableNumber: this.#tableNumber,
      offset: this.#position(),
      compression,
    });
    if (this.#pending.length >= writeSizeBytes) this.#write();
    return sizeBytes;
  }

  #write(): void {
    invariant(this.#isOpen, "A table is written while it is open");
    try {
      this.#file.writeSync(this.#pending.view(), this.#written);
    } catch (error) {
      throw asStorageError(error);
    }
    this.#written += this.#pending.length;
    this.#pending.clear();
  }

  #close(): void {
    this.#isOpen = false;
    this.#file.close();
  }
}

/** Returns what the manifest keeps of a table's properties. */
export function tableMetaOf(
  properties: TableProperties,
  file: { number: number; sizeBytes: number },
): TableMeta {
  return {
    number: file.number,
    sizeBytes: file.sizeBytes,
    smallestKey: properties.smallestKey,
    largestKey: properties.largestKey,
    entryCount: properties.entryCount,
    tombstoneCount: properties.tombstoneCount,
    shadowedCount: properties.shadowedCount,
    shadowedBytes: properties.shadowedBytes,
    payloadBytes: properties.keyBytes + properties.valueBytes,
    deaths: properties.deaths,
    oldestVersion: properties.oldestVersion,
    newestVersion: properties.newestVersion,
  };
}
