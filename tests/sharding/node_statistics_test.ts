import { equal } from "node:assert/strict";
import { putText } from "./entry_building.ts";
import { TestNode } from "./test_node.ts";

Deno.test("nodeStatistics() is plain data that survives JSON", async () => {
  await using test = await TestNode.open();
  await test.commit(putText("a", "1"));
  const statistics = test.node.statistics();
  const copy = JSON.parse(JSON.stringify(statistics));
  equal(copy.progress.lastVersion, statistics.progress.lastVersion);
  equal(copy.memory.memtableBytesMax, 96 * 1_048_576);
  equal(copy.tree.levels.length, 7);
  equal(copy.uptimeMs >= 0, true);
});
