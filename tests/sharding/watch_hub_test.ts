import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import type { Watch, WatchBatch, WatchEvent } from "../../sharding/database.ts";
import { ShardError } from "../../sharding/errors.ts";
import { prefixRange } from "../../sharding/prefix_range.ts";
import { DiskError } from "../../storage/env/mod.ts";
import { type Draft, eventText, settle, told, WatchFixture } from "./watch_fixture.ts";
import { nodeCriteria } from "./watch_over_node.ts";
import { everyWatchHearsItsHistory } from "./watch_property.ts";

const first = 1_000_010;

async function events(watch: Watch, withPrevious = false): Promise<string[]> {
  const batch = await told(watch);
  return batch !== "waits" && batch?.kind === "events"
    ? batch.events.map((event) => eventText(event, withPrevious))
    : [JSON.stringify(batch)];
}

/** Opens a watch whose consumer waits, and collects what it is told. */
function listening(watch: Watch): WatchBatch[] {
  const batches: WatchBatch[] = [];
  const listen = async () => {
    for (let batch = await watch.next(); batch !== undefined; batch = await watch.next()) {
      batches.push(batch);
    }
  };
  listen().catch((error) => batches.push(error));
  return batches;
}

Deno.test("WatchHub tells each watch of its own keys, from now on", async () => {
  const fixture = new WatchFixture();
  fixture.apply([["a/1", "before"]]);
  const key = fixture.watch({ range: { start: "a/1", end: "a/1\0" } });
  const prefix = fixture.watch({ range: prefixRange("a/") });
  const range = fixture.watch({ range: { start: "a/2", end: "b/1" } });
  fixture.apply([["a/1", "one"], ["a/2", "two"], ["b/1", "three"]]);
  fixture.apply([["a/1", null]], [["a/2", { expire: true }]]);
  const at = first + 10;
  deepEqual(await events(key), [`${at} set a/1 one`, `${at + 10} delete a/1`]);
  deepEqual(await events(range), [`${at} set a/2 two`, `${at + 20} expire a/2`]);
  equal((await events(prefix)).length, 4);
  deepEqual(await told(key), "waits");
});

Deno.test("WatchHub wakes a consumer once for an entry, with whole commits", async () => {
  const fixture = new WatchFixture();
  const watch = fixture.watch();
  const batches = listening(watch);
  await settle();
  fixture.apply([["a", "1"], ["b", "2"]], [["a", "3"]]);
  equal(watch.version, fixture.lastVersion);
  await settle();
  deepEqual(batches.map((batch) => batch.kind === "events" && batch.events.length), [3]);
});

Deno.test("WatchHub makes an event once, and reads the value before only where it is asked for", async () => {
  const fixture = new WatchFixture();
  const plain = [fixture.watch(), fixture.watch({ range: prefixRange("a") })];
  fixture.apply([["a", "1"]]);
  equal(fixture.previousCount, 0);
  const full = [fixture.watch({ withPrevious: true }), fixture.watch({ withPrevious: true })];
  fixture.apply([["a", "2"]], [["a", null]]);
  equal(fixture.previousCount, 2);
  const taken: WatchEvent[][] = [];
  for (const watch of [...plain, ...full]) {
    const batch = await told(watch);
    if (batch !== "waits" && batch?.kind === "events") taken.push([...batch.events]);
  }
  equal(taken[0][1] === taken[1][1], true);
  equal(taken[2][0] === taken[3][0], true);
  deepEqual(taken[2].map((event) => eventText(event, true)), [
    `${first + 10} set a 2 was 1`,
    `${first + 20} delete a was 2`,
  ]);
  equal(taken[0][1].previous, undefined);
});

Deno.test("WatchHub begins behind `from`, and joins what is new without gap or repeat", async () => {
  const fixture = new WatchFixture({ pieceEventCountMax: 2 });
  for (const value of ["1", "2", "3", "4", "5"]) fixture.apply([["a", value]]);
  const watch = fixture.watch({ from: first });
  deepEqual(fixture.hub.statistics().laggingCount, 1);
  const batches = listening(watch);
  await settle();
  fixture.apply([["a", "6"]]);
  await settle();
  deepEqual(
    batches.flatMap((batch) => batch.kind === "events" ? batch.events.map(eventOf) : [batch.kind]),
    fixture.expected({}, { after: first }),
  );
  equal(watch.version, fixture.lastVersion);
  equal(fixture.hub.statistics().laggingCount, 0);
  equal(fixture.holds.size, 0);
});

