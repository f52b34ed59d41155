import { deepEqual, equal, notDeepEqual, ok, rejects, throws } from "node:assert/strict";
import { DiskError, InvariantError, SeededRandom } from "../../storage/env/mod.ts";
import { diskSuite } from "../suites/disk_suite.ts";
import { crashed, damageName, damages, processKill } from "./disk_damage.ts";
import type { BytesDamage, NamesDamage } from "./disk_damage.ts";
import { FaultPlan } from "./disk_faults.ts";
import { DiskImage } from "./disk_image.ts";
import { PowerLossError, Scheduler } from "./scheduler.ts";
import { SimClock } from "./sim_clock.ts";
import { SimDisk } from "./sim_disk.ts";

diskSuite("SimDisk", () => {
  const disk = new SimDisk();
  disk.createDirectory("/data");
  return { disk, root: "/data", done() {} };
});

const text = (value: string) => new TextEncoder().encode(value);

/** Returns what each file holds, by its path. */
function contents(image: DiskImage): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { path, file } of image.files()) {
    found[path] = new TextDecoder().decode(file.current.view());
  }
  return found;
}

function crash(disk: SimDisk, bytes: BytesDamage, names: NamesDamage, seed = 1) {
  const random = new SeededRandom(seed);
  return contents(crashed(disk.image, { damage: { bytes, names }, random }));
}

/** A disk with `/d/a` holding "old", all durable. */
async function settled(disk = new SimDisk()): Promise<SimDisk> {
  disk.createDirectory("/d");
  await disk.syncDirectory("/");
  const file = disk.open("/d/a", "create");
  file.writeSync(text("old"), 0);
  await file.sync();
  file.close();
  await disk.syncDirectory("/d");
  return disk;
}

Deno.test("SimDisk loses bytes that no sync covered, and keeps those that one did", async () => {
  const disk = await settled();
  const file = disk.open("/d/a", "modify");
  file.writeSync(text("new!"), 0);
  deepEqual(crash(disk, "dropped", "kept"), { "/d/a": "old" });
  deepEqual(crash(disk, "kept", "kept"), { "/d/a": "new!" });
  await file.sync();
  for (const damage of damages) {
    const random = new SeededRandom(3);
    deepEqual(contents(crashed(disk.image, { damage, random })), { "/d/a": "new!" });
  }
});

Deno.test("SimDisk makes durable only what was written before the sync began", async () => {
  const scheduler = new Scheduler();
  const clock = new SimClock(scheduler);
  const disk = new SimDisk(new DiskImage(), { clock, latencyMs: () => 5 });
  disk.createDirectory("/d");
  await scheduler.until(disk.syncDirectory("/"));
  const file = disk.open("/d/a", "create");
  await scheduler.until(disk.syncDirectory("/d"));
  file.writeSync(text("first"), 0);
  const syncing = file.sync();
  file.writeSync(text("second"), 5);
  deepEqual(crash(disk, "dropped", "kept"), { "/d/a": "" }, "not before it has resolved");
  await scheduler.until(syncing);
  deepEqual(crash(disk, "dropped", "kept"), { "/d/a": "first" });
});

Deno.test("SimDisk loses names without a sync of their folder", async () => {
  const disk = await settled();
  const file = disk.open("/d/b", "create");
  file.writeSync(text("b"), 0);
  await file.sync();
  disk.rename("/d/a", "/d/c");
  deepEqual(crash(disk, "dropped", "dropped"), { "/d/a": "old" });
  deepEqual(crash(disk, "dropped", "kept"), { "/d/b": "b", "/d/c": "old" });
  const seen = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    seen.add(Object.keys(crash(disk, "dropped", "subset", seed)).join());
  }
  deepEqual([...seen].toSorted(), ["/d/a", "/d/a,/d/b", "/d/b,/d/c", "/d/c"]);
  const prefixes = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    prefixes.add(Object.keys(crash(disk, "dropped", "prefix", seed)).join());
  }
  deepEqual([...prefixes].toSorted(), ["/d/a", "/d/a,/d/b", "/d/b,/d/c"]);
  await disk.syncDirectory("/d");
  deepEqual(crash(disk, "dropped", "dropped"), { "/d/b": "b", "/d/c": "old" });
});

Deno.test("SimDisk keeps a removed or replaced file until its folder is synced", async () => {
  const disk = await settled();
  disk.remove("/d/a");
  deepEqual(crash(disk, "dropped", "dropped"), { "/d/a": "old" });
  deepEqual(crash(disk, "dropped", "kept"), {});
  await disk.syncDirectory("/d");
  deepEqual(crash(disk, "dropped", "dropped"), {});
});

