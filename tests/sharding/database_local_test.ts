import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import type { Command } from "../../sharding/mod.ts";
import { putLiving } from "./applied_store.ts";
import { identity, putText, transaction } from "./entry_building.ts";
import { hourMicros, TestNode, tinyOptions } from "./test_node.ts";
import { tellsThePast } from "./told_past.ts";

function conditional(command: Command, condition: object): Command {
  return { ...command, condition } as Command;
}

Deno.test("LocalDatabase.get() sees a write as soon as it is answered", async () => {
  await using test = await TestNode.open();
  equal(await test.text("a"), undefined);
  const version = await test.commit(putText("a", "1", "text/csv"));
  const { value, version: seen } = await test.database.get("a", test.soon);
  const bytes = Uint8Array.of(0x31);
  deepEqual(value, { bytes, contentType: "text/csv", version, expiresAt: undefined });
  // Time passes for reads though nobody writes.
  equal(seen >= version, true);
});

Deno.test("LocalDatabase.run() keeps a copy of what it was given", async () => {
  await using test = await TestNode.open();
  const bytes = Uint8Array.of(1, 2, 3);
  const running = test.run({ kind: "put", key: "a", value: { bytes, contentType: "a/b" } });
  bytes.fill(9);
  await running;
  deepEqual((await test.database.get("a", test.soon)).value?.bytes, Uint8Array.of(1, 2, 3));
});

Deno.test("LocalDatabase.run() holds writes to their conditions", async () => {
  await using test = await TestNode.open();
  const first = await test.commit(conditional(putText("a", "1"), { kind: "absent" }));
  const refused = await test.run(conditional(putText("a", "2"), { kind: "absent" }));
  deepEqual(refused, { outcome: "condition_failed", current: first });
  const matched = { kind: "version", versions: [7, first] };
  const second = await test.commit(conditional(putText("a", "2"), matched));
  equal(second > first, true);
  deepEqual(await test.run(conditional({ kind: "delete", key: "a" }, matched)), {
    outcome: "condition_failed",
    current: second,
  });
  const removed = await test.run(conditional({ kind: "delete", key: "a" }, { kind: "exists" }));
  equal(removed.outcome === "committed" && removed.deletedCount, 1);
  deepEqual(await test.run(conditional({ kind: "delete", key: "a" }, { kind: "exists" })), {
    outcome: "condition_failed",
    current: undefined,
  });
});

Deno.test("LocalDatabase.run() lets one of many compare-and-sets of one version win", async () => {
  await using test = await TestNode.open();
  const version = await test.commit(putText("a", "0"));
  const attempts = Array.from(
    { length: 50 },
    (_, index) =>
      test.run(conditional(putText("a", String(index)), { kind: "version", versions: [version] })),
  );
  const outcomes = (await Promise.all(attempts)).map((result) => result.outcome);
  equal(outcomes.filter((outcome) => outcome === "committed").length, 1);
});

Deno.test("LocalDatabase.run() counts concurrent additions, each once", async () => {
  await using test = await TestNode.open();
  const add = transaction({ mutations: [{ op: "add", key: "n", operand: 1 }] });
  await Promise.all(Array.from({ length: 200 }, () => test.run(add)));
  equal(await test.text("n"), "200");
});

Deno.test("LocalDatabase.run() refuses a value above the limit without proposing it", async () => {
  await using test = await TestNode.open({ valueSizeBytesMax: 3 });
  deepEqual(await test.run(putText("a", "1234")), { outcome: "value_too_large", key: "a" });
  await test.commit(putText("a", "123"));
  const append = transaction({
    mutations: [{
      op: "append",
      key: "a",
      value: { bytes: Uint8Array.of(1), contentType: "a/b" },
    }],
  });
  deepEqual(await test.run(append), { outcome: "value_too_large", key: "a" });
  equal(test.node.statistics().group.proposalCount, 2);
});

