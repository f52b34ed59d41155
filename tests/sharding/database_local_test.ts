import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import type { BatchOperationResult, Command } from "../../sharding/mod.ts";
import { identity, putText, transaction } from "./entry_building.ts";
import { TestNode, tinyOptions } from "./test_node.ts";

function conditional(command: Command, condition: object): Command {
  return { ...command, condition } as Command;
}

Deno.test("LocalDatabase.get() sees a write as soon as it is answered", async () => {
  await using test = await TestNode.open();
  equal(await test.text("a"), undefined);
  const version = await test.commit(putText("a", "1", "text/csv"));
  const { value, version: seen } = await test.database.get("a", test.soon);
  deepEqual(value, { bytes: Uint8Array.of(0x31), contentType: "text/csv", version });
  equal(seen, version);
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
  equal(result.outcome === "committed" && result.version, version);
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
  deepEqual(full, { key: "a", bytes, contentType: "text/csv", version });
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
  const old = await test.commit(putText("a", "1"));
  const hold = test.database.hold({ kind: "cursor", owner: "test" }, old);
  for (const text of ["2", "3", "4"]) await test.commit(putText("a", text));
  // Held, so others may hold it too.
  test.database.hold({ kind: "cursor", owner: "other" }, old).release();
  hold.release();
  for (const text of ["5", "6", "7"]) await test.commit(putText("a", text));
  const vacuumed = { code: "version_vacuumed" };
  throws(() => test.database.hold({ kind: "cursor", owner: "test" }, old), vacuumed);
  const newest = (await test.database.get("a", test.soon)).version;
  throws(() => test.database.hold({ kind: "cursor", owner: "test" }, newest + 1), vacuumed);
  test.database.hold({ kind: "cursor", owner: "test" }, newest).release();
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

function shown(results: readonly BatchOperationResult[]): string[] {
  return results.map((result) => {
    if (result.kind === "failed") return "failed";
    if (result.kind === "write") return result.result.outcome;
    const { value } = result.result;
    return value === undefined ? "nothing" : new TextDecoder().decode(value.bytes);
  });
}

const text = (value: string) => ({
  bytes: new TextEncoder().encode(value),
  contentType: "text/plain",
});

Deno.test("LocalDatabase.batch() keeps the order of operations on one key", async () => {
  await using test = await TestNode.open();
  await test.commit(putText("a", "0"));
  const results = await test.database.batch([
    { op: "get", key: "a" },
    { op: "set", key: "a", value: text("1") },
    { op: "get", key: "a" },
    { op: "set", key: "a", value: text("x"), condition: { kind: "absent" } },
    { op: "get", key: "a" },
    { op: "delete", key: "a" },
    { op: "get", key: "a" },
    { op: "set", key: "a", value: text("2"), condition: { kind: "absent" } },
    { op: "get", key: "b" },
    { op: "get", key: "a" },
  ], test.soon);
  deepEqual(shown(results), [
    "0",
    "committed",
    "1",
    "condition_failed",
    "1",
    "committed",
    "nothing",
    "committed",
    "nothing",
    "2",
  ]);
});

Deno.test("LocalDatabase.batch() reads all keys that it does not write at one version", async () => {
  await using test = await TestNode.open();
  await test.commit(putText("a", "1"));
  const operations = Array.from({ length: 1_000 }, () => ({ op: "get" as const, key: "a" }));
  const batch = test.database.batch(operations, test.soon);
  const writes = Promise.all(Array.from({ length: 20 }, () => test.commit(putText("a", "2"))));
  const versions = new Set(
    (await batch).map((result) => result.kind === "read" && result.result.version),
  );
  equal(versions.size, 1);
  await writes;
});

Deno.test("LocalDatabase.batch() runs thousands of operations, each on its own", async () => {
  await using test = await TestNode.open();
  const count = 3_000;
  const results = await test.database.batch(
    Array.from({ length: count }, (_, index) => ({
      op: "set" as const,
      key: `k${index % 100}`,
      value: text(String(index)),
    })),
    test.soon,
  );
  const versions = results.map((result) =>
    result.kind === "write" && result.result.outcome === "committed" ? result.result.version : 0
  );
  deepEqual([...versions].sort((left, right) => left - right), versions);
  equal(await test.text("k7"), String(count - 93));
});

Deno.test("LocalDatabase.batch() fails operation by operation at the deadline", async () => {
  await using test = await TestNode.open();
  const past = { deadlineMs: test.clock.monotonicMs() - 1 };
  const results = await test.database.batch([
    { op: "get", key: "a" },
    { op: "set", key: "a", value: text("1") },
  ], past);
  deepEqual(shown(results), ["failed", "failed"]);
});

Deno.test("LocalDatabase.batch() answers a retry as the first attempt, gets included", async () => {
  await using test = await TestNode.open();
  const operations = [
    { op: "get" as const, key: "a" },
    { op: "set" as const, key: "a", value: text("1"), condition: { kind: "absent" as const } },
    { op: "get" as const, key: "a" },
    { op: "set" as const, key: "b", value: text("2") },
  ];
  const options = { ...test.soon, request: identity(1, 1) };
  const first = await test.database.batch(operations, options);
  deepEqual(shown(first), ["nothing", "committed", "1", "committed"]);
  await test.commit(putText("a", "changed"));
  await test.restart();
  deepEqual(await test.database.batch(operations, options), first);
  equal(await test.text("a"), "changed");
});

Deno.test("LocalDatabase.batch() runs nothing where the first operation is a mismatch", async () => {
  await using test = await TestNode.open();
  const write = (value: string, fingerprint: number) =>
    test.database.batch(
      ["a", "b", "c"].map((key) => ({ op: "set" as const, key, value: text(value) })),
      { ...test.soon, request: identity(5, fingerprint) },
    );
  deepEqual(shown(await write("1", 1)), ["committed", "committed", "committed"]);
  deepEqual(shown(await write("2", 2)), [
    "request_mismatch",
    "request_mismatch",
    "request_mismatch",
  ]);
  equal(await test.text("b"), "1");
  deepEqual(await test.database.batch([], { ...test.soon, request: identity(6, 1) }), []);
});

Deno.test("LocalDatabase.batch() gives equal operations of one request identities of their own", async () => {
  await using test = await TestNode.open();
  const set = { op: "set" as const, key: "a", value: text("1") };
  const options = { ...test.soon, request: identity(1, 1) };
  const results = await test.database.batch([set, set, set], options);
  const versions = results.map((result) => result.kind === "write" && result.result);
  equal(new Set(versions.map((result) => JSON.stringify(result))).size, 3);
});
