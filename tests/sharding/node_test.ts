import { deepEqual, equal, rejects } from "node:assert/strict";
import { type Command, Node } from "../../sharding/mod.ts";
import { SeededRandom, silentLogger } from "../../storage/env/mod.ts";
import { InlineCompactionExecutor } from "../../storage/mod.ts";
import { putLiving } from "./applied_store.ts";
import { identity, putText, transaction } from "./entry_building.ts";
import { dataDirectory, hourMicros, TestNode, tinyOptions } from "./test_node.ts";

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
  await test.commit(putText("a", "1"));
  const hold = test.database.hold({ kind: "stream", owner: "somebody" });
  const { version } = hold;
  for (const text of ["2", "3", "4"]) await test.commit(putText("a", text));
  await test.run({ ...putText("a", "5"), condition: { kind: "absent" } } as never);
  await test.run(transaction({ mutations: [{ op: "delete", key: "a" }] }));
  const { progress, commands, tree, log, group, memory, nodeName, time } = test.node.statistics();
  equal(progress.oldestHeldVersion, version);
  equal(progress.watermark <= version, true);
  deepEqual([time.watermarkHolderKind, time.holderCount], ["stream", 1]);
  equal(time.closedVersion >= progress.lastVersion, true);
  deepEqual(tree.holders.map(({ kind, owner }) => [kind, owner]), [["stream", "somebody"]]);
  deepEqual([commands.put, commands.transaction, commands.conflict], [5, 1, 1]);
  equal(progress.appliedIndex, group.lastIndex);
  equal(log.syncCount > 0 && memory.memtableBytes > 0, true);
  equal(nodeName, "node1");
  hold.release();
  for (const text of ["6", "7", "8"]) await test.commit(putText("a", text));
  const after = test.node.statistics();
  equal(after.progress.watermark > version, true);
  deepEqual([after.time.watermarkHolderKind, after.time.holderCount], ["retention", 0]);
});

Deno.test("Node.statistics() counts rules, and keys whose time has passed", async () => {
  await using test = await TestNode.open();
  const rule = { kind: "versions", versionCount: 2 } as const;
  await test.commit({ kind: "set_retention", prefix: "a", rule });
  await test.commit({ kind: "set_retention", prefix: "b", rule });
  await test.commit({ kind: "remove_retention", prefix: "b" });
  await test.commit(putLiving("a", "", 1));
  const { ruleCount, expiryBacklogCount } = test.node.statistics().time;
  equal(ruleCount, 1);
  equal(expiryBacklogCount <= 1, true);
  equal(test.node.statistics().commands.retention, 3);
});

Deno.test("Node.vacuum() gives back what nobody may read, and a snapshot survives it", async () => {
  await using test = await TestNode.open({ retentionMs: 0 });
  const key = (index: number) => `key ${String(index).padStart(3, "0")}`;
  const write = (text: string) =>
    Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        test.commit(putText(key(index), `${text} ${"x".repeat(500)}`))),
    );
  await write("old");
  const snapshot = test.database.hold({ kind: "cursor", owner: "test" });
  for (const text of ["1", "2", "3"]) {
    await write(text);
    await test.node.flush();
  }
  await test.node.vacuum();
  const options = { ...test.soon, snapshot, limit: 1_000 };
  const held = await test.database.scan({}, options);
  deepEqual(
    new Set(held.entries.map(({ bytes }) => new TextDecoder().decode(bytes).slice(0, 3))),
    new Set(["old"]),
  );
  equal(held.entries.length, 200);
  snapshot.release();
  const before = treeSizeBytes(test);
  const { isCancelled } = await test.node.vacuum();
  equal(isCancelled, false);
  equal(treeSizeBytes(test) < before * 0.7, true, `${treeSizeBytes(test)} of ${before}`);
  const { entries } = await test.database.scan({}, { ...test.soon, limit: 1_000 });
  equal(entries.length, 200);
  const { totals } = await test.node.vacuumReport();
  deepEqual([totals.deadCount, totals.heldCount], [0, 0]);
  await test.restart();
  equal((await test.database.count({}, test.soon)).count, 200);
});

Deno.test("Node.vacuum() of a prefix leaves other keys as they are", async () => {
  await using test = await TestNode.open({ retentionMs: 0 });
  for (const text of ["1", "2", "3", "4"]) {
    for (const key of ["a/1", "a/2", "b/1", "b/2"]) {
      await test.commit(putText(key, `${text} ${"x".repeat(100)}`));
    }
  }
  await test.node.flush();
  await test.node.vacuum({ prefix: "a/" });
  const dead = async (prefix: string) =>
    (await test.node.vacuumReport({ prefix })).totals.deadCount;
  equal(await dead("a/"), 0);
  equal((await test.database.history("a/1", { ...test.soon, limit: 9 })).versions.length, 1);
  await test.node.vacuum();
  equal(await dead("b/"), 0);
});

