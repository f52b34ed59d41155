import { deepEqual, equal, rejects } from "node:assert/strict";
import { DiskError, silentLogger } from "../../storage/env/mod.ts";
import { StorageError } from "../../storage/log/mod.ts";
import type { RaftGroupOptions } from "../../consensus/mod.ts";
import { RaftGroup } from "../../consensus/mod.ts";
import type { ManualClock } from "./log_fixture.ts";
import { FaultDisk, openLog, settle, TextMachine } from "./log_fixture.ts";

interface Opened {
  readonly disk: FaultDisk;
  readonly clock: ManualClock;
  readonly machine: TextMachine;
  readonly group: RaftGroup<string>;
  readonly fatal: unknown[];
  readonly logFatal: unknown[];
  propose(text: string, deadlineMs?: number): Promise<string>;
  close(): Promise<void>;
}

async function open(
  options: Partial<RaftGroupOptions> = {},
  disk: FaultDisk = new FaultDisk(),
  machine: TextMachine = new TextMachine(),
): Promise<Opened> {
  const { log, clock, fatal: logFatal } = await openLog(disk, { segmentSizeBytes: 16_384 });
  const fatal: unknown[] = [];
  const group = await RaftGroup.open<string>({
    groupId: 2,
    log,
    machine,
    clock,
    logger: silentLogger,
    options,
    onFatal: (error) => fatal.push(error),
  });
  return {
    disk,
    clock,
    machine,
    group,
    fatal,
    logFatal,
    propose: (text, deadlineMs = Infinity) =>
      group.propose((out) => out.latin1(text), { deadlineMs }),
    close: async () => {
      await group.close();
      await log.close();
      deepEqual([clock.timerCount, disk.memory.openFileCount], [0, 0]);
    },
  };
}

/** Makes the next syncs wait until the gate is opened. */
function gateSyncs(disk: FaultDisk): () => void {
  const gate = Promise.withResolvers<void>();
  disk.onSync = () => gate.promise;
  return () => {
    disk.onSync = () => {};
    gate.resolve();
  };
}

Deno.test("all proposals of one turn share an entry and one sync, each with its result", async () => {
  const { disk, machine, propose, close } = await open();
  const syncsBefore = disk.syncCount;
  deepEqual(await Promise.all(["a", "b", "c"].map((text) => propose(text))), ["1:a", "2:b", "3:c"]);
  deepEqual([disk.syncCount - syncsBefore, machine.batchSizes], [1, [3]]);
  await close();
});

Deno.test("proposals gather while an entry is in flight, and none is applied before its sync", async () => {
  const { disk, machine, propose, close } = await open();
  const openGate = gateSyncs(disk);
  const first = propose("a");
  await settle();
  const others = [propose("b"), propose("c")];
  await settle();
  deepEqual(machine.texts, []);
  openGate();
  deepEqual([await first, ...await Promise.all(others)], ["1:a", "2:b", "3:c"]);
  deepEqual(machine.batchSizes, [1, 2]);
  await close();
});

Deno.test("the next entry is on its way to the disk before the one before is applied", async () => {
  const { disk, machine, propose, close } = await open();
  const openGate = gateSyncs(disk);
  const events: string[] = [];
  const first = propose("a");
  await settle();
  const second = propose("b");
  disk.onWrite = () => {
    events.push("write");
  };
  machine.onApply = ({ index }) => {
    events.push(`apply ${index}`);
  };
  openGate();
  await Promise.all([first, second]);
  deepEqual(events, ["write", "apply 1", "apply 2"]);
  await close();
});

Deno.test("the hard state is durable before the first entry", async () => {
  const disk = new FaultDisk();
  disk.onSync = (path) => {
    if (path.endsWith("1.log")) throw new DiskError("io", "Cannot sync: EIO");
  };
  await rejects(open({}, disk), { code: "outcome_unknown" });
});

Deno.test("what was acknowledged is applied again at the next open, and indexes go on", async () => {
  const { disk, propose, close } = await open();
  await Promise.all([propose("a"), propose("b")]);
  await propose("c");
  await close();
  const again = await open({}, disk);
  deepEqual(again.machine.texts, ["a", "b", "c"]);
  equal(again.group.statistics().replayedCount, 2);
  equal(await again.propose("d"), "4:d");
  equal(again.machine.appliedIndex, 3);
  await again.close();
});

Deno.test("an entry closes at its size, one larger command goes alone, and too large is refused", async () => {
  const { machine, propose, close } = await open({
    entrySizeBytesMax: 100,
    proposalSizeBytesMax: 1_000,
  });
  const texts = ["x".repeat(40), "y".repeat(40), "z".repeat(40), "L".repeat(500), "s", "t"];
  await Promise.all(texts.map((text) => propose(text)));
  deepEqual(machine.texts, texts);
  deepEqual(machine.batchSizes, [2, 1, 1, 2]);
  await rejects(propose("!".repeat(1_000)), { code: "proposal_too_large" });
  await rejects(propose("!".repeat(20_000)), { code: "proposal_too_large" });
  equal(machine.texts.length, 6);
  await close();
});

