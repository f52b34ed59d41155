/**
 * A B+tree of latin1 string keys, each with one number: the order of the memtable.
 *
 * Leaves hold keys in sorted arrays and are linked both ways; branches hold for every child but the
 * first the smallest key that may be below it. Keys are never removed, so nothing is ever merged.
 *
 * `find` leaves what it found in `foundLeaf` and `foundSlot` instead of returning an object, because
 * it runs once for every write and every read.
 *
 * @module
 */
import { invariant } from "../env/mod.ts";

const leafKeyCountMax = 64;
const branchChildCountMax = 64;

/** A run of keys in order, each with its number. */
export class KeyLeaf {
  /** The keys, rising. */
  readonly keys: string[] = [];
  /** What belongs to each. */
  readonly heads: number[] = [];
  /** The leaf behind. */
  next: KeyLeaf | undefined;
  /** The leaf before. */
  previous: KeyLeaf | undefined;
}

class KeyBranch {
  /** `separators[i]` is at or below every key of `children[i + 1]`, and above those before it. */
  readonly separators: string[] = [];
  readonly children: (KeyLeaf | KeyBranch)[] = [];
}

/** An ordered map from string to number that only grows. */
export class KeyTree {
  /** Where the smallest keys are. */
  readonly firstLeaf: KeyLeaf = new KeyLeaf();
  /** Where the largest keys are. */
  lastLeaf: KeyLeaf = this.firstLeaf;
  /** Rises with every key that is added: where a slot was looked up before, it may have moved. */
  changeCount = 0;
  /** Where the last `find` ended. */
  foundLeaf: KeyLeaf = this.firstLeaf;
  /** The first slot of that leaf at or behind the key; may be the leaf's length. */
  foundSlot = 0;

  #root: KeyLeaf | KeyBranch = this.firstLeaf;
  #lastKey = "";
  #isEmpty = true;

  /** Looks a key up and tells whether it is there. */
  find(key: string): boolean {
    if (this.#isEmpty || key > this.#lastKey) {
      this.foundLeaf = this.lastLeaf;
      this.foundSlot = this.lastLeaf.keys.length;
      return false;
    }
    let node = this.#root;
    while (node instanceof KeyBranch) node = node.children[upperBound(node.separators, key)];
    const slot = lowerBound(node.keys, key);
    this.foundLeaf = node;
    this.foundSlot = slot;
    return slot < node.keys.length && node.keys[slot] === key;
  }

  /** Adds the key that the last `find` did not find. */
  insertFound(key: string, head: number): void {
    this.changeCount++;
    this.#isEmpty = false;
    const isLast = this.foundLeaf === this.lastLeaf &&
      this.foundSlot === this.foundLeaf.keys.length;
    if (isLast) this.#lastKey = key;
    if (this.foundLeaf.keys.length === leafKeyCountMax) this.#splitFound(key, isLast);
    insertAt(this.foundLeaf.keys, this.foundSlot, key);
    insertAt(this.foundLeaf.heads, this.foundSlot, head);
  }

  /** Makes room in the found leaf: half of it moves to a new one behind, or nothing does. */
  #splitFound(key: string, isLast: boolean): void {
    const leaf = this.foundLeaf;
    const right = new KeyLeaf();
    const kept = isLast ? leafKeyCountMax : leafKeyCountMax / 2;
    const separator = isLast ? key : leaf.keys[kept];
    right.keys.push(...leaf.keys.splice(kept));
    right.heads.push(...leaf.heads.splice(kept));
    right.previous = leaf;
    right.next = leaf.next;
    if (right.next !== undefined) right.next.previous = right;
    else this.lastLeaf = right;
    leaf.next = right;
    this.#addSibling(leaf, separator, right, isLast);
    if (this.foundSlot > kept || isLast) {
      this.foundLeaf = right;
      this.foundSlot -= kept;
    }
    invariant(this.foundLeaf.keys.length < leafKeyCountMax, "A split leaf has room");
  }

  /** Hangs `right` behind `left`, which is the leaf that `separator` leads to or next to. */
  #addSibling(left: KeyLeaf, separator: string, right: KeyLeaf, isLast: boolean): void {
    const path: KeyBranch[] = [];
    for (let node = this.#root; node instanceof KeyBranch;) {
      path.push(node);
      node = node.children[upperBound(node.separators, separator)];
    }
    let before: KeyLeaf | KeyBranch = left;
    let added: KeyLeaf | KeyBranch = right;
    let bound = separator;
    for (let depth = path.length - 1; depth >= 0; depth--) {
      const branch = path[depth];
      const slot = upperBound(branch.separators, bound);
      invariant(branch.children[slot] === before, "A separator leads to the node that was split");
      insertAt(branch.separators, slot, bound);
      insertAt(branch.children, slot + 1, added);
      if (branch.children.length <= branchChildCountMax) return;
      const sibling = new KeyBranch();
      const kept = isLast ? branchChildCountMax : branchChildCountMax / 2;
      sibling.children.push(...branch.children.splice(kept));
      sibling.separators.push(...branch.separators.splice(kept));
      const raised = branch.separators.pop();
      invariant(raised !== undefined, "A full branch has separators");
      bound = raised;
      before = branch;
      added = sibling;
    }
    const root = new KeyBranch();
    root.children.push(before, added);
    root.separators.push(bound);
    this.#root = root;
  }
}

/** Returns the first slot whose key is at or above `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle] < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns the first slot whose key is above `key`. */
function upperBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle] <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** As `splice`, which makes an array for its result. */
function insertAt<Item>(items: Item[], slot: number, item: Item): void {
  items.push(item);
  for (let index = items.length - 1; index > slot; index--) items[index] = items[index - 1];
  items[slot] = item;
}