Deno.test("LocalDatabase.run() answers a transaction that only reads without the log", async () => {
  await using test = await TestNode.open();
  const version = await test.commit(putText("a", "1"));
  const reading = transaction({ checks: [{ key: "a", version }], reads: ["a", "b"] });
  const result = await test.run(reading);
  equal(result.outcome === "committed" && result.version >= version, true);
  equal(result.outcome === "committed" && result.reads[0]?.version, version);
  deepEqual(await test.run(transaction({ checks: [{ key: "a", version: 1 }] })), {
    outcome: "check_failed",
    failedChecks: [0],
  });
  equal(test.node.statistics().group.proposalCount, 1);
});

Deno.test("LocalDatabase.run() removes a range of up to the limit, or nothing", async () => {
  await using test = await TestNode.open();
  await Promise.all(["a/1", "a/2", "a/3", "b"].map((key) => test.commit(putText(key, "x"))));
  const range = { start: "a/", end: "a0" };
  deepEqual(await test.run({ kind: "delete_range", range, keyCountMax: 2 }), {
    outcome: "too_many_keys",
    limit: 2,
  });
  equal((await test.database.count({}, test.soon)).count, 4);
  const removed = await test.run({ kind: "delete_range", range, keyCountMax: 3 });
  equal(removed.outcome === "committed" && removed.deletedCount, 3);
  deepEqual((await test.all()).map(({ key }) => key), ["b"]);
});

Deno.test("LocalDatabase.scan() pages through a range in both directions", async () => {
  await using test = await TestNode.open();
  const keys = ["a", "ab", "b", "c\xff", "d"];
  for (const key of keys) await test.commit(putText(key, key));
  const scan = async (range: object, options: object) => {
    const page = await test.database.scan(range, { ...test.soon, limit: 2, ...options });
    return [page.entries.map(({ key }) => key).join(), page.hasMore];
  };
  deepEqual(await scan({}, {}), ["a,ab", true]);
  deepEqual(await scan({ start: "ab" }, {}), ["ab,b", true]);
  deepEqual(await scan({ start: "c" }, {}), ["c\xff,d", false]);
  deepEqual(await scan({ start: "a", end: "b" }, {}), ["a,ab", false]);
  deepEqual(await scan({}, { reverse: true }), ["d,c\xff", true]);
  deepEqual(await scan({ end: "b" }, { reverse: true }), ["ab,a", false]);
  deepEqual(await scan({ start: "z", end: "a" }, {}), ["", false]);
  deepEqual(await scan({}, { limit: 5 }), ["a,ab,b,c\xff,d", false]);
});

Deno.test("LocalDatabase.scan() gives values, or keys only, and stops at a size", async () => {
  await using test = await TestNode.open();
  const version = await test.commit(putText("a", "12345", "text/csv"));
  await test.commit(putText("b", "12345"));
  const options = { ...test.soon, limit: 10 };
  const [full] = (await test.database.scan({}, options)).entries;
  const bytes = new TextEncoder().encode("12345");
  deepEqual(full, { key: "a", bytes, contentType: "text/csv", version, expiresAt: undefined });
  const [bare] = (await test.database.scan({}, { ...options, keysOnly: true })).entries;
  deepEqual([bare.key, bare.bytes.length, bare.version], ["a", 0, version]);
  const small = await test.database.scan({}, { ...options, sizeBytesMax: 1 });
  deepEqual([small.entries.length, small.hasMore], [1, true]);
});

Deno.test("LocalDatabase reads under a hold what was there when it was taken", async () => {
  await using test = await TestNode.open(tinyOptions);
  await Promise.all(
    Array.from({ length: 50 }, (_, index) => test.commit(putText(`k${index}`, "old"))),
  );
  const hold = test.database.hold({ kind: "cursor", owner: "test" });
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      Array.from({ length: 60 }, (_, index) => test.commit(putText(`k${index}`, `new ${round}`))),
    );
  }
  await test.run({ kind: "delete_range", range: { start: "k1", end: "k2" }, keyCountMax: 100 });
  await test.node.flush();
  const snapshot = { ...test.soon, snapshot: hold };
  const { entries, version } = await test.database.scan({}, { ...snapshot, limit: 100 });
  deepEqual([entries.length, version], [50, hold.version]);
  const texts = new Set(entries.map(({ bytes }) => new TextDecoder().decode(bytes)));
  deepEqual([...texts], ["old"]);
  equal((await test.database.count({}, snapshot)).count, 50);
  equal((await test.database.get("k1", snapshot)).value?.version, entries[1].version);
  equal((await test.database.getMany(["k1", "k59"], snapshot)).values[1], undefined);
  hold.release();
  hold.release();
});