Deno.test("too much that waits is refused as overloaded, and taken again once there is room", async () => {
  const { disk, group, propose, close } = await open({ waitingSizeBytesMax: 1_000 });
  const openGate = gateSyncs(disk);
  const taken = [propose("a".repeat(400))];
  await settle();
  taken.push(propose("b".repeat(300)));
  await rejects(propose("c".repeat(400)), { code: "overloaded" });
  openGate();
  await Promise.all(taken);
  await propose("c".repeat(400));
  await settle();
  deepEqual([group.statistics().waitingBytes, group.statistics().refusedCount], [0, 1]);
  await close();
});

Deno.test("a deadline: taken back while it gathers, unknown once it is handed to the log", async () => {
  const { disk, clock, group, machine, propose, close } = await open();
  const openGate = gateSyncs(disk);
  const handed = propose("handed", 10);
  const patient = propose("patient");
  await settle();
  const gathering = propose("gathering", 10);
  const alsoPatient = propose("also patient");
  const answers = [
    rejects(handed, { code: "outcome_unknown" }),
    rejects(gathering, { code: "deadline_exceeded" }),
  ];
  clock.advance(60);
  await Promise.all(answers);
  openGate();
  deepEqual(await Promise.all([patient, alsoPatient]), ["2:patient", "3:also patient"]);
  deepEqual(machine.texts, ["handed", "patient", "also patient"]);
  await settle();
  equal(group.statistics().waitingBytes, 0);
  await close();
});

Deno.test("a batch whose proposals are all too late makes no entry", async () => {
  const { clock, machine, propose, close } = await open();
  const late = rejects(propose("late", 5), { code: "deadline_exceeded" });
  clock.advance(10);
  await late;
  equal(await propose("next"), "1:next");
  equal(machine.appliedIndex, 1);
  await close();
});

Deno.test("the group waits for the machine before it closes a batch", async () => {
  const { machine, propose, close } = await open();
  const admission = Promise.withResolvers<void>();
  machine.onAdmission = () => admission.promise;
  const waiting = [propose("a")];
  await settle();
  waiting.push(propose("b"));
  deepEqual(machine.texts, []);
  machine.onAdmission = () => undefined;
  admission.resolve();
  await Promise.all(waiting);
  deepEqual(machine.batchSizes, [2]);
  await close();
});

Deno.test("a machine that slows every batch holds none of them for ever", async () => {
  const { machine, propose, close } = await open();
  let pauseCount = 0;
  machine.onAdmission = () => {
    pauseCount++;
    return Promise.resolve();
  };
  equal(await propose("a"), "1:a");
  equal(await propose("b"), "2:b");
  deepEqual([machine.batchSizes, pauseCount], [[1, 1], 2]);
  await close();
});

for (
  const { name, refuse } of [
    {
      name: "thrown",
      refuse: (error: Error) => {
        throw error;
      },
    },
    { name: "rejected", refuse: (error: Error) => Promise.reject(error) },
  ]
) {
  Deno.test(`disk_full ${name} by the machine refuses what gathers, until there is room`, async () => {
    const { machine, fatal, propose, close } = await open();
    machine.onAdmission = () => refuse(new StorageError("disk_full", "Cannot flush: full"));
    const refused = ["a", "b"].map((text) => rejects(propose(text), { code: "disk_full" }));
    await Promise.all(refused);
    machine.onAdmission = () => undefined;
    equal(await propose("c"), "1:c");
    deepEqual(fatal, []);
    await close();
  });
}

for (const code of ["io", "corruption"] as const) {
  Deno.test(`${code} of the machine refuses writes, and does not end the process`, async () => {
    const { machine, fatal, propose, close } = await open();
    machine.onAdmission = () => Promise.reject(new StorageError(code, "Cannot merge: planned"));
    await rejects(propose("a"), { code: "machine_failed" });
    await rejects(propose("b"), { code: "machine_failed" });
    machine.onAdmission = () => undefined;
    equal(await propose("c"), "1:c");
    deepEqual(fatal, []);
    await close();
  });
}

