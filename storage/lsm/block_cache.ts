/**
 * The block cache: decoded blocks of all tables of the node, bounded by bytes.
 *
 * Each open table has a slot per block, so that a hit is one array load. Blocks stand in a queue in
 * order of their arrival; the oldest is evicted, unless it was used since: then it goes to the end of the
 * queue once more. A scan's blocks, used once, so leave before those that reads come back to.
 *
 * Invariants:
 *
 *  1. The sum of all charges is at most the capacity.
 *  2. A block is in the queue exactly when it is in its table's slot.
 *
 * Source: the CLOCK policy (Corbató, 1968), as a queue with a second chance.
 *
 * @module
 */
import { invariant } from "../env/mod.ts";
import type { Block } from "./block_reader.ts";

/** One block in the cache. */
interface CachedBlock {
  readonly block: Block;
  readonly chargeBytes: number;
  readonly table: CachedTable;
  readonly index: number;
  isUsed: boolean;
  older: CachedBlock | undefined;
  newer: CachedBlock | undefined;
}

/** The slots of one open table. */
export interface CachedTable {
  /** One per data block. */
  readonly slots: (CachedBlock | undefined)[];
}

/** Shared by all trees of a node. */
export class BlockCache {
  /** The bound, in bytes. */
  readonly capacityBytes: number;
  #sizeBytes = 0;
  #blockCount = 0;
  #hitCount = 0;
  #missCount = 0;
  #oldest: CachedBlock | undefined = undefined;
  #newest: CachedBlock | undefined = undefined;

  /** @param capacityBytes 0 caches nothing. */
  constructor(capacityBytes: number) {
    invariant(capacityBytes >= 0, () => `A capacity is at least 0: ${capacityBytes}`);
    this.capacityBytes = capacityBytes;
  }

  /** What the cached blocks take, in bytes. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** How many blocks are cached. */
  get blockCount(): number {
    return this.#blockCount;
  }

  /** How many lookups found their block. */
  get hitCount(): number {
    return this.#hitCount;
  }

  /** How many lookups did not. */
  get missCount(): number {
    return this.#missCount;
  }

  /** Returns the slots for a table that was opened. */
  register(blockCount: number): CachedTable {
    return { slots: new Array<CachedBlock | undefined>(blockCount).fill(undefined) };
  }

  /** Returns a cached block, or undefined. */
  get(table: CachedTable, index: number): Block | undefined {
    const cached = table.slots[index];
    if (cached === undefined) {
      this.#missCount++;
      return undefined;
    }
    this.#hitCount++;
    cached.isUsed = true;
    return cached.block;
  }

  /** Keeps a block, unless it alone exceeds the capacity. Evicts others for it. */
  set(table: CachedTable, index: number, block: Block): void {
    const chargeBytes = block.chargeBytes;
    if (chargeBytes > this.capacityBytes) return;
    const held = table.slots[index];
    if (held !== undefined) this.#remove(held);
    this.#makeRoom(chargeBytes);
    const cached: CachedBlock = {
      block,
      chargeBytes,
      table,
      index,
      isUsed: false,
      older: undefined,
      newer: undefined,
    };
    table.slots[index] = cached;
    this.#append(cached);
    this.#sizeBytes += chargeBytes;
    this.#blockCount++;
    invariant(
      this.#sizeBytes <= this.capacityBytes,
      () => `A cache keeps its bound: ${this.#sizeBytes} of ${this.capacityBytes} bytes`,
    );
  }

  /** Forgets all blocks of a table that is closed. */
  drop(table: CachedTable): void {
    for (const cached of table.slots) if (cached !== undefined) this.#remove(cached);
  }

  #makeRoom(chargeBytes: number): void {
    // Ends: each round evicts a block or takes the mark from one.
    while (this.#sizeBytes + chargeBytes > this.capacityBytes) {
      const oldest = this.#oldest;
      invariant(oldest !== undefined, () => `An empty cache takes no bytes: ${this.#sizeBytes}`);
      if (oldest.isUsed) {
        oldest.isUsed = false;
        this.#unlink(oldest);
        this.#append(oldest);
      } else this.#remove(oldest);
    }
  }

  #remove(cached: CachedBlock): void {
    this.#unlink(cached);
    cached.table.slots[cached.index] = undefined;
    this.#sizeBytes -= cached.chargeBytes;
    this.#blockCount--;
  }

  #append(cached: CachedBlock): void {
    cached.older = this.#newest;
    cached.newer = undefined;
    if (this.#newest === undefined) this.#oldest = cached;
    else this.#newest.newer = cached;
    this.#newest = cached;
  }

  #unlink(cached: CachedBlock): void {
    if (cached.older === undefined) this.#oldest = cached.newer;
    else cached.older.newer = cached.newer;
    if (cached.newer === undefined) this.#newest = cached.older;
    else cached.newer.older = cached.older;
  }
}