Deno.test("WatchHub misses nothing that comes right behind the last piece", async () => {
  const fixture = new WatchFixture();
  fixture.apply([["a", "1"]]);
  const watch = fixture.watch({ from: first - 1 });
  await watch.next().then(() => fixture.apply([["a", "2"]]));
  deepEqual(await events(watch), [`${first + 10} set a 2`]);
});

Deno.test("the hold of a watch that lags moves on with it, now and then", async () => {
  const fixture = new WatchFixture({ pieceEventCountMax: 1 });
  for (const value of ["1", "2", "3", "4"]) fixture.apply([["a", value]]);
  const watch = fixture.watch({ from: first });
  const held = () => [...fixture.holds].map(({ version }) => version);
  await events(watch);
  deepEqual(held(), [first]);
  fixture.clock.advance(1_000);
  await events(watch);
  deepEqual(held(), [first + 20]);
});

Deno.test("WatchHub answers a `from` that is not kept with a reset, one to come with an error", async () => {
  const fixture = new WatchFixture();
  for (const value of ["1", "2", "3"]) fixture.apply([["a", value]]);
  fixture.vacuum(first + 10);
  deepEqual(await told(fixture.watch({ from: first })), {
    kind: "reset",
    reason: "vacuumed",
    oldestVersion: first + 10,
    resumeVersion: first,
  });
  deepEqual(await events(fixture.watch({ from: first + 10 })), [`${first + 20} set a 3`]);
  fixture.closedVersion = first + 50;
  deepEqual(await told(fixture.watch({ from: first + 50 })), "waits");
  throws(
    () => fixture.watch({ from: first + 51 }),
    (error) => error instanceof ShardError && error.code === "version_to_come",
  );
});

Deno.test("WatchHub gives nothing behind a reset, and forgets the watch", async () => {
  const fixture = new WatchFixture();
  fixture.apply([["a", "1"]]);
  fixture.vacuum(first);
  const watch = fixture.watch({ from: 1 });
  const { watchCount, resetCount } = fixture.hub.statistics();
  deepEqual([watchCount, resetCount], [0, 1]);
  await told(watch);
  equal(await told(watch), undefined);
});

Deno.test("a watch whose queue is full reads the tree, under a hold that vacuum respects", async () => {
  const fixture = new WatchFixture({ queueEventCountMax: 2 });
  const watch = fixture.watch();
  for (const value of ["1", "2", "3", "4"]) fixture.apply([["a", value]]);
  equal(fixture.hub.statistics().laggingCount, 1);
  equal(fixture.hub.statistics().queuedBytes, 0);
  fixture.vacuum(fixture.lastVersion);
  deepEqual(await events(watch), fixture.expected({}, { after: 0 }));
  equal(fixture.hub.statistics().laggingCount, 0);
});

Deno.test("a commit larger than the queue comes in whole", async () => {
  const fixture = new WatchFixture({ queueEventCountMax: 2, pieceEventCountMax: 2 });
  const commit = Array.from({ length: 50 }, (_, index): Draft => [`k${index}`, "v"]);
  const live = fixture.watch();
  fixture.apply(commit);
  fixture.apply([["a", "1"]]);
  equal((await events(live)).length, 50);
  const late = fixture.watch({ from: first - 10 });
  equal((await events(late)).length, 50);
});

Deno.test("an entry larger than the queue leaves a consumer that waits a live one", async () => {
  const fixture = new WatchFixture({ queueEventCountMax: 2 });
  const batches = listening(fixture.watch());
  await settle();
  fixture.apply(...["1", "2", "3", "4"].map((value): Draft[] => [["a", value]]));
  await settle();
  deepEqual(
    batches.flatMap((batch) => batch.kind === "events" ? batch.events.map(eventOf) : []),
    fixture.expected({}, { after: 0 }),
  );
});