Deno.test("upkeep passes a machine that refuses all else, in entries of its own", async () => {
  const { group, machine, propose, fatal, close } = await open();
  const upkeep = (text: string) =>
    group.propose((out) => out.latin1(text), { deadlineMs: Infinity, isUpkeep: true });
  machine.onAdmission = () => {
    throw new StorageError("disk_full", "Cannot write: no space left");
  };
  const results = await Promise.allSettled([propose("a"), upkeep("up"), propose("b")]);
  deepEqual(results.map(({ status }) => status), ["rejected", "fulfilled", "rejected"]);
  const admission = Promise.withResolvers<void>();
  machine.onAdmission = () => admission.promise;
  const held = propose("c");
  await settle();
  await upkeep("up again");
  deepEqual(machine.texts, ["up", "up again"]);
  const others = [propose("d"), upkeep("once more")];
  machine.onAdmission = () => undefined;
  admission.resolve();
  await Promise.all([held, ...others]);
  deepEqual(machine.texts.slice(2).sort(), ["c", "d", "once more"]);
  deepEqual(fatal, []);
  await close();
});

Deno.test("another failure of the machine's admission is fatal", async () => {
  const { machine, fatal, propose, close } = await open();
  machine.onAdmission = () => Promise.reject(new StorageError("sync_failed", "Cannot sync"));
  await rejects(propose("a"), { code: "stopped" });
  equal(fatal.length, 1);
  await close();
});

Deno.test("disk_full of the log uses up no index", async () => {
  const { disk, machine, propose, close } = await open();
  let failures = 1;
  disk.onWrite = () => {
    if (failures-- > 0) throw new DiskError("disk_full", "Cannot write: full");
  };
  await rejects(propose("a"), { code: "disk_full" });
  deepEqual(machine.steps, ["seal", "abandon"]);
  equal(await propose("b"), "1:b");
  equal(machine.appliedIndex, 1);
  deepEqual(machine.steps.slice(2), ["seal", "apply"]);
  await close();
  const again = await open({}, disk);
  deepEqual(again.machine.texts, ["b"]);
  await again.close();
});

Deno.test("a failed sync acknowledges nothing, applies nothing, and stops the group", async () => {
  const { disk, machine, group, logFatal, propose, close } = await open();
  const gate = Promise.withResolvers<void>();
  disk.onSync = () => gate.promise;
  const handed = rejects(propose("handed"), { code: "outcome_unknown" });
  await settle();
  const gathering = rejects(propose("gathering"), { code: "stopped" });
  gate.reject(new DiskError("io", "Cannot sync: EIO"));
  await Promise.all([handed, gathering]);
  await rejects(propose("late"), { code: "stopped" });
  deepEqual([machine.texts, group.isLeader, logFatal.length], [[], false, 1]);
  // The log may hold the entry: it is not given up, and nothing comes behind it.
  deepEqual(machine.steps, ["seal"]);
  await close();
});

Deno.test("apply that throws is fatal once, and nothing is applied after it", async () => {
  const { disk, machine, fatal, propose, close } = await open();
  machine.onApply = ({ index }) => {
    if (index === 2) throw new Error("not deterministic");
  };
  await propose("a");
  const openGate = gateSyncs(disk);
  const second = rejects(propose("b"), { code: "outcome_unknown" });
  await settle();
  const third = rejects(propose("c"), { code: "outcome_unknown" });
  openGate();
  await Promise.all([second, third]);
  await rejects(propose("d"), { code: "stopped" });
  deepEqual([fatal.length, machine.texts], [1, ["a"]]);
  await close();
});

Deno.test("a wrong number of results is fatal", async () => {
  const { machine, fatal, propose, close } = await open();
  const apply = machine.apply.bind(machine);
  machine.apply = (entry) => apply(entry).slice(1);
  await rejects(propose("a"), { code: "outcome_unknown" });
  equal(fatal.length, 1);
  await close();
});

Deno.test("close() refuses what gathers, and waits for what the log has", async () => {
  const { disk, machine, group, propose, close } = await open();
  const openGate = gateSyncs(disk);
  const handed = propose("handed");
  await settle();
  const gathering = rejects(propose("gathering"), { code: "stopped" });
  let isClosed = false;
  const closing = group.close().then(() => isClosed = true);
  await gathering;
  await settle();
  equal(isClosed, false);
  openGate();
  equal(await handed, "1:handed");
  await closing;
  deepEqual(machine.texts, ["handed"]);
  await rejects(propose("late"), { code: "stopped" });
  await close();
});

Deno.test("the log is truncated up to what the machine has made durable", async () => {
  const { disk, machine, propose, close } = await open();
  const text = "x".repeat(3_000);
  for (let round = 0; round < 12; round++) {
    await propose(text);
    if (round % 4 === 3) await machine.flush();
  }
  await propose("last");
  await settle();
  equal(disk.exists("log/0000000000000001.log"), false);
  await close();
  // The machine stands at its last flush, and the log holds all that is above.
  const flushed = new TextMachine();
  flushed.appliedIndex = flushed.durableIndex = machine.durableIndex;
  const again = await open({}, disk, flushed);
  deepEqual(flushed.texts, ["last"]);
  await again.close();
});
