import { deepEqual, equal, rejects } from "node:assert/strict";
import { DiskError, SeededRandom } from "../../storage/env/mod.ts";
import { segmentName } from "../../consensus/segment.ts";
import type { NodeLog } from "../../consensus/node_log.ts";
import { noteHighest, recoverLog } from "../../consensus/log_recovery.ts";
import {
  copyOf,
  entryOf,
  FaultDisk,
  ManualClock,
  openLog,
  readAll,
  settle,
  textsOf,
  writeAll,
} from "./log_fixture.ts";

const segment = (number: number) => `log/${segmentName(number)}`;
const corruption = { name: "ConsensusError", code: "corruption" };

/** A log of some segments; `texts` is what it holds. */
async function written(
  entryCount: number,
  end: "closed" | "killed" = "closed",
): Promise<{ disk: FaultDisk; texts: string[] }> {
  const disk = new FaultDisk();
  const { log } = await openLog(disk);
  const texts: string[] = [];
  for (let index = 1; index <= entryCount; index++) {
    texts.push(`${index}:${"x".repeat(60 + index)}`);
    await log.append([entryOf(index, texts[index - 1].slice(`${index}:`.length))]);
  }
  await settle();
  const left = end === "killed" ? copyOf(disk, "log") : disk;
  await log.close();
  return { disk: left, texts };
}

async function reopened(disk: FaultDisk): Promise<{ log: NodeLog; texts: string[] }> {
  const { log } = await openLog(disk);
  return { log, texts: textsOf(log) };
}

Deno.test("a log is found again as it was closed, over several segments", async () => {
  const { disk, texts } = await written(20);
  equal(disk.list("log").length > 2, true);
  const { log, texts: found } = await reopened(disk);
  deepEqual(found, texts);
  equal(log.statistics().tornBytes, 0);
  await log.append([entryOf(21, "more")]);
  await log.close();
  const again = await reopened(disk);
  deepEqual(again.texts, [...texts, "21:more"]);
  await again.log.close();
  equal(disk.memory.openFileCount, 0);
});

Deno.test("every flipped byte of a closed log is refused or changes nothing", async () => {
  const { disk, texts } = await written(12);
  let refusedCount = 0;
  for (const { name } of disk.list("log")) {
    const whole = readAll(disk, `log/${name}`);
    for (let at = 0; at < whole.length; at++) {
      const copy = copyOf(disk, "log");
      const bad = whole.slice();
      bad[at] ^= 1 << (at % 8);
      writeAll(copy, `log/${name}`, bad);
      try {
        const { log, texts: found } = await reopened(copy);
        deepEqual(found, texts, `${name} byte ${at}`);
        await log.close();
      } catch (error) {
        equal((error as { code?: string }).code, "corruption", `${name} byte ${at}: ${error}`);
        refusedCount++;
      }
      equal(copy.memory.openFileCount, 0);
    }
  }
  equal(refusedCount > 1_000, true, `${refusedCount} were refused`);
});

Deno.test("every other length of a segment is refused", async () => {
  const { disk } = await written(7);
  const whole = readAll(disk, segment(1));
  for (let sizeBytes = 0; sizeBytes < whole.length; sizeBytes += 7) {
    const copy = copyOf(disk, "log");
    writeAll(copy, segment(1), whole.slice(0, sizeBytes));
    await rejects(openLog(copy), corruption, `${sizeBytes} bytes`);
  }
});

Deno.test("rot in the last frame of a segment is known by the marks of the next", async () => {
  const disk = new FaultDisk();
  const { log } = await openLog(disk);
  await log.append([entryOf(1, "x".repeat(400))]);
  // Of a group of its own, so that no gap between indexes gives it away.
  await log.append([entryOf(1, "y".repeat(380), 3)]);
  await log.append([entryOf(2, "z".repeat(100))]);
  const left = copyOf(disk, "log");
  await log.close();
  const bytes = readAll(left, segment(1));
  bytes[bytes.findLastIndex((byte) => byte === "y".charCodeAt(0))] ^= 1;
  writeAll(left, segment(1), bytes);
  await rejects(openLog(left), corruption);
});

Deno.test("a missing segment is refused, and a half-made one removed", async () => {
  const { disk } = await written(20);
  const gap = copyOf(disk, "log");
  gap.remove(segment(2));
  await rejects(openLog(gap), /0000000000000002.log is missing/);
  const half = copyOf(disk, "log");
  writeAll(half, `${segment(9)}.tmp`, new Uint8Array(100));
  await (await openLog(half)).log.close();
  equal(half.exists(`${segment(9)}.tmp`), false);
});

Deno.test("a torn last frame is cut off to zeros, and what follows takes its place", async () => {
  const { disk, texts } = await written(3, "killed");
  const bytes = readAll(disk, segment(1));
  const tornAt = bytes.findLastIndex((byte) => byte !== 0);
  bytes[tornAt] ^= 1;
  writeAll(disk, segment(1), bytes);
  const { log, texts: found } = await reopened(disk);
  deepEqual(found, texts.slice(0, 2));
  equal(log.statistics().tornBytes > 90, true);
  equal(readAll(disk, segment(1)).findLastIndex((byte) => byte !== 0) < tornAt - 90, true);
  await log.append([entryOf(3, "again")]);
  await log.close();
  const again = await reopened(disk);
  deepEqual(again.texts, [...texts.slice(0, 2), "3:again"]);
  await again.log.close();
});

