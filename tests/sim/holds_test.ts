import { deepEqual, equal, rejects } from "node:assert/strict";
import { SeededRandom } from "../../storage/env/mod.ts";
import { bytesOf, textOf } from "./model.ts";
import { Scheduler } from "./scheduler.ts";
import { SimClock } from "./sim_clock.ts";
import { SimDisk } from "./sim_disk.ts";
import { DiskImage } from "./disk_image.ts";
import { SimNode } from "./single_node.ts";

const range = { start: "k/", end: "k0" };
const holder = { kind: "read", owner: "test" } as const;

Deno.test("a hold is kept or ended once the rule over its keys is taken back", async () => {
  const scheduler = new Scheduler();
  const random = new SeededRandom(1);
  const disk = new SimDisk(new DiskImage(), { clock: new SimClock(scheduler) });
  const node = await scheduler.until(SimNode.open({ disk, scheduler, random, retentionMs: 50 }));
  const { database } = node;
  const put = async (text: string): Promise<number> => {
    const value = { bytes: bytesOf(text), contentType: "text/plain" };
    const result = await scheduler.until(node.run({ kind: "put", key: "k/a", value }));
    await scheduler.run(1_000);
    return result.outcome === "committed" ? result.version : 0;
  };
  const rule = { kind: "duration", retentionMicros: 60_000_000 } as const;
  await scheduler.until(node.run({ kind: "set_retention", prefix: "k/", rule }));
  const first = await put("1");
  await put("2");
  const second = await put("3");
  // Only the rule keeps the first: the watermark is beyond it.
  const old = database.hold(holder, { version: first, range });
  const young = database.hold(holder, { version: second, range });
  await scheduler.until(node.run({ kind: "remove_retention", prefix: "k/" }));
  await put("4");
  await put("5");
  await scheduler.until(node.node.vacuum());
  deepEqual([old.isEnded, young.isEnded], [true, false]);
  const options = { ...node.deadline(), limit: 9 };
  await rejects(scheduler.until(database.scan(range, { ...options, snapshot: old })), {
    code: "version_vacuumed",
  });
  const page = await scheduler.until(database.scan(range, { ...options, snapshot: young }));
  equal(page.entries.map(({ bytes }) => textOf(bytes)).join(), "3");
  young.release();
  await scheduler.until(node.node.close());
});