Deno.test("what waits in queues is counted once, and kept readable by one hold until it is taken", async () => {
  const fixture = new WatchFixture();
  const watches = [fixture.watch(), fixture.watch(), fixture.watch()];
  fixture.apply([["a", "x".repeat(1_000)]]);
  const { queuedBytes } = fixture.hub.statistics();
  equal(queuedBytes > 1_000 && queuedBytes < 1_500, true, `${queuedBytes} bytes`);
  deepEqual([...fixture.holds].map(({ version }) => version), [first - 1]);
  fixture.apply([["a", "y"]]);
  equal(fixture.holds.size, 1);
  await events(watches[0]);
  fixture.clock.advance(1_000);
  deepEqual([...fixture.holds].map(({ version }) => version), [first - 1]);
  for (const watch of watches.slice(1)) await events(watch);
  equal(fixture.hub.statistics().queuedBytes, 0);
  fixture.apply([["a", "z"]]);
  fixture.clock.advance(1_000);
  deepEqual([...fixture.holds].map(({ version }) => version), [first + 19]);
  for (const watch of watches) await events(watch);
  fixture.clock.advance(1_000);
  equal(fixture.holds.size, 0);
});

Deno.test("all queues together have a bound", () => {
  const fixture = new WatchFixture({ queuesSizeBytesMax: 1_000 });
  fixture.watch({ range: prefixRange("a") });
  fixture.watch({ range: prefixRange("b") });
  fixture.apply([["a", "x".repeat(600)], ["b", "x".repeat(600)]]);
  fixture.apply([["b", "y"]]);
  equal(fixture.hub.statistics().laggingCount, 1);
});

Deno.test("a watch that nobody takes from is reset once it is too far behind", async () => {
  const fixture = new WatchFixture({ watchLagMsMax: 5, queueEventCountMax: 1 });
  const slow = fixture.watch();
  const idle = fixture.watch({ range: prefixRange("z") });
  const awaited = fixture.watch({ range: prefixRange("z") });
  void awaited.next();
  fixture.apply([["a", "1"]]);
  fixture.apply([["a", "2"]]);
  fixture.closedVersion = first + 4_999;
  fixture.clock.advance(1_000);
  equal(fixture.hub.statistics().lagMsMax, 4.999);
  fixture.closedVersion = first + 5_001;
  fixture.clock.advance(1_000);
  deepEqual(await told(slow), {
    kind: "reset",
    reason: "too_slow",
    oldestVersion: 0,
    resumeVersion: first - 1,
  });
  equal(fixture.holds.size, 0);
  equal(await told(idle), "waits");
});

Deno.test("a watch that begins far back may take its time to come up", async () => {
  const fixture = new WatchFixture({ watchLagMsMax: 5, pieceEventCountMax: 1 });
  for (const value of ["1", "2", "3"]) fixture.apply([["a", value]]);
  fixture.closedVersion = first + 60_000;
  const watch = fixture.watch({ from: first });
  fixture.clock.advance(1_000);
  equal((await events(watch)).length, 1);
  fixture.closedVersion = first + 64_900;
  fixture.clock.advance(1_000);
  equal(fixture.hub.statistics().resetCount, 0);
});

Deno.test("a hold that an operator ends ends its watches", async () => {
  const fixture = new WatchFixture({ queueEventCountMax: 1 });
  const lagging = fixture.watch({ range: prefixRange("a"), owner: "ada" });
  fixture.apply([["a", "1"]]);
  fixture.apply([["a", "2"]]);
  const [own] = [...fixture.holds].filter(({ holder }) => holder.owner === "ada");
  deepEqual([own.version, own.options.readsChanges, own.options.range], [
    first - 1,
    true,
    prefixRange("a"),
  ]);
  fixture.endHold(own);
  const reset = await told(lagging);
  equal(reset !== "waits" && reset?.kind === "reset" && reset.reason, "released");
  const live = fixture.watch();
  const other = fixture.watch({ range: prefixRange("z") });
  fixture.apply([["a", "3"]]);
  for (const hold of fixture.holds) fixture.endHold(hold);
  const second = await told(live);
  equal(second !== "waits" && second?.kind === "reset" && second.reason, "released");
  equal(await told(other), "waits");
});