Deno.test("SimDisk loses a folder with all in it where its own name was not synced", async () => {
  const disk = await settled();
  disk.createDirectory("/d/sub");
  const file = disk.open("/d/sub/x", "create");
  await file.sync();
  await disk.syncDirectory("/d/sub");
  deepEqual(crash(disk, "dropped", "dropped"), { "/d/a": "old" });
  await disk.syncDirectory("/d");
  deepEqual(crash(disk, "dropped", "dropped"), { "/d/a": "old", "/d/sub/x": "" });
});

Deno.test("a sync that failed covers nothing, nor does one after it", async () => {
  const faults = new FaultPlan();
  const disk = await settled(new SimDisk(new DiskImage(), { faults }));
  const file = disk.open("/d/a", "modify");
  file.writeSync(text("new"), 0);
  faults.add({ kinds: ["sync"] });
  await rejects(file.sync(), DiskError);
  await file.sync();
  deepEqual(crash(disk, "dropped", "dropped"), { "/d/a": "old" });
  file.writeSync(text("NEW"), 3);
  await file.sync();
  deepEqual(crash(disk, "dropped", "dropped"), { "/d/a": "oldNEW" });
});

Deno.test("what a failed sync has left in memory is gone where it was written over and synced", async () => {
  const disk = await settled();
  const file = disk.open("/d/a", "modify");
  file.writeSync(text("abcdefgh"), 0);
  disk.faults.add({ kinds: ["sync"] });
  await rejects(file.sync(), DiskError);
  file.writeSync(text("XY"), 3);
  await file.sync();
  deepEqual(crash(disk, "kept", "kept"), { "/d/a": "abcXYfgh" });
  deepEqual(crash(disk, "dropped", "kept"), { "/d/a": "oldXY" });
  for (let seed = 0; seed < 20; seed++) {
    const found = crash(disk, "reordered", "kept", seed)["/d/a"];
    ok(found.slice(3, 5) === "XY", found);
  }
});

Deno.test("a sync of a folder that failed makes no name durable", async () => {
  const disk = await settled();
  await disk.open("/d/b", "create").sync();
  disk.faults.add({ kinds: ["sync_directory"] });
  await rejects(disk.syncDirectory("/d"), DiskError);
  deepEqual(Object.keys(crash(disk, "kept", "dropped")), ["/d/a"]);
});

Deno.test("every kind of damage leaves whole what is durable beside it", async () => {
  const disk = await settled();
  const file = disk.open("/d/a", "modify");
  const random = new SeededRandom(5);
  for (let write = 0; write < 6; write++) file.writeSync(random.bytes(400), 3 + write * 400);
  const kept = contents(crashed(disk.image, { damage: processKill, random }))["/d/a"];
  for (const damage of damages.slice(1)) {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const found = contents(crashed(disk.image, { damage, random: new SeededRandom(seed) }));
      ok(found["/d/a"].startsWith("old"), damageName(damage));
      outcomes.add(found["/d/a"]);
    }
    ok(damage.bytes === "dropped" || outcomes.size > 5, damageName(damage));
    ok(!outcomes.has(kept) || damage.bytes === "torn", damageName(damage));
  }
  equal(contents(disk.image)["/d/a"], kept, "the image itself stays as it is");
});

Deno.test("an image that follows the changes goes through the same states", async () => {
  const disk = await settled(new SimDisk(new DiskImage(), { keepChanges: true }));
  disk.rename("/d/a", "/d/b");
  const file = disk.open("/d/b", "modify");
  file.writeSync(text("longer"), 1);
  file.truncate(4);
  disk.createDirectory("/d/sub");
  await disk.syncDirectory("/d");
  disk.removeDirectory("/d/sub");
  const follower = new DiskImage();
  for (const change of disk.changes) follower.apply(change);
  deepEqual(contents(follower), { "/d/b": "olon" });
  for (const damage of damages) {
    const seen = crashed(follower, { damage, random: new SeededRandom(6) });
    const want = crashed(disk.image, { damage, random: new SeededRandom(6) });
    deepEqual(contents(seen), contents(want));
  }
});

Deno.test("an image and what a crash made of it do not share later writes", async () => {
  const disk = await settled();
  const after = crashed(disk.image, { damage: processKill, random: new SeededRandom(1) });
  const file = disk.open("/d/a", "modify");
  file.writeSync(text("X"), 0);
  const other = new SimDisk(after).open("/d/a", "modify");
  other.writeSync(text("Y"), 1);
  deepEqual([contents(disk.image), contents(after)], [{ "/d/a": "Xld" }, { "/d/a": "oYd" }]);
});

Deno.test("a fault hits the operation it names, once or for ever", async () => {
  const faults = new FaultPlan();
  const disk = await settled(new SimDisk(new DiskImage(), { faults }));
  const file = disk.open("/d/a", "modify");
  faults.add({ kinds: ["write"], skipCount: 1, code: "disk_full" });
  file.writeSync(text("12345678"), 0);
  const isFull = (error: unknown) => error instanceof DiskError && error.code === "disk_full";
  throws(() => file.writeSync(text("abcdefgh"), 0), isFull);
  file.writeSync(text("x"), 8);
  faults.add({ path: /b$/, times: Infinity });
  throws(() => disk.open("/d/b", "create"), DiskError);
  throws(() => disk.open("/d/b", "create"), DiskError);
  faults.clear();
  disk.open("/d/b", "create").close();
  deepEqual(Object.fromEntries(faults.hitCounts), {
    "write fail disk_full": 1,
    "create fail io": 2,
  });
});

