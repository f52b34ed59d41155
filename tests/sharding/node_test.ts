import { deepEqual, equal, rejects } from "node:assert/strict";
import { Node } from "../../sharding/mod.ts";
import { SeededRandom, silentLogger } from "../../storage/env/mod.ts";
import { InlineCompactionExecutor } from "../../storage/mod.ts";
import { identity, putText, transaction } from "./entry_building.ts";
import { dataDirectory, TestNode, tinyOptions } from "./test_node.ts";

Deno.test("Node.open() finds everything that was acknowledged, with tiny memtables", async () => {
  await using test = await TestNode.open(tinyOptions);
  const random = new SeededRandom(4);
  const model = new Map<string, string>();
  for (let round = 0; round < 6; round++) {
    const writes: Promise<unknown>[] = [];
    for (let count = 0; count < 150; count++) {
      const key = `key ${random.below(80)}`;
      if (random.below(4) === 0) {
        model.delete(key);
        writes.push(test.run({ kind: "delete", key }));
      } else {
        const text = `${round} ${count} ${"x".repeat(random.below(60))}`;
        model.set(key, text);
        writes.push(test.run(putText(key, text)));
      }
    }
    await Promise.all(writes);
    if (round === 2) await test.node.flush();
    await test.restart();
    const found = (await test.all(7)).map((
      { key, bytes },
    ) => [key, new TextDecoder().decode(bytes)]);
    deepEqual(found, [...model].sort(([left], [right]) => left < right ? -1 : 1));
  }
  const { tree } = test.node.statistics();
  equal(tree.levels.reduce((count, level) => count + level.tableCount, 0) > 0, true);
});

Deno.test("Node.open() draws versions above all of before, though the clock fell back", async () => {
  await using test = await TestNode.open();
  const before = await test.commit(putText("a", "1"));
  test.clock.shiftMicros -= 3_600_000_000;
  await test.restart();
  const after = await test.commit(putText("a", "2"));
  // Above the whole window of 200 ms that the last entry reserved.
  equal(after > before + 200_000, true);
  await test.node.flush();
  await test.restart();
  equal(await test.commit(putText("a", "3")) > after + 200_000, true);
});

Deno.test("Node.open() answers at the version of before, and keeps the watermark", async () => {
  await using test = await TestNode.open({ retentionMs: 0 });
  for (const text of ["1", "2", "3"]) await test.commit(putText("a", text));
  const before = test.node.statistics().progress;
  equal(before.watermark > 0 && before.watermark <= before.lastVersion, true);
  await test.restart();
  const after = test.node.statistics().progress;
  equal(after.lastVersion, before.lastVersion);
  equal(after.watermark >= before.watermark, true);
});

Deno.test("Node.open() refuses a folder that another has open", async () => {
  await using test = await TestNode.open();
  const { disk, clock } = test;
  const again = Node.open({
    disk,
    clock,
    random: new SeededRandom(2),
    logger: silentLogger,
    dataDirectory,
    executor: new InlineCompactionExecutor({ disk, clock }),
    nodeName: "node1",
    onFatal: () => {},
  });
  await rejects(again, /another process has it open/);
  await test.commit(putText("a", "1"));
});

Deno.test("Node.open() gives everything back where it cannot open", async () => {
  const test = await TestNode.open();
  await test.commit(putText("a", "1"));
  await test.node.close();
  const groups = `${dataDirectory}/groups/0000000000000002`;
  const current = test.disk.open(`${groups}/CURRENT`, "modify");
  current.writeSync(new TextEncoder().encode("?"), 0);
  current.close();
  await rejects(test.restart(), { code: "corruption" });
  equal(test.disk.openFileCount, 0);
});

