import { deepEqual, equal, rejects } from "node:assert/strict";
import { MemoryDisk } from "../../storage/env/mod.ts";
import { StorageError } from "../../storage/log/mod.ts";
import { raftGroupOptions } from "../../consensus/group_options.ts";
import { replayGroup } from "../../consensus/group_replay.ts";
import type { OpenedLog } from "./log_fixture.ts";
import { entryOf, openLog, TextMachine } from "./log_fixture.ts";

const options = raftGroupOptions({ nodeId: 5 });

/** A log whose entries 1 to `count` hold one command each. */
async function logOf(count: number): Promise<OpenedLog> {
  const opened = await openLog(new MemoryDisk(), { segmentSizeBytes: 4_096 });
  const hardState = { term: 2, vote: 5, commit: 0 };
  if (count > 0) await opened.log.append([{ kind: "hardState", groupId: 2, hardState }]);
  for (let index = 1; index <= count; index++) {
    const text = `\0\0\0\x01\x05\0\0\0text${index}`;
    await opened.log.append([{ ...entryOf(index, text), term: 2 }]);
  }
  return opened;
}

Deno.test("replayGroup() makes the hard state of a new group durable", async () => {
  const { log, clock } = await logOf(0);
  const machine = new TextMachine();
  deepEqual(await replayGroup({ groupId: 2, log, machine, clock }, options), {
    term: 1,
    replayedCount: 0,
  });
  deepEqual(log.hardStateOf(2), { term: 1, vote: 5, commit: 0 });
  await log.close();
});

Deno.test("replayGroup() applies in order what the machine lacks, and no more", async () => {
  const { log, clock } = await logOf(6);
  const machine = new TextMachine();
  machine.appliedIndex = 4;
  let admissionCount = 0;
  machine.onAdmission = () => ++admissionCount === 1 ? clock.yield() : undefined;
  const found = await replayGroup({ groupId: 2, log, machine, clock }, options);
  deepEqual(found, { term: 2, replayedCount: 2 });
  deepEqual([machine.texts, machine.appliedIndex], [["text5", "text6"], 6]);
  equal(admissionCount, 2);
  await log.close();
});

Deno.test("replayGroup() lets others run in a long replay", async () => {
  const { log, clock } = await logOf(6);
  const machine = new TextMachine();
  machine.onApply = () => clock.advance(3);
  let yieldCount = 0;
  const yieldOf = clock.yield.bind(clock);
  clock.yield = () => {
    yieldCount++;
    return yieldOf();
  };
  await replayGroup({ groupId: 2, log, machine, clock }, options);
  equal(yieldCount, 3);
  await log.close();
});

Deno.test("replayGroup() says disk_full where the machine has no room", async () => {
  const { log, clock } = await logOf(1);
  const machine = new TextMachine();
  machine.onAdmission = () => Promise.reject(new StorageError("disk_full", "Cannot flush"));
  await rejects(replayGroup({ groupId: 2, log, machine, clock }, options), { code: "disk_full" });
  await log.close();
});

Deno.test("replayGroup() goes on where damage keeps new writes out", async () => {
  const { log, clock } = await logOf(2);
  const machine = new TextMachine();
  machine.onAdmission = () => Promise.reject(new StorageError("corruption", "Cannot merge"));
  const found = await replayGroup({ groupId: 2, log, machine, clock }, options);
  deepEqual([found.replayedCount, machine.appliedIndex], [2, 2]);
  await log.close();
});

const strangers = [
  { name: "a machine ahead of the log", count: 3, appliedIndex: 4, commit: 0 },
  { name: "a machine with data and an empty log", count: 0, appliedIndex: 1, commit: 0 },
  { name: "a log that lost what was committed", count: 3, appliedIndex: 2, commit: 4 },
];
for (const { name, count, appliedIndex, commit } of strangers) {
  Deno.test(`replayGroup() refuses ${name}`, async () => {
    const { log, clock } = await logOf(count);
    if (commit > 0) {
      const hardState = { term: 2, vote: 5, commit };
      await log.append([{ kind: "hardState", groupId: 2, hardState }]);
    }
    const machine = new TextMachine();
    machine.appliedIndex = appliedIndex;
    const replay = replayGroup({ groupId: 2, log, machine, clock }, options);
    await rejects(replay, { code: "corruption" });
    await log.close();
  });
}

Deno.test("replayGroup() refuses a log that begins behind what the machine has", async () => {
  const { log, clock } = await openLog(new MemoryDisk());
  const hardState = { term: 2, vote: 5, commit: 0 };
  await log.append([{ kind: "hardState", groupId: 2, hardState }, entryOf(5, "x")]);
  const machine = new TextMachine();
  machine.appliedIndex = 3;
  const replay = replayGroup({ groupId: 2, log, machine, clock }, options);
  await rejects(replay, /begins at 5/);
  await log.close();
});