Deno.test("a write that fails may have written a part", async () => {
  const lengths = new Set<number>();
  for (let skip = 0; skip < 12; skip++) {
    const disk = await settled(new SimDisk(new DiskImage(), { faults: new FaultPlan() }));
    const file = disk.open("/d/a", "modify");
    disk.faults.add({ kinds: ["write"], skipCount: skip });
    for (let write = 0; write < skip; write++) file.writeSync(text("old"), 0);
    throws(() => file.writeSync(new Uint8Array(20), 3), DiskError);
    lengths.add(file.sizeBytes());
  }
  ok(lengths.size > 5, [...lengths].join());
});

Deno.test("a flipped read differs by one bit and leaves the file alone", async () => {
  const disk = await settled();
  disk.faults.add({ effect: "flip" });
  const file = disk.open("/d/a", "read");
  const target = new Uint8Array(3);
  file.readSync(target, 0);
  notDeepEqual(target, text("old"));
  let flipped = 0;
  for (const [index, byte] of text("old").entries()) {
    for (let bit = 0; bit < 8; bit++) if ((byte ^ target[index]) & (1 << bit)) flipped++;
  }
  equal(flipped, 1);
  file.readSync(target, 0);
  deepEqual(target, text("old"));
});

Deno.test("a full disk takes what fits, and more once there is room", async () => {
  const disk = await settled();
  disk.capacityBytes = 1_024;
  const file = disk.open("/d/b", "create");
  throws(() => file.writeSync(new Uint8Array(2_000), 0), /no room/);
  equal(disk.freeSpaceBytes("/d"), 0);
  file.writeSync(new Uint8Array(100), 0);
  file.truncate(4_000);
  throws(() => file.writeSync(new Uint8Array(1), 3_999), /no room/, "a hole reserves nothing");
  disk.remove("/d/a");
  disk.capacityBytes = 10_000;
  file.writeSync(new Uint8Array(2_000), 0);
});

Deno.test("a frozen disk throws, and leaves what was in flight for ever", async () => {
  const scheduler = new Scheduler();
  const clock = new SimClock(scheduler);
  const disk = new SimDisk(new DiskImage(), { clock, latencyMs: () => 1 });
  disk.createDirectory("/d");
  const file = disk.open("/d/a", "create");
  let isSettled = false;
  const mark = () => {
    isSettled = true;
  };
  file.sync().then(mark, mark);
  disk.freeze();
  await scheduler.run(10);
  equal(isSettled, false);
  throws(() => file.writeSync(text("x"), 0), PowerLossError);
  throws(() => disk.exists("/d"), PowerLossError);
  await rejects(file.sync(), PowerLossError);
});

Deno.test("a hook may stop the world in front of any operation", async () => {
  const disk: SimDisk = new SimDisk(new DiskImage(), {
    keepTrace: true,
    onOperation: ({ kind }) => {
      if (kind === "sync") disk.freeze();
    },
  });
  await rejects(settled(disk), PowerLossError);
  deepEqual(disk.trace.map((line) => line.split(" ")[1]), [
    "create_directory",
    "sync_directory",
    "create",
    "write",
    "sync",
  ]);
});

Deno.test("SimDisk notices bytes that change while they are written", async () => {
  const scheduler = new Scheduler();
  const clock = new SimClock(scheduler);
  const disk = new SimDisk(new DiskImage(), { clock, latencyMs: () => 1 });
  disk.createDirectory("/d");
  const file = disk.open("/d/a", "create");
  const source = text("abc");
  const writing = file.write(source, 0);
  source[1] = 0;
  await rejects(scheduler.until(writing), InvariantError);
});

Deno.test("a forked image forgets at a crash what its original would", async () => {
  const disk = await settled();
  disk.rename("/d/a", "/d/b");
  const file = disk.open("/d/b", "modify");
  file.writeSync(text("new"), 0);
  const fork = new SimDisk(disk.image.fork());
  deepEqual(contents(fork.image), { "/d/b": "new" });
  ok(fork.image.hasPending());
  deepEqual(crash(fork, "dropped", "dropped"), { "/d/a": "old" });
  await fork.open("/d/b", "modify").sync();
  await fork.syncDirectory("/d");
  equal(fork.image.hasPending(), false);
  deepEqual(crash(fork, "dropped", "dropped"), { "/d/b": "new" });
  deepEqual(crash(disk, "dropped", "dropped"), { "/d/a": "old" });
});