Deno.test("Node.statistics() tells what holds the watermark and what was applied", async () => {
  await using test = await TestNode.open({ retentionMs: 0 });
  const version = await test.commit(putText("a", "1"));
  const hold = test.database.hold({ kind: "stream", owner: "somebody" });
  for (const text of ["2", "3", "4"]) await test.commit(putText("a", text));
  await test.run({ ...putText("a", "5"), condition: { kind: "absent" } } as never);
  await test.run(transaction({ mutations: [{ op: "delete", key: "a" }] }));
  const { progress, commands, tree, log, group, memory, nodeName } = test.node.statistics();
  equal(progress.oldestHeldVersion, version);
  equal(progress.watermark <= version, true);
  deepEqual(tree.holders.map(({ kind, owner }) => [kind, owner]), [["stream", "somebody"]]);
  deepEqual([commands.put, commands.transaction, commands.conflict], [5, 1, 1]);
  equal(progress.appliedIndex, group.lastIndex);
  equal(log.syncCount > 0 && memory.memtableBytes > 0, true);
  equal(nodeName, "node1");
  hold.release();
  for (const text of ["6", "7", "8"]) await test.commit(putText("a", text));
  equal(test.node.statistics().progress.watermark > version, true);
});

Deno.test("Node.flush() makes everything applied durable in the tree, so the log is cut", async () => {
  await using test = await TestNode.open();
  await test.commit(putText("a", "1"));
  await test.node.flush();
  const { progress } = test.node.statistics();
  equal(progress.durableIndex, progress.appliedIndex);
  await test.restart();
  equal(test.node.statistics().group.replayedCount, 0);
  equal(await test.text("a"), "1");
});

Deno.test("Node keeps its log within bounds while it writes on and on", async () => {
  await using test = await TestNode.open(tinyOptions);
  for (let round = 0; round < 100; round++) {
    const writes = Array.from({ length: 40 }, (_, index) => putText(`k${index}`, "x".repeat(100)));
    await Promise.all(writes.map((command) => test.commit(command)));
  }
  const { log } = test.node.statistics();
  equal(log.writtenBytes > 3 * 65_536, true);
  equal(log.sizeBytes <= 2 * 65_536, true);
});

Deno.test("Node refuses writes behind damage that keeps it from merging, and opens again", async () => {
  await using test = await TestNode.open({
    ...tinyOptions,
    tree: { ...tinyOptions.tree, level0FileCountCompact: 6 },
  });
  const put = (index: number) => test.run(putText(`key ${index}`, "x".repeat(900)));
  let count = 0;
  while (test.node.statistics().tree.levels[0].tableCount < 2) await put(count++);
  const folder = `${dataDirectory}/groups/0000000000000002`;
  const tables = test.disk.list(folder).filter(({ name }) => name.endsWith(".sst"));
  const damaged = test.disk.open(`${folder}/${tables[0].name}`, "modify");
  damaged.writeSync(Uint8Array.of(0xff, 0xff, 0xff), 10);
  damaged.close();
  const refused = await (async () => {
    for (; count < 2_000; count++) {
      try {
        await put(count);
      } catch (error) {
        return error;
      }
    }
    return undefined;
  })();
  equal((refused as { code?: string } | undefined)?.code, "storage_failed");
  await test.restart();
  const { value } = await test.node.database.get(`key ${count - 1}`, { deadlineMs: Infinity });
  equal(value?.bytes.length, 900);
  await rejects(put(count), { code: "storage_failed" });
});

Deno.test("Node answers damage to a remembered request as an error of that one request", async () => {
  await using test = await TestNode.open();
  const request = identity(1, 2);
  await test.run(putText("a", "1"), request);
  await test.node.flush();
  const folder = `${dataDirectory}/groups/0000000000000002`;
  const [table] = test.disk.list(folder).filter(({ name }) => name.endsWith(".sst"));
  const damaged = test.disk.open(`${folder}/${table.name}`, "modify");
  damaged.writeSync(Uint8Array.of(0xff, 0xff, 0xff), 10);
  damaged.close();
  await rejects(test.run(putText("a", "1"), request), { code: "storage_failed" });
  await test.commit(putText("b", "2"));
  await test.restart();
  equal(await test.text("b"), "2");
});
