import { deepEqual, equal, throws } from "node:assert/strict";
import { InvariantError } from "../../storage/env/mod.ts";
import type { MemoryShare } from "../../storage/memory_budget.ts";
import { MemoryBudget } from "../../storage/memory_budget.ts";

/** A tree that freezes all it has when asked, and notes that it was. */
class TreeStandIn {
  readonly share: MemoryShare;
  active = 0;
  frozen = 0;
  askedCount = 0;

  constructor(budget: MemoryBudget) {
    this.share = budget.join(() => {
      this.askedCount++;
      this.frozen += this.active;
      this.active = 0;
      this.share.report(this.active, this.frozen);
    });
  }

  write(sizeBytes: number): void {
    this.active += sizeBytes;
    this.share.report(this.active, this.frozen);
  }

  flushed(): void {
    this.frozen = 0;
    this.share.report(this.active, this.frozen);
  }
}

Deno.test("MemoryBudget asks the largest tree to freeze once memtables pass seven eighths", () => {
  const budget = new MemoryBudget(800);
  const small = new TreeStandIn(budget);
  const large = new TreeStandIn(budget);
  large.write(450);
  small.write(250);
  deepEqual([small.askedCount, large.askedCount], [0, 0]);
  small.write(1);
  deepEqual([small.askedCount, large.askedCount], [0, 1]);
  equal(budget.usedBytes, 701);
  equal(budget.frozenBytes, 450);
});

Deno.test("MemoryBudget freezes no more while most is on its way to the disk already", () => {
  const budget = new MemoryBudget(800);
  const tree = new TreeStandIn(budget);
  tree.write(701);
  equal(tree.askedCount, 1);
  tree.write(390);
  equal(tree.askedCount, 1, "over the budget, but less than half of it can be frozen");
  tree.write(20);
  equal(tree.askedCount, 2);
  tree.flushed();
  equal(budget.usedBytes, 0);
});

Deno.test("MemoryBudget forgets a tree that leaves", () => {
  const budget = new MemoryBudget(800);
  const tree = new TreeStandIn(budget);
  tree.write(600);
  tree.share.leave();
  equal(budget.usedBytes, 0);
  throws(() => tree.share.report(1, 0), InvariantError);
});
