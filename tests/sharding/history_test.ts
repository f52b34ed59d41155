import { deepEqual, equal, rejects } from "node:assert/strict";
import fc from "fast-check";
import type { Command, HistoryOptions, KeyHistory } from "../../sharding/database.ts";
import { readHistory } from "../../sharding/history.ts";
import { WriterTexts } from "../../sharding/writer.ts";
import { SystemClock } from "../../storage/env/mod.ts";
import { AppliedStore, putLiving } from "./applied_store.ts";
import { buildEntry, putText } from "./entry_building.ts";
import { TestNode } from "./test_node.ts";

/** A clock on which every look takes two milliseconds. */
class SlowClock extends SystemClock {
  nowMs = 0;
  yieldCount = 0;

  override monotonicMs(): number {
    return this.nowMs += 2;
  }

  override yield(): Promise<void> {
    this.yieldCount++;
    return Promise.resolve();
  }
}

/** Reads the history of key `a` at version 1,000. */
function read(
  { store, state }: AppliedStore,
  options: Partial<HistoryOptions> = {},
  clock = new SlowClock(),
): Promise<KeyHistory> {
  return readHistory("ka", { deadlineMs: Infinity, limit: 100, ...options }, {
    store,
    clock,
    horizons: state.horizons,
    version: 1_000,
  });
}

/** Returns versions as text. */
function shown({ versions }: KeyHistory): string[] {
  return versions.map(({ version, kind, value }) =>
    `${version} ${kind}${value === undefined ? "" : ` ${new TextDecoder().decode(value.bytes)}`}`
  );
}

/** A key that was put, deleted, put for a while, expired and put again. */
function storied(): AppliedStore {
  const store = new AppliedStore();
  const texts = new WriterTexts("node1");
  const write = (base: number, command: Parameters<AppliedStore["run"]>[1], token: string) =>
    store.apply(buildEntry({ base }, [{ command, writer: texts.of(token) }]));
  write(10, putText("a", "1"), "löwe");
  write(20, { kind: "delete", key: "a" }, "admin/x");
  write(30, putLiving("a", "2", 10), "");
  store.run(40, { kind: "expire", keyCountMax: 1 });
  write(50, putText("a", "3", "text/csv"), "admin");
  store.run(60, putText("ab", "another key"));
  return store;
}

Deno.test("readHistory() tells what happened to a key, newest first, and who did it", async () => {
  const history = await read(storied());
  deepEqual(shown(history), ["50 set 3", "40 expire", "30 set 2", "20 delete", "10 set 1"]);
  deepEqual(history.versions.map(({ node, token }) => [node, token]), [
    ["node1", "admin"],
    ["", ""],
    ["node1", ""],
    ["node1", "admin/x"],
    ["node1", "löwe"],
  ]);
  deepEqual([history.hasMore, history.oldestVersion, history.version], [false, 0, 1_000]);
  const [newest, , living] = history.versions;
  deepEqual([newest.value?.contentType, newest.value?.version], ["text/csv", 50]);
  equal(living.value?.expiresAt, 40);
});

Deno.test("readHistory() pages with limit and before", async () => {
  const store = storied();
  const first = await read(store, { limit: 2 });
  deepEqual([shown(first), first.hasMore], [["50 set 3", "40 expire"], true]);
  const rest = await read(store, { limit: 3, before: 40 });
  deepEqual([shown(rest), rest.hasMore], [["30 set 2", "20 delete", "10 set 1"], false]);
  deepEqual(shown(await read(store, { before: 10 })), []);
});

Deno.test("readHistory() leaves out values where it is told to, and says the rest", async () => {
  const [newest] = (await read(storied(), { withoutValues: true })).versions;
  deepEqual([newest.value?.bytes.length, newest.value?.contentType], [0, "text/csv"]);
});

Deno.test("readHistory() shows nothing of what is newer than what it looks at", async () => {
  const store = storied();
  store.run(1_001, putText("a", "later"));
  equal((await read(store)).versions[0].version, 50);
});

Deno.test("readHistory() ends with the newest at or below the horizon", async () => {
  const store = storied();
  store.moveWatermark(35);
  const history = await read(store);
  deepEqual(shown(history), ["50 set 3", "40 expire", "30 set 2"]);
  deepEqual([history.hasMore, history.oldestVersion], [false, 35]);
  store.moveWatermark(50);
  deepEqual(shown(await read(store)), ["50 set 3"]);
});

Deno.test("readHistory() does not tell of a tombstone that VACUUM may have taken", async () => {
  const store = storied();
  store.moveWatermark(45);
  deepEqual(shown(await read(store)), ["50 set 3"]);
});