Deno.test("LocalDatabase.hold() refuses what is vacuumed and what is not there yet", async () => {
  await using test = await TestNode.open({ retentionMs: 0 });
  const holder = { kind: "cursor", owner: "test" } as const;
  const version = await test.commit(putText("a", "1"));
  const hold = test.database.hold(holder, { version });
  for (const text of ["2", "3", "4"]) await test.commit(putText("a", text));
  // Held, so others may hold it too.
  test.database.hold({ kind: "cursor", owner: "other" }, { version }).release();
  hold.release();
  for (const text of ["5", "6", "7"]) await test.commit(putText("a", text));
  const vacuumed = { code: "version_vacuumed" };
  throws(() => test.database.hold(holder, { version }), vacuumed);
  const newest = (await test.database.get("a", test.soon)).version;
  const ahead = { version: newest + 10_000_000 };
  throws(() => test.database.hold(holder, ahead), { code: "version_to_come" });
  test.database.hold(holder, { version: newest }).release();
});

Deno.test("LocalDatabase keeps its deadlines", async () => {
  await using test = await TestNode.open();
  const past = { deadlineMs: test.clock.monotonicMs() - 1 };
  const exceeded = { code: "deadline_exceeded" };
  await rejects(test.database.get("a", past), exceeded);
  await rejects(test.database.getMany(["a"], past), exceeded);
  await rejects(test.database.scan({}, { ...past, limit: 1 }), exceeded);
  await rejects(test.database.count({}, past), exceeded);
  await rejects(test.database.run(putText("a", "1"), past), exceeded);
  await rejects(test.database.run(transaction({ reads: ["a"] }), past), exceeded);
  equal(await test.text("a"), undefined);
});

Deno.test("LocalDatabase answers a remembered request after a restart, for ten minutes", async () => {
  await using test = await TestNode.open({ ...tinyOptions });
  const request = identity(1, 1);
  const add = transaction({ mutations: [{ op: "add", key: "n", operand: 1 }], reads: ["n"] });
  const first = await test.run(add, request);
  deepEqual(await test.run(add, request), first);
  await test.restart();
  deepEqual(await test.run(add, request), first);
  await test.node.flush();
  await test.restart();
  deepEqual(await test.run(add, request), first);
  deepEqual(await test.run(putText("n", "9"), identity(1, 2)), { outcome: "request_mismatch" });
  equal(await test.text("n"), "1");
  test.clock.shiftMicros += 601_000_000;
  equal((await test.run(add, request)).outcome, "committed");
  equal(await test.text("n"), "2");
});

Deno.test("LocalDatabase says that it is stopped once its node is closed", async () => {
  const test = await TestNode.open();
  const { database, soon } = test;
  await test.node.close();
  await rejects(database.run(putText("a", "1"), soon), { code: "stopped" });
  await rejects(database.get("a", soon), { code: "stopped" });
  await test.node.close();
});

const vacuumed = { code: "version_vacuumed" };
const toCome = { code: "version_to_come" };
const limit = 100;

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

Deno.test("LocalDatabase reads what was there at a version", async () => {
  await using test = await TestNode.open();
  const first = await test.commit(putText("a", "1"));
  await test.commit(putText("b", "1"));
  const second = await test.commit(putText("a", "2"));
  const third = await test.commit({ kind: "delete", key: "a" });
  deepEqual(
    [await test.textAt("a", first - 1), await test.textAt("a", first)],
    [undefined, "1"],
  );
  deepEqual(
    [await test.textAt("a", second - 1), await test.textAt("a", second)],
    ["1", "2"],
  );
  equal(await test.textAt("a", third), undefined);
  const at = { ...test.soon, at: second };
  const { values, version } = await test.database.getMany(["b", "a"], at);
  deepEqual([values.map((value) => textOf(value?.bytes)), version], [["1", "2"], second]);
  const scanned = await test.database.scan({}, { ...at, limit });
  deepEqual(
    [scanned.entries.map(({ key }) => key), scanned.version],
    [["a", "b"], second],
  );
  deepEqual(await test.database.count({}, at), { count: 2, version: second });
  equal((await test.database.count({}, { ...at, at: first })).count, 1);
});

