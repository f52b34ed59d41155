/**
 * Walks an sstable: a block's cursor that goes on to the next block, or back to the one before.
 *
 * It extends the block's cursor instead of holding one, because copying seven fields an entry would
 * be felt in every scan.
 *
 * @module
 */
import { invariant } from "../env/mod.ts";
import type { Cursor } from "../cursor.ts";
import type { Block } from "./block_reader.ts";
import { BlockCursor } from "./block_reader.ts";
import type { TableIndex } from "./table_index.ts";

/** Where a {@linkcode SstableCursor} gets its blocks. */
export interface BlockSource {
  /** Which block is where. */
  readonly index: TableIndex;
  /** Returns a data block. @throws {StorageError} `corruption`, `io`. */
  loadBlock(block: number, fillCache: boolean): Block;
}

/** Stands on an entry of an sstable, or beyond either end. Calls throw StorageError `corruption`, `io`. */
export class SstableCursor extends BlockCursor implements Cursor {
  readonly #source: BlockSource;
  readonly #fillCache: boolean;
  #blockIndex = -1;

  /** @param options `fillCache` is whether blocks read are kept in the cache. */
  constructor(source: BlockSource, options: { fillCache: boolean }) {
    super();
    this.#source = source;
    this.#fillCache = options.fillCache;
  }

  override seek(key: string, version: number): void {
    const block = this.#source.index.find(key, version);
    if (!this.#useBlock(block)) return;
    super.seek(key, version);
    // Between a block's last entry and its separator: the next block starts behind both.
    if (!this.isValid && this.#useBlock(block + 1)) super.seekToFirst();
  }

  override seekBefore(key: string, version: number): void {
    const { blockCount } = this.#source.index;
    const block = this.#source.index.find(key, version);
    if (block === blockCount) return this.seekToLast();
    this.#useBlock(block);
    super.seekBefore(key, version);
    if (!this.isValid && this.#useBlock(block - 1)) super.seekToLast();
  }

  override seekToFirst(): void {
    if (this.#useBlock(0)) super.seekToFirst();
  }

  override seekToLast(): void {
    if (this.#useBlock(this.#source.index.blockCount - 1)) super.seekToLast();
  }

  override next(): void {
    super.next();
    if (!this.isValid && this.#useBlock(this.#blockIndex + 1)) super.seekToFirst();
  }

  override previous(): void {
    super.previous();
    if (!this.isValid && this.#useBlock(this.#blockIndex - 1)) super.seekToLast();
  }

  /** Goes to a block; returns false, and stands nowhere, where there is none of that number. */
  #useBlock(block: number): boolean {
    this.isValid = false;
    if (block < 0 || block >= this.#source.index.blockCount) return false;
    if (block !== this.#blockIndex) {
      this.setBlock(this.#source.loadBlock(block, this.#fillCache));
      this.#blockIndex = block;
    }
    invariant(this.#blockIndex === block, "A cursor stands in the block it went to");
    return true;
  }
}