Deno.test("readHistory() shows as many as a rule counts, whatever the horizon", async () => {
  const store = new AppliedStore();
  store.setRule(1, "a", { kind: "versions", versionCount: 3 });
  for (const version of [10, 20, 30, 40, 50]) store.run(version, putText("a", String(version)));
  store.advance(60, "a", 55);
  deepEqual(shown(await read(store)), ["50 set 50", "40 set 40", "30 set 30"]);
  store.setRule(70, "a", { kind: "versions", versionCount: 2 });
  deepEqual(shown(await read(store)), ["50 set 50", "40 set 40"]);
  // What a smaller count has let go stays out of sight.
  store.setRule(80, "a", { kind: "versions", versionCount: 9 });
  deepEqual(shown(await read(store)), ["50 set 50"]);
  store.run(90, putText("a", "90"));
  deepEqual(shown(await read(store)), ["90 set 90", "50 set 50"]);
});

Deno.test("readHistory() shows the same where VACUUM has been and where it has not", async () => {
  const step = fc.record({
    action: fc.constantFrom("put", "put", "delete", "brief", "expire", "count", "advance", "move"),
    by: fc.nat(6),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const kept = new AppliedStore();
      const vacuumed = new AppliedStore();
      for (const [index, { action, by }] of steps.entries()) {
        const base = index + 1;
        const version = Math.max(0, index - by);
        for (const store of [kept, vacuumed]) {
          if (action === "put") store.run(base, putText("a", String(base)));
          if (action === "delete") store.run(base, { kind: "delete", key: "a" });
          if (action === "brief") store.run(base, putLiving("a", String(base), 1 + by));
          if (action === "expire") store.run(base, { kind: "expire", keyCountMax: 9 });
          if (action === "count") {
            store.setRule(base, "a", { kind: "versions", versionCount: 1 + by % 3 });
          }
          if (action === "advance") store.advance(base, "a", version);
          if (action === "move") {
            store.moveWatermark(Math.max(version, store.state.horizons.userVersion));
          }
        }
        vacuumed.store.vacuum();
        deepEqual(await read(vacuumed), await read(kept));
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("readHistory() gives way in a long story, keeps its deadline and closes its walk", async () => {
  const store = new AppliedStore();
  for (let version = 1; version <= 500; version++) store.run(version, putText("a", ""));
  let closedCount = 0;
  const versions = store.store.versions.bind(store.store);
  store.store.versions = (key, from) => {
    const walk = versions(key, from);
    return Object.assign(walk, { close: () => void closedCount++ });
  };
  const clock = new SlowClock();
  equal((await read(store, { limit: 1_000 }, clock)).versions.length, 500);
  equal(clock.yieldCount >= 4, true);
  const late = new SlowClock();
  await rejects(read(store, { limit: 1_000, deadlineMs: 7 }, late), { code: "deadline_exceeded" });
  await rejects(read(store, { deadlineMs: 1 }, late), { code: "deadline_exceeded" });
  equal(closedCount, 2);
});

Deno.test("readHistory() stops at a size, though always with one version", async () => {
  const store = new AppliedStore();
  const bytes = new Uint8Array(9_000_000);
  for (const version of [10, 20, 30]) {
    store.run(version, { kind: "put", key: "a", value: { bytes, contentType: "a/b" } });
  }
  const history = await read(store);
  deepEqual([history.versions.length, history.hasMore], [1, true]);
  equal((await read(store, { withoutValues: true })).versions.length, 3);
});

/** Returns versions as text, without their numbers. */
function told({ versions }: KeyHistory): string[] {
  return versions.map(({ kind, value, node, token }) =>
    [kind, value === undefined ? "-" : new TextDecoder().decode(value.bytes), node, token].join(" ")
      .trim()
  );
}

Deno.test("LocalDatabase.history() tells who did what, in pages, after a restart too", async () => {
  await using test = await TestNode.open();
  const write = (command: Command, writer?: string) =>
    test.database.run(command, { ...test.soon, writer });
  await write(putText("a", "1"), "löwe/1");
  await write({ kind: "delete", key: "a" }, "admin");
  await write(putText("a", "2"));
  await write(putText("ab", "another"));
  const check = async () => {
    const all = await test.database.history("a", { ...test.soon, limit: 9 });
    deepEqual(told(all), ["set 2 node1", "delete - node1 admin", "set 1 node1 löwe/1"]);
    equal(all.version >= all.versions[0].version, true);
    const page = await test.database.history("a", { ...test.soon, limit: 1 });
    deepEqual([told(page), page.hasMore], [["set 2 node1"], true]);
    const before = page.versions[0].version;
    const rest = await test.database.history("a", { ...test.soon, limit: 2, before });
    deepEqual([rest.versions.map(({ kind }) => kind), rest.hasMore], [["delete", "set"], false]);
    const nothing = await test.database.history("b", { ...test.soon, limit: 9 });
    deepEqual([nothing.versions, nothing.hasMore], [[], false]);
  };
  await check();
  await test.restart();
  await check();
  await test.node.flush();
  await check();
  const late = { deadlineMs: test.clock.monotonicMs() - 1 };
  await rejects(test.database.history("a", { ...late, limit: 9 }), { code: "deadline_exceeded" });
});