Deno.test("LocalDatabase refuses a version that is vacuumed, and says how far it goes", async () => {
  await using test = await TestNode.open({ retentionMs: 0 });
  const old = await test.commit(putText("a", "1"));
  for (const text of ["2", "3", "4"]) await test.commit(putText("a", text));
  const { oldestVersion } = test.database.retention();
  equal(oldestVersion > old, true);
  const at = { ...test.soon, at: oldestVersion - 1 };
  const refusal = { ...vacuumed, oldestVersion };
  await rejects(test.database.get("a", at), refusal);
  await rejects(test.database.getMany(["a"], at), refusal);
  await rejects(test.database.scan({}, { ...at, limit }), refusal);
  await rejects(test.database.count({}, at), refusal);
  await test.database.get("a", { ...at, at: oldestVersion });
});

Deno.test("LocalDatabase makes a version readable that the clock has passed, and none ahead", async () => {
  await using test = await TestNode.open();
  const version = await test.commit(putText("a", "1"));
  test.clock.shiftMicros += 10_000_000;
  const at = version + 5_000_000;
  equal(await test.textAt("a", at), "1");
  // Nobody had closed it, so the log had to.
  equal(test.node.statistics().group.proposalCount, 2);
  equal(await test.textAt("a", at), "1");
  equal(test.node.statistics().group.proposalCount, 2);
  equal(await test.commit(putText("a", "2")) > at, true);
  const ahead = { ...test.soon, at: test.clock.wallMicros() + 10_000_000 };
  await rejects(test.database.get("a", ahead), toCome);
  await rejects(test.database.scan({}, { ...ahead, limit }), toCome);
  await rejects(test.database.count({}, ahead), toCome);
  await rejects(test.database.reach(ahead.at, test.soon), toCome);
  equal(test.node.statistics().group.proposalCount, 3);
});

Deno.test("LocalDatabase.reach() answers at once what is closed, and keeps its deadline", async () => {
  await using test = await TestNode.open();
  const version = await test.commit(putText("a", "1"));
  await test.database.reach(version, { deadlineMs: -1 });
  const late = { deadlineMs: test.clock.monotonicMs() - 1 };
  test.clock.shiftMicros += 10_000_000;
  const exceeded = { code: "deadline_exceeded" };
  await rejects(test.database.reach(version + 5_000_000, late), exceeded);
});

Deno.test("LocalDatabase.run() reverts to what was kept, and to nothing else", async () => {
  await using test = await TestNode.open({ retentionMs: 0 });
  const long = { kind: "duration", retentionMicros: hourMicros } as const;
  await test.commit({ kind: "set_retention", prefix: "a", rule: long });
  const old = await test.commit(putText("a", "1"));
  await test.commit(putText("b", "1"));
  for (const text of ["2", "3", "4"]) {
    await test.commit(putText("a", text));
    await test.commit(putText("b", text));
  }
  const revert = (key: string, toVersion: number) => test.run({ kind: "revert", key, toVersion });
  equal((await revert("a", old)).outcome, "committed");
  equal(await test.text("a"), "1");
  const vacuumed = await revert("b", old);
  equal(vacuumed.outcome === "version_vacuumed" && vacuumed.oldestVersion > old, true);
  deepEqual(await revert("a", old - 1), { outcome: "no_value", key: "a" });
  const { proposalCount } = test.node.statistics().group;
  await rejects(revert("a", test.clock.wallMicros() + 10_000_000), toCome);
  equal(test.node.statistics().group.proposalCount, proposalCount);
});

Deno.test("LocalDatabase.run() refuses a time to live of nothing without proposing it", async () => {
  await using test = await TestNode.open();
  equal((await test.run(putLiving("a", "", 0))).outcome, "invalid");
  equal(test.node.statistics().group.proposalCount, 0);
});

for (let seed = 1; seed <= 8; seed++) {
  Deno.test(`LocalDatabase tells the past as it was, or that it is vacuumed: seed ${seed}`, async () => {
    await tellsThePast(seed, 250);
  });
}