Deno.test("Node.vacuum() keeps what a rule keeps, by time and by count", async () => {
  await using test = await TestNode.open({ retentionMs: 0 });
  const long = { kind: "duration", retentionMicros: 3_600_000_000 } as const;
  await test.commit({ kind: "set_retention", prefix: "a/", rule: long });
  const count = { kind: "versions", versionCount: 3 } as const;
  await test.commit({ kind: "set_retention", prefix: "b/", rule: count });
  const versions: number[] = [];
  for (const text of ["1", "2", "3", "4", "5"]) {
    for (const key of ["a/1", "b/1", "c/1"]) versions.push(await test.commit(putText(key, text)));
    await test.node.flush();
  }
  await test.commit(putText("other", ""));
  await test.node.vacuum();
  const history = async (key: string) =>
    (await test.database.history(key, { ...test.soon, limit: 9 })).versions.map(({ value }) =>
      new TextDecoder().decode(value?.bytes)
    ).join("");
  const check = async () => {
    deepEqual(
      [await history("a/1"), await history("b/1"), await history("c/1")],
      ["54321", "543", "5"],
    );
    const at = { ...test.soon, at: versions[7] };
    equal((await test.database.get("a/1", at)).value?.version, versions[6]);
    equal((await test.database.get("b/1", at)).value?.version, versions[7]);
    await rejects(test.database.get("c/1", at), { code: "version_vacuumed" });
    await rejects(test.database.get("b/1", { ...at, at: versions[4] }), {
      code: "version_vacuumed",
    });
    equal((await test.database.count({ start: "a/", end: "a0" }, at)).count, 1);
    await rejects(test.database.count({}, at), { code: "version_vacuumed" });
  };
  await check();
  await test.restart();
  await check();
});

Deno.test("Node.vacuum() leaves nothing of keys whose time has passed, nor of their index", async () => {
  await using test = await TestNode.open({ retentionMs: 0 });
  const count = 300;
  const keys = Array.from({ length: count }, (_, index) => `key ${index}`);
  await Promise.all(keys.map((key) => test.commit(putLiving(key, "x", hourMicros))));
  await test.node.flush();
  test.clock.shiftMicros += hourMicros + 1_000_000;
  await test.restart();
  while (test.node.statistics().commands.expired_key < count) await test.clock.yield();
  await test.node.vacuum();
  const { totals } = await test.node.vacuumReport();
  deepEqual([totals.liveCount, totals.heldCount, totals.deadCount], [0, 0, 0]);
  deepEqual(await test.all(), []);
});

function treeSizeBytes(test: TestNode): number {
  const { levels } = test.node.statistics().tree;
  return levels.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}

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

Deno.test("Node hides a value from every reader from its end on", async () => {
  await using test = await TestNode.open();
  const version = await test.commit(putLiving("a", "1", hourMicros));
  await test.commit(putText("b", "1"));
  const expiresAt = version + hourMicros;
  const reads = async () => {
    const { database, soon } = test;
    const [got] = await database.batch([{ op: "get", key: "a" }], soon);
    const read = await test.run(transaction({ reads: ["a"] }));
    return [
      (await database.get("a", soon)).value?.expiresAt,
      (await database.getMany(["a"], soon)).values[0]?.expiresAt,
      (await database.scan({}, { ...soon, limit: 9 })).entries.find(({ key }) => key === "a")
        ?.expiresAt,
      got.kind === "read" ? got.result.value?.expiresAt : NaN,
      read.outcome === "committed" ? read.reads[0]?.expiresAt : NaN,
      (await database.count({}, soon)).count === 2 ? expiresAt : undefined,
    ];
  };
  deepEqual(await reads(), Array(6).fill(expiresAt));
  await test.restart();
  deepEqual(await reads(), Array(6).fill(expiresAt));
  await test.passAnHour();
  deepEqual(await reads(), Array(6).fill(undefined));
  deepEqual(
    [await test.textAt("a", expiresAt - 1), await test.textAt("a", expiresAt)],
    ["1", undefined],
  );
  const absent = { ...putText("a", "2"), condition: { kind: "absent" } } as Command;
  equal((await test.run(absent)).outcome, "committed");
});

Deno.test("Node hides an expired value from a snapshot that is newer than its end", async () => {
  await using test = await TestNode.open();
  await test.commit(putLiving("a", "1", hourMicros));
  const before = test.database.hold({ kind: "cursor", owner: "test" });
  await test.passAnHour();
  const after = test.database.hold({ kind: "cursor", owner: "test" });
  equal((await test.database.get("a", { ...test.soon, snapshot: after })).value, undefined);
  equal((await test.database.count({}, { ...test.soon, snapshot: before })).count, 1);
  before.release();
  after.release();
});

Deno.test("Node lets a key expire whose node was closed at the time", async () => {
  await using test = await TestNode.open({ ...tinyOptions, retentionMs: 2 * hourMicros / 1_000 });
  await test.commit(putLiving("a", "1", hourMicros));
  await test.commit(putLiving("b", "1", 3 * hourMicros));
  await test.node.flush();
  test.clock.shiftMicros += hourMicros + 1_000_000;
  await test.restart();
  const history = () => test.database.history("a", { ...test.soon, limit: 9 });
  while ((await history()).versions[0].kind !== "expire") await test.clock.yield();
  deepEqual((await history()).versions.map(({ kind }) => kind), ["expire", "set"]);
  equal(test.node.statistics().commands.expired_key, 1);
  equal(await test.text("b"), "1");
  await test.restart();
  deepEqual((await history()).versions.map(({ kind }) => kind), ["expire", "set"]);
});
