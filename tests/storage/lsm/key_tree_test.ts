import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { KeyTree } from "../../../storage/lsm/key_tree.ts";

Deno.test("KeyTree finds every key that was added, no other, and links its leaves in order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 9_999 }), { maxLength: 3_000, size: "max" }),
      (numbers) => {
        const tree = new KeyTree();
        const wanted = new Map<string, number>();
        for (const [index, number] of numbers.entries()) {
          const key = String(number).padStart(4, "0");
          equal(tree.find(key), wanted.has(key));
          if (wanted.has(key)) equal(tree.foundLeaf.heads[tree.foundSlot], wanted.get(key));
          else {
            tree.insertFound(key, index);
            wanted.set(key, index);
          }
        }
        const keys: string[] = [];
        for (let leaf: typeof tree.firstLeaf | undefined = tree.firstLeaf; leaf; leaf = leaf.next) {
          keys.push(...leaf.keys);
          if (leaf.next === undefined) equal(leaf, tree.lastLeaf);
          else equal(leaf.next.previous, leaf);
        }
        deepEqual(keys, [...wanted.keys()].sort());
        equal(tree.changeCount, wanted.size);
      },
    ),
    { numRuns: 30 },
  );
});
