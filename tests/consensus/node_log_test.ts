import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { MemoryDisk } from "../../storage/env/mod.ts";
import { NodeLog } from "../../consensus/node_log.ts";
import {
  copyOf,
  entryOf,
  FaultDisk,
  ManualClock,
  openLog,
  readAll,
  textsOf,
} from "./log_fixture.ts";

const hardState = { term: 3, vote: 1, commit: 9 };

Deno.test("NodeLog keeps groups apart, entries and hard state", async () => {
  const disk = new MemoryDisk();
  const { log } = await openLog(disk);
  await log.append([
    entryOf(1, "a", 2),
    entryOf(1, "b", 3),
    { kind: "hardState", groupId: 3, hardState },
    entryOf(2, "c", 2),
  ]);
  const check = (found: typeof log) => {
    deepEqual([textsOf(found, 2), textsOf(found, 3)], [["1:a", "2:c"], ["1:b"]]);
    deepEqual([found.hardStateOf(2), found.hardStateOf(3)], [undefined, hardState]);
    deepEqual([found.firstIndexOf(2), found.lastIndexOf(2), found.lastIndexOf(4)], [1, 2, 0]);
    deepEqual([found.termOf(2, 2), found.termOf(2, 3)], [1, undefined]);
  };
  check(log);
  await log.close();
  const again = await openLog(disk);
  check(again.log);
  await again.log.close();
  equal(disk.openFileCount, 0);
});

Deno.test("an entry whose index is there replaces it and all behind it, then and at reopening", async () => {
  const disk = new MemoryDisk();
  const { log } = await openLog(disk);
  for (let index = 1; index <= 12; index++) await log.append([entryOf(index, "x".repeat(99))]);
  await log.append([{ ...entryOf(2, "new"), term: 2 }]);
  deepEqual(textsOf(log).map((text) => text.slice(0, 5)), ["1:xxx", "2:new"]);
  await log.close();
  const again = await openLog(disk);
  deepEqual(textsOf(again.log).map((text) => text.slice(0, 5)), ["1:xxx", "2:new"]);
  equal(again.log.termOf(2, 2), 2);
  await again.log.append([{ ...entryOf(3, "next"), term: 2 }]);
  await again.log.close();
});

Deno.test("entriesOf() starts where it is told and ends where it began", async () => {
  const { log } = await openLog(new MemoryDisk());
  await log.append([entryOf(1, "a"), entryOf(2, "b"), entryOf(3, "c")]);
  const entries = log.entriesOf(2, 2);
  equal(entries.next().value?.index, 2);
  await log.append([entryOf(4, "d")]);
  equal(entries.next().value?.index, 3);
  equal(entries.next().done, true);
  equal([...log.entriesOf(2, 5)].length, 0);
  await log.close();
});

Deno.test("entriesOf() never hands out bytes that have changed since the log was opened", async () => {
  const disk = new FaultDisk();
  const { log } = await openLog(disk);
  await log.append([entryOf(1, "right")]);
  const path = "log/0000000000000001.log";
  const bytes = readAll(disk, path);
  bytes[64 + 32 + 6] ^= 1;
  const file = disk.open(path, "modify");
  file.writeSync(bytes, 0);
  file.close();
  throws(() => [...log.entriesOf(2, 1)], { code: "corruption" });
  await log.close();
});

Deno.test("append() refuses what no segment holds, and takes what just fits", async () => {
  const { log } = await openLog(new MemoryDisk());
  const largest = log.payloadSizeBytesMax;
  await rejects(log.append([entryOf(1, "x".repeat(largest + 1))]), { code: "proposal_too_large" });
  await log.append([entryOf(1, "x".repeat(largest))]);
  equal(textsOf(log)[0].length, largest + 2);
  await log.close();
  await rejects(log.append([entryOf(2, "late")]), { code: "stopped" });
});

Deno.test("a log goes on when its segments are made larger", async () => {
  const disk = new MemoryDisk();
  const small = await openLog(disk);
  await small.log.append([entryOf(1, "small")]);
  await small.log.close();
  const { log } = await openLog(disk, { segmentSizeBytes: 8_192 });
  await log.append([entryOf(2, "x".repeat(5_000))]);
  await log.close();
  const again = await openLog(disk);
  equal(textsOf(again.log).length, 2);
  await again.log.close();
});

Deno.test("FORMAT.md: the worked example of a log is what is written", async () => {
  const disk = new FaultDisk();
  const { log } = await openLog(disk);
  await log.append([
    { kind: "hardState", groupId: 2, hardState: { term: 1, vote: 1, commit: 0 } },
  ]);
  await log.append([entryOf(1, "hello")]);
  const bytes = readAll(copyOf(disk, "log"), "log/0000000000000001.log");
  const document = Deno.readTextFileSync(new URL("../../storage/FORMAT.md", import.meta.url));
  const example = document.split("<!-- log example:")[1].split("```")[1];
  const rows = [...example.matchAll(/^ *(\d+) {2}((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: {2}|$)/gm)];
  let end = 0;
  for (const [, at, hex] of rows) {
    equal(end, Number(at));
    const shown = hex.split(" ");
    deepEqual(shown, bytes.subarray(end, end + shown.length).toHex().match(/../g));
    end += shown.length;
  }
  equal(end, 176);
  await log.close();
});

Deno.test("open() makes the folder, durable in its parent", async () => {
  const disk = new FaultDisk();
  disk.createDirectory("data");
  const synced: string[] = [];
  disk.onSync = (path) => {
    synced.push(path);
  };
  const log = await NodeLog.open({
    disk,
    directory: "data/log",
    clock: new ManualClock(),
    logger: { log() {} },
    options: { segmentSizeBytes: 1_024 },
    onFatal() {},
  });
  equal(synced[0], "data");
  await log.close();
});
