/**
 * A watch as a stream: pieces, pace, and how it ends.
 *
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { harness, put } from "../harness.ts";
import { paceMs, turnsPerPace } from "../../../server/middleware/stream_pacer.ts";
import { Listener, pace, watching } from "../event_listener.ts";

Deno.test("the id stands on the last event of a commit only, whatever of it is watched", async () => {
  const h = harness();
  const all = await watching(h);
  const some = await watching(h, "?prefix=a");
  const mutations = ["a1", "a2", "b1"].map((key) => ({ op: "set", key, value: "x" }));
  equal((await h.post("/v1/txn", { mutations })).status, 200);
  const ids = async (listener: Listener, count: number) =>
    (await listener.take(count)).map((told) => [told?.data?.key, told?.id !== undefined]);
  deepEqual(await ids(all, 3), [["a1", false], ["a2", false], ["b1", true]]);
  deepEqual(await ids(some, 2), [["a1", false], ["a2", true]]);
});

Deno.test("a busy watch gathers what comes while it waits for its turn", async () => {
  const h = harness();
  const response = await h.send("GET", "/v1/watch");
  const reader = response.body?.getReader();
  const text = async () => new TextDecoder().decode((await reader?.read())?.value);
  await text();
  await put(h, "a", "1");
  match(await text(), /^event: set\n/);
  const next = text();
  for (const value of ["2", "3", "4"]) await put(h, "a", value);
  await pace(h);
  equal((await next).split("event: set").length - 1, 3);
});

Deno.test("a commit that very many wait for is told to some at once, to the others in turn", async () => {
  const h = harness();
  let toldCount = 0;
  const count = turnsPerPace + 5;
  for (let index = 0; index < count; index++) {
    const reader = (await h.send("GET", "/v1/watch")).body?.getReader();
    await reader?.read();
    reader?.read().then(() => toldCount++, () => {});
  }
  await put(h, "a", "1");
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  equal(toldCount, turnsPerPace);
  h.clock.advance(paceMs);
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  equal(toldCount, count);
});

Deno.test("a watch with much to tell does not wait for a turn", async () => {
  const h = harness();
  const first = await put(h, "a", "x".repeat(100_000));
  const response = await h.send("GET", "/v1/watch?from=2026-09-21T14:13:20.5Z");
  const reader = response.body?.getReader();
  await reader?.read();
  const told = new TextDecoder().decode((await reader?.read())?.value);
  equal(told.includes(`id: ${first}`), true);
  const next = reader?.read();
  await put(h, "b", "1");
  match(new TextDecoder().decode((await next)?.value), /"key":"b"/);
});

Deno.test("a client that does not read is cut with a reset, one with nothing to read is not", async () => {
  const h = harness({ streamIdleMs: 5_000 });
  const idle = await watching(h, "?prefix=z");
  const waiting = idle.next();
  const slow = await h.send("GET", "/v1/watch");
  await put(h, "a", "1");
  h.clock.advance(6_000);
  equal(h.database.watches.size, 1);
  const listener = new Listener(h, slow);
  const told = await listener.take(3);
  deepEqual(told.map((one) => one?.event), [undefined, "progress", "reset"]);
  equal(told[2]?.data?.reason, "too_slow");
  equal(told[2]?.data?.resume, told[1]?.id);
  equal(await listener.next(), undefined);
  await put(h, "z", "1");
  equal((await waiting)?.event, "set");
});

Deno.test("what an operator lets go ends with a reset", async () => {
  const h = harness();
  const listener = await watching(h);
  for (const { id } of h.database.holders()) h.database.releaseHolder(id);
  const reset = await listener.next();
  deepEqual([reset?.event, reset?.data?.reason], ["reset", "released"]);
});

Deno.test("a server that stops ends watches without a reset, and those that come then at once", async () => {
  const h = harness();
  const listener = await watching(h);
  h.closing.abort();
  deepEqual(await listener.next(), { comment: "stopping" });
  equal(await listener.next(), undefined);
  const late = await watching(h);
  deepEqual(await late.next(), { comment: "stopping" });
  equal(h.database.watches.size, 0);
});

Deno.test("a long commit goes out in pieces, and stays one commit", async () => {
  const h = harness();
  const response = await h.send("GET", "/v1/watch");
  const reader = response.body?.getReader();
  await reader?.read();
  const mutations = Array.from(
    { length: 300 },
    (_, index) => ({ op: "set", key: `k${index}`, value: "x".repeat(1_000) }),
  );
  equal((await h.post("/v1/txn", { mutations })).status, 200);
  let text = "";
  let pieceCount = 0;
  while (text.split("\n\n").length <= 300) {
    text += new TextDecoder().decode((await reader?.read())?.value);
    pieceCount++;
  }
  equal(pieceCount > 3 && pieceCount < 10, true, `${pieceCount} pieces`);
  equal(text.split("\nid: ").length - 1, 1);
});

Deno.test("a stream cut in the middle of a commit resumes in front of it", async () => {
  const h = harness({ streamIdleMs: 5_000 });
  const listener = await watching(h);
  const before = await put(h, "a", "1");
  equal((await listener.next())?.id, before);
  const mutations = Array.from(
    { length: 200 },
    (_, index) => ({ op: "set", key: `k${index}`, value: "x".repeat(1_000) }),
  );
  equal((await h.post("/v1/txn", { mutations })).status, 200);
  await listener.next();
  h.clock.advance(7_000);
  let told = await listener.next();
  while (told?.event === "set") told = await listener.next();
  deepEqual([told?.event, told?.data?.resume], ["reset", before]);
});

Deno.test("a failure ends the stream, is logged, and tells no secrets", async () => {
  const h = harness();
  const listener = await watching(h);
  const [watch] = h.database.watches;
  watch.next = () => Promise.reject(new Error("planted"));
  await put(h, "a", "1");
  deepEqual(await listener.next(), { comment: "internal_error" });
  equal(h.lines.at(-1)?.event, "watch_failed");
});
