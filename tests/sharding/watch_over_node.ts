/**
 * Watches over a whole node: log, tree, expiry, VACUUM and restarts beneath them.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import type { Watch, WatchEvent } from "../../sharding/mod.ts";
import { TestNode, tinyOptions } from "./test_node.ts";
import { eventText } from "./watch_fixture.ts";

const everything = { range: {}, withPrevious: false, owner: "test" };

const put = (key: string, text: string, ttlMicros?: number) => ({
  kind: "put" as const,
  key,
  value: { bytes: new TextEncoder().encode(text), contentType: "text/plain", ttlMicros },
});

/** Takes so many events, and what came between them. */
async function take(watch: Watch, count: number): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  while (events.length < count) {
    const batch = await watch.next();
    if (batch?.kind === "events") events.push(...batch.events);
    else if (batch?.kind !== "progress") throw new Error(`It ended with ${JSON.stringify(batch)}`);
  }
  return events;
}

/** What must hold, by its name. */
export const nodeCriteria: Readonly<Record<string, () => Promise<void>>> = {
  "a watch goes on behind a version of before a restart, and misses nothing": async () => {
    await using node = await TestNode.open({ ...tinyOptions, retentionMs: 3_600_000 });
    const start = await node.commit(put("a", "start"));
    const versions: number[] = [];
    for (let count = 0; count < 200; count++) {
      versions.push(await node.commit(put(`k${count % 7}`, `${count}`)));
    }
    const before = node.database.watch({ ...everything, from: start });
    const seen = await take(before, 1);
    before.close();
    await node.restart();
    const watch = node.database.watch({ ...everything, from: seen[seen.length - 1].version });
    const rest = await take(watch, 200 - seen.length);
    deepEqual([...seen, ...rest].map(({ version }) => version), versions);
    const next = watch.next();
    const version = await node.commit({
      kind: "transaction",
      checks: [],
      reads: [],
      mutations: [{ op: "delete", key: "a" }, { op: "set", ...put("z", "new") }],
    });
    const batch = await next;
    deepEqual(batch?.kind === "events" && batch.events.map((event) => eventText(event)), [
      `${version} delete a`,
      `${version} set z new`,
    ]);
    watch.close();
  },

  "a watch tells of values whose time has passed": async () => {
    await using node = await TestNode.open();
    const watch = node.database.watch({ ...everything, range: { start: "a", end: "a\0" } });
    await node.commit(put("a", "short", 1_000));
    const [set, expired] = await take(watch, 2);
    equal(set.value?.expiresAt, set.version + 1_000);
    deepEqual([expired.kind, expired.value], ["expire", undefined]);
    equal(expired.version >= set.version + 1_000, true);
    watch.close();
  },

  "a watch that lags holds VACUUM back until an operator lets it go": async () => {
    await using node = await TestNode.open(tinyOptions);
    const start = await node.commit(put("a", "start"));
    const watch = node.database.watch({ ...everything, withPrevious: true, from: start - 1 });
    for (let count = 0; count < 50; count++) await node.commit(put("a", `${count}`));
    await node.node.vacuum();
    const [holder] = node.database.holders();
    deepEqual([holder.kind, holder.owner, holder.version, holder.isHoldingBack], [
      "watch",
      "test",
      start - 1,
      true,
    ]);
    const events = await take(watch, 51);
    equal(eventText(events[50], true).endsWith("set a 49 was 48"), true);
    watch.close();

    const left = node.database.watch({ ...everything, from: events[40].version });
    const [held] = node.database.holders().filter(({ kind }) => kind === "watch");
    equal(node.database.releaseHolder(held.id), true);
    const ended = await left.next();
    equal(ended?.kind === "reset" && ended.reason, "released");
    await node.commit(put("a", "end"));
    await node.node.vacuum();
    const gone = await node.database.watch({ ...everything, from: events[40].version }).next();
    equal(gone?.kind === "reset" && gone.reason, "vacuumed");
    equal(node.node.statistics().watch.watchCount, 0);
  },
};