Deno.test("the tail above the last mark is written anew and synced before open answers", async () => {
  const { disk, texts } = await written(3, "killed");
  // As after a failed sync: readable, but nowhere on the disk.
  let rewrittenBytes = 0;
  disk.onWrite = (path, _position, sizeBytes) => {
    if (path === segment(1)) rewrittenBytes += sizeBytes;
  };
  const syncsBefore = disk.syncCount;
  const { log } = await reopened(disk);
  equal(rewrittenBytes >= 96, true);
  equal(disk.syncCount, syncsBefore + 1);
  equal(log.statistics().rewrittenBytes, rewrittenBytes);
  deepEqual(textsOf(log), texts);
  await log.close();
});

Deno.test("recoverLog() refuses an unknown format and a gap between entries", async () => {
  const { disk } = await written(2);
  const { log } = await openLog(disk);
  await rejects(log.append([entryOf(4, "gap")]));
  await log.close();
  const config = { disk, clock: new ManualClock(), directory: "log", segmentSizeBytes: 1_024 };
  await rejects(recoverLog(config), /entry 4 of group 2 follows entry 2/);
  equal(disk.memory.openFileCount, 0);
});

Deno.test("noteHighest() keeps the highest index of each group", () => {
  const highestIndexes = new Map<number, number>();
  const segment = { number: 1, file: undefined as never, sizeBytes: 0, highestIndexes };
  for (const [groupId, index] of [[1, 5], [1, 4], [2, 1]]) noteHighest(segment, groupId, index);
  deepEqual([...highestIndexes], [[1, 5], [2, 1]]);
});

Deno.test("whichever write or sync fails, what was acknowledged stays and what was refused never comes", async () => {
  const random = new SeededRandom(7);
  let failedCount = 0;
  for (let failAt = 1; failAt < 120; failAt++) {
    const disk = new FaultDisk();
    let operation = 0;
    const failOnce = (message: string) => {
      if (++operation === failAt) throw new DiskError("io", message);
    };
    const opened = await openLog(disk);
    disk.onWrite = () => failOnce("Cannot write: EIO");
    disk.onSync = () => failOnce("Cannot sync: EIO");
    const acknowledged: string[] = [];
    const unknown: string[] = [];
    for (let attempt = 0; attempt < 30; attempt++) {
      const index = acknowledged.length + 1;
      const text = `${attempt}${"x".repeat(100)}`;
      try {
        await opened.log.append([entryOf(index, text)]);
        acknowledged.push(`${index}:${text}`);
      } catch (error) {
        failedCount++;
        const { code } = error as { code: string };
        equal(["disk_full", "outcome_unknown", "stopped"].includes(code), true, code);
        if (code === "outcome_unknown") unknown.push(`${index}:${text}`);
      }
      if (attempt % 5 === 0) opened.clock.advance(60);
    }
    const left = disk.afterPowerCut("log", random);
    await opened.log.close();
    const again = await reopened(left);
    const found = again.texts.slice(0, acknowledged.length);
    deepEqual(found, acknowledged, `operation ${failAt}`);
    const more = again.texts.slice(acknowledged.length);
    equal(more.every((text) => unknown.includes(text)), true, `operation ${failAt}: ${more}`);
    await again.log.close();
  }
  equal(failedCount > 60, true, `${failedCount} appends failed`);
});

Deno.test("after a power cut at any moment every acknowledged entry is there, in order", async () => {
  const seed = Number(Deno.env.get("SEED") ?? 4_711);
  const random = new SeededRandom(seed);
  for (let round = 0; round < 300; round++) {
    let disk = new FaultDisk();
    let acknowledged = 0;
    let proposed = 0;
    for (let life = 0; life < 3; life++) {
      const { log, clock } = await openLog(disk);
      const found = textsOf(log);
      const why = `SEED=${seed} deno test -A tests/consensus/log_recovery_test.ts, round ${round}`;
      equal(found.length >= acknowledged && found.length <= proposed, true, why);
      found.forEach((text, at) => equal(text.startsWith(`${at + 1}:`), true, why));
      proposed = acknowledged = found.length;
      const cutAt = 1 + random.below(25);
      for (let step = 0; step < cutAt; step++) {
        const index = ++proposed;
        const text = String.fromCharCode(97 + random.below(26)).repeat(random.below(300));
        const durable = log.append([entryOf(index, text)]).then(() => acknowledged = index);
        if (step < cutAt - 1) await durable;
        else durable.catch(() => {});
        if (random.below(4) === 0) clock.advance(60);
      }
      const left = disk.afterPowerCut("log", random);
      const kept = acknowledged;
      await log.close();
      disk = left;
      acknowledged = kept;
    }
  }
});