Deno.test("progress is told while nothing happens, as often as the watch asks for it", async () => {
  const fixture = new WatchFixture();
  const watch = fixture.watch({ progressMs: 100 });
  const often = listening(watch);
  const seldom = listening(fixture.watch());
  await settle();
  fixture.closedVersion = first + 700;
  for (let count = 0; count < 10; count++) {
    fixture.clock.advance(100);
    await settle();
  }
  deepEqual(often[0], { kind: "progress", version: first + 700 });
  equal(often.length, 10);
  equal(watch.version, first + 700);
  equal(seldom.length, 0);
  fixture.clock.advance(5_000);
  await settle();
  equal(seldom.length, 1);
});

Deno.test("reading far back gives way to others, and tells of progress where nothing matches", async () => {
  const fixture = new WatchFixture();
  for (let count = 0; count < 300; count++) fixture.apply([["a", "1"]]);
  const watch = fixture.watch({ range: prefixRange("z"), from: first, progressMs: 20 });
  fixture.clock.stepMs = 0.5;
  const before = fixture.clock.yieldCount;
  const batch = await told(watch);
  equal(batch !== "waits" && batch?.kind, "progress");
  equal(watch.version > first && watch.version < fixture.lastVersion, true);
  equal(fixture.clock.yieldCount - before >= 5, true);
});

Deno.test("watches that lag together are read for together", async () => {
  const fixture = new WatchFixture();
  for (let count = 0; count < 20; count++) fixture.apply([["a", `${count}`], ["z", "other"]]);
  const watches = Array.from(
    { length: 50 },
    (_, index) => fixture.watch({ range: prefixRange("a"), from: first + (index % 3) * 10 }),
  );
  fixture.entryCount = 0;
  const batches = await Promise.all(watches.map((watch) => watch.next()));
  deepEqual(
    batches.slice(0, 3).map((batch) => batch?.kind === "events" && batch.events.length),
    [19, 18, 17],
  );
  equal(fixture.entryCount, 19);
});

Deno.test("the number of watches is bounded, and a closed one makes room", () => {
  const fixture = new WatchFixture({ watchCountMax: 1 });
  const watch = fixture.watch();
  throws(
    () => fixture.watch(),
    (error) => error instanceof ShardError && error.code === "overloaded",
  );
  watch.close();
  watch.close();
  fixture.watch();
  equal(fixture.clock.timerCount, 1);
});

Deno.test("close() ends what waits, lets holds and timers go, and takes no more", async () => {
  const fixture = new WatchFixture();
  fixture.apply([["a", "1"]]);
  const live = fixture.watch();
  const lagging = fixture.watch({ from: 1 });
  const ends = [live.next(), lagging.next()];
  fixture.apply([["a", "2"]]);
  fixture.watch();
  fixture.apply([["a", "3"]]);
  await fixture.hub.close();
  equal((await ends[0])?.kind, "events");
  equal(await ends[1], undefined);
  equal(await live.next(), undefined);
  equal(fixture.holds.size, 0);
  equal(fixture.clock.timerCount, 0);
  equal(fixture.hub.isWatched, false);
  throws(() => fixture.watch(), (error) => error instanceof ShardError && error.code === "stopped");
});

Deno.test("a disk that fails is the failure of the watch, never of what is applied", async () => {
  const fixture = new WatchFixture();
  const watches = [fixture.watch({ withPrevious: true }), fixture.watch({ withPrevious: true })];
  const plain = fixture.watch();
  fixture.failure = new DiskError("io", "planted");
  const waiting = watches[0].next();
  fixture.apply([["a", "1"]]);
  for (const told of [waiting, watches[1].next()]) {
    await rejects(
      told,
      (error) => error instanceof ShardError && error.code === "storage_failed",
    );
  }
  deepEqual(await events(plain), [`${first} set a 1`]);
  equal(fixture.hub.statistics().watchCount, 1);
});

const eventOf = (event: WatchEvent) => eventText(event);

Deno.test("every watch hears the whole history of its range, in order and in whole commits", async () => {
  await everyWatchHearsItsHistory(300);
});

for (const [criterion, run] of Object.entries(nodeCriteria)) Deno.test(criterion, run);
