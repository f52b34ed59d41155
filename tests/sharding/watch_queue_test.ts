import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import type { SharedEvent } from "../../sharding/watch_event.ts";
import { watchOptions } from "../../sharding/watch_options.ts";
import { type WatchHome, WatchQueue } from "../../sharding/watch_queue.ts";
import { InvariantError } from "../../storage/env/mod.ts";

function event(version: number): SharedEvent {
  const text = { key: "a", value: undefined, previous: undefined };
  return { kind: "delete", version, sizeBytes: 100, queuedCount: 0, ...text };
}

function home(): WatchHome {
  return {
    options: watchOptions({ queueEventCountMax: 2 }),
    lastVersion: 50,
    queuedBytes: 0,
    waitingCount: 0,
    deliveredEventCount: 0,
    nowMs: () => 0,
    catchUp: () => {},
    ended: () => {},
  };
}

function queue(shared: WatchHome): WatchQueue {
  const request = { range: {}, withPrevious: false, owner: "test" };
  return new WatchQueue(shared, { request, from: 10, startLag: 0, state: "live" });
}

Deno.test("WatchQueue gives whole commits, and counts a shared event once", async () => {
  const shared = home();
  const queues = [queue(shared), queue(shared)];
  const one = event(20);
  for (const watch of queues) watch.push(one);
  deepEqual([shared.queuedBytes, shared.waitingCount], [100, 2]);
  const batch = await queues[0].next();
  deepEqual(batch, { kind: "events", events: [one] });
  deepEqual([shared.queuedBytes, shared.waitingCount, queues[0].version], [100, 1, 50]);
  queues[1].close();
  deepEqual([shared.queuedBytes, shared.waitingCount], [0, 0]);
});

Deno.test("WatchQueue.push() says full at a new commit, never in the middle of one", () => {
  const watch = queue(home());
  for (const version of [20, 20, 20]) watch.push(event(version));
  equal(watch.isFull, false);
  watch.push(event(30));
  equal(watch.isFull, true);
  watch.fallBehind(30);
  deepEqual([watch.state, watch.version, watch.untoldVersion], ["lagging", 19, 20]);
});

Deno.test("WatchQueue.push() gives a consumer that waits what is whole, and tells up to where", async () => {
  const watch = queue(home());
  const waiting = watch.next();
  for (const version of [20, 21, 30]) watch.push(event(version));
  equal(watch.version, 29);
  const batch = await waiting;
  equal(batch?.kind === "events" && batch.events.length, 2);
});

Deno.test("WatchQueue.fallBehind() of an empty queue begins in front of what is applied", () => {
  const watch = queue(home());
  watch.fallBehind(40);
  equal(watch.version, 39);
});

Deno.test("WatchQueue.next() is asked one thing at a time, and ends with the watch", async () => {
  const watch = queue(home());
  const waiting = watch.next();
  throws(() => void watch.next(), InvariantError);
  watch.fail(new Error("planted"));
  await rejects(waiting, /planted/);
  equal(await watch.next(), undefined);
});
