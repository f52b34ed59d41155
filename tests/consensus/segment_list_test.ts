import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { DiskError } from "../../storage/env/mod.ts";
import { logMarkNone } from "../../storage/log/mod.ts";
import { createSegment, segmentHeaderSizeBytes } from "../../consensus/segment.ts";
import { SegmentList } from "../../consensus/segment_list.ts";
import { FaultDisk } from "./log_fixture.ts";

async function listOf(disk: FaultDisk): Promise<SegmentList> {
  disk.createDirectory("log");
  const first = await createSegment(disk, { directory: "log", number: 1, sizeBytes: 1_024 });
  return new SegmentList({ disk, directory: "log", segmentSizeBytes: 1_024 }, {
    segments: [first],
    current: 1,
    end: segmentHeaderSizeBytes,
  });
}

Deno.test("SegmentList wants a spare from half of a segment on, and goes on to it", async () => {
  const disk = new FaultDisk();
  const list = await listOf(disk);
  equal(list.isFresh, true);
  equal(list.wantsSpare(), false);
  list.writer.append(new Uint8Array(500), logMarkNone);
  equal(list.wantsSpare(), true);
  const preparing = list.prepare();
  equal(list.wantsSpare(), false);
  await preparing;
  equal(list.wantsSpare(), false);
  deepEqual([list.count, list.current.number, list.sizeBytes], [2, 1, 2_048]);
  equal(list.hasRoom(416), true);
  equal(list.hasRoom(432), false);
  await list.advance();
  deepEqual([list.current.number, list.writer.position, list.isFresh], [2, 64, true]);
  equal(list.get(1).number, 1);
  throws(() => list.get(3));
  await list.close();
  equal(disk.memory.openFileCount, 0);
});

Deno.test("SegmentList.advance() tries again after a full disk", async () => {
  const disk = new FaultDisk();
  const list = await listOf(disk);
  disk.onWrite = () => {
    throw new DiskError("disk_full", "Cannot write: full");
  };
  await rejects(list.advance(), DiskError);
  equal(list.current.number, 1);
  disk.onWrite = () => {};
  await list.advance();
  equal(list.current.number, 2);
  await list.close();
});

Deno.test("SegmentList.removeOldest() makes one removal durable before the next", async () => {
  const disk = new FaultDisk();
  const list = await listOf(disk);
  await rejects(list.removeOldest(), /stays/);
  await list.advance();
  await list.advance();
  const names: string[] = [];
  disk.onSync = (path) => {
    names.push(`${path}: ${disk.list("log").map(({ name }) => name.slice(15, 16)).join(" ")}`);
  };
  await list.removeOldest();
  await list.removeOldest();
  deepEqual(names, ["log: 2 3", "log: 3"]);
  equal(list.oldest, list.current);
  equal(list.get(3), list.current);
  await list.close();
});

Deno.test("SegmentList.close() gives up a spare in the making", async () => {
  const disk = new FaultDisk();
  const list = await listOf(disk);
  const preparing = list.prepare();
  const closing = list.close();
  await preparing.catch(() => {});
  await closing;
  equal(disk.memory.openFileCount, 0);
  equal(disk.list("log").some(({ name }) => name.endsWith(".tmp")), false);
});
