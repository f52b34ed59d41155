/**
 * The memory that all memtables of the node share.
 *
 * Each tree reports what it holds; when together they hold too much, the tree with the largest
 * memtable is asked to freeze it. What is frozen is already on its way to the disk, so freezing more
 * helps only while a good part is not: the rule is that of RocksDB's write buffer manager.
 *
 * @module
 */
import { invariant } from "./env/mod.ts";

/** One tree's part in a {@linkcode MemoryBudget}. */
export interface MemoryShare {
  /**
   * Says what the tree holds now, in bytes. May call the `freeze` of any tree before it returns.
   *
   * @param activeBytes In the memtable that is written to.
   * @param frozenBytes In those that wait for their flush.
   */
  report(activeBytes: number, frozenBytes: number): void;
  /** Leaves: the tree holds nothing any more. */
  leave(): void;
}

interface Member {
  readonly freeze: () => void;
  activeBytes: number;
  frozenBytes: number;
}

/** Bytes of memtables, shared by all trees of the node. */
export class MemoryBudget {
  /** How many bytes there are to share. */
  readonly capacityBytes: number;
  readonly #members = new Set<Member>();
  #activeBytes = 0;
  #frozenBytes = 0;
  #isAsking = false;

  /** @param capacityBytes At least 1. */
  constructor(capacityBytes: number) {
    invariant(capacityBytes >= 1, () => `A budget has at least one byte: ${capacityBytes}`);
    this.capacityBytes = capacityBytes;
  }

  /** How many bytes the trees hold together. */
  get usedBytes(): number {
    return this.#activeBytes + this.#frozenBytes;
  }

  /** Bytes of those that are on their way to the disk. */
  get frozenBytes(): number {
    return this.#frozenBytes;
  }

  /** Adds a tree. Its `freeze` reports what came of it through the share. */
  join(freeze: () => void): MemoryShare {
    const member: Member = { freeze, activeBytes: 0, frozenBytes: 0 };
    this.#members.add(member);
    return {
      report: (activeBytes, frozenBytes) => {
        invariant(this.#members.has(member), "A tree reports before it leaves");
        this.#set(member, activeBytes, frozenBytes);
        this.#askLargest();
      },
      leave: () => {
        this.#set(member, 0, 0);
        this.#members.delete(member);
      },
    };
  }

  #set(member: Member, activeBytes: number, frozenBytes: number): void {
    this.#activeBytes += activeBytes - member.activeBytes;
    this.#frozenBytes += frozenBytes - member.frozenBytes;
    member.activeBytes = activeBytes;
    member.frozenBytes = frozenBytes;
  }

  /** Has the largest memtable frozen where that is due. One is enough: the next report asks again. */
  #askLargest(): void {
    const isDue = this.#activeBytes > this.capacityBytes * 7 / 8 ||
      (this.usedBytes > this.capacityBytes && this.#activeBytes > this.capacityBytes / 2);
    if (!isDue || this.#isAsking) return;
    let largest: Member | undefined;
    for (const member of this.#members) {
      if (largest === undefined || member.activeBytes > largest.activeBytes) largest = member;
    }
    // The one asked reports while it is asked.
    this.#isAsking = true;
    try {
      largest?.freeze();
    } finally {
      this.#isAsking = false;
    }
  }
}
