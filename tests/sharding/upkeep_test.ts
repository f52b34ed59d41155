import { deepEqual, equal } from "node:assert/strict";
import type { Command } from "../../sharding/database.ts";
import { ShardError } from "../../sharding/errors.ts";
import { type Horizons, StorageError } from "../../storage/mod.ts";
import { putLiving } from "./applied_store.ts";
import { putText, transaction } from "./entry_building.ts";
import { KeptReplica, settle, upkeepMs } from "./kept_replica.ts";

function indexEntries({ engine, replica }: KeptReplica): number {
  const start = replica.expiryPosition;
  return engine.dump("e").filter((line) => line >= start).length;
}

Deno.test("Upkeep removes a key when its time has passed, and proposes nothing before", async () => {
  const kept = await KeptReplica.started();
  kept.run(putLiving("a", "", 700_000));
  await kept.pass(699);
  deepEqual(kept.takeKinds(), []);
  await kept.pass(1);
  deepEqual(kept.takeKinds(), ["expire"]);
  equal(kept.engine.dump("k").length, 2);
  await kept.pass(2_000);
  deepEqual(kept.takeKinds(), []);
  await kept.upkeep.stop();
});

Deno.test("Upkeep waits for what expires first, whatever was written first", async () => {
  const kept = await KeptReplica.started();
  kept.run(putLiving("a", "", 900_000));
  kept.run(putLiving("b", "", 300_000), putLiving("c", "", 600_000));
  await kept.pass(299);
  deepEqual(kept.takeKinds(), []);
  await kept.pass(3);
  deepEqual(kept.takeKinds(), ["expire"]);
  await kept.pass(297);
  deepEqual(kept.takeKinds(), []);
  await kept.pass(3);
  deepEqual(kept.takeKinds(), ["expire"]);
  await kept.upkeep.stop();
});

Deno.test("Upkeep looks at the clock every second, which may have jumped", async () => {
  const kept = await KeptReplica.started();
  kept.run(putLiving("a", "", 60_000_000));
  equal(kept.clock.timerCount, 2);
  await kept.pass(3_000);
  deepEqual(kept.takeKinds(), []);
  const wallMicros = kept.clock.wallMicros.bind(kept.clock);
  kept.clock.wallMicros = () => wallMicros() + 100_000_000;
  await kept.pass(1_000);
  deepEqual(kept.takeKinds(), ["expire"]);
  await kept.upkeep.stop();
});

Deno.test("Upkeep finds what expires first in the tree that it begins with", async () => {
  const before = new KeptReplica();
  before.run(putLiving("a", "", 500_000), putLiving("b", "", 300_000));
  const kept = new KeptReplica(before.clock, before.engine);
  kept.upkeep.start();
  await kept.pass(299);
  deepEqual(kept.takeKinds(), []);
  await kept.pass(3);
  deepEqual(kept.takeKinds(), ["expire"]);
  await kept.upkeep.stop();
});

/** Puts so many keys at one version that live for ten milliseconds. */
function manyLiving(length: number): Command {
  const value = { bytes: new Uint8Array(0), contentType: "a/b", ttlMicros: 10_000 };
  const mutations = Array.from({ length }, (_, index) => ({
    op: "set" as const,
    key: String(index),
    value,
  }));
  return transaction({ mutations });
}

Deno.test("Upkeep removes many keys in small commands", async () => {
  const kept = await KeptReplica.started();
  kept.run(manyLiving(300));
  await kept.pass(11);
  deepEqual(kept.takeKinds(), ["expire", "expire", "expire"]);
  deepEqual([kept.upkeep.countDue(), kept.replica.counts.expired_key], [0, 300]);
  await kept.pass(1_000);
  deepEqual(kept.takeKinds(), []);
  await kept.upkeep.stop();
});

Deno.test("Upkeep leaves others most of the time, where there are others", async () => {
  const kept = await KeptReplica.started();
  kept.run(manyLiving(300));
  kept.onPropose = () => void kept.run(putText("other", ""));
  await kept.pass(11);
  deepEqual(kept.takeKinds(), ["expire"]);
  await kept.pass(8);
  deepEqual(kept.takeKinds(), []);
  await kept.pass(3);
  deepEqual(kept.takeKinds(), ["expire"]);
  kept.onPropose = () => {};
  await kept.pass(40);
  equal(kept.replica.counts.expired_key, 300);
  await kept.upkeep.stop();
});

Deno.test("Upkeep tells how long the first key has been due, and how many are", async () => {
  const kept = new KeptReplica();
  kept.run(putLiving("a", "", 10_000), putLiving("b", "", 20_000), putLiving("c", "", 900_000));
  kept.upkeep.start();
  kept.refused = ["expire"];
  await settle();
  deepEqual([kept.upkeep.expiryLagMs, kept.upkeep.countDue()], [0, 0]);
  await kept.pass(30);
  deepEqual([Math.round(kept.upkeep.expiryLagMs), kept.upkeep.countDue()], [20, 2]);
  await kept.upkeep.stop();
});

Deno.test("Upkeep tries again after a pause that grows, closes time meanwhile, and goes on", async () => {
  const kept = await KeptReplica.started();
  kept.run(putLiving("a", "", 10_000));
  kept.refused = ["expire"];
  await kept.pass(10);
  deepEqual([kept.takeKinds(), kept.logged], [["expire", "advance"], ["expiry_failed"]]);
  // What cannot be removed is out of sight all the same.
  equal(kept.engine.get("ka", kept.replica.closedVersion), undefined);
  await kept.pass(99);
  deepEqual(kept.takeKinds(), []);
  await kept.pass(1);
  deepEqual(kept.takeKinds(), ["expire", "advance"]);
  await kept.pass(199);
  deepEqual(kept.takeKinds(), []);
  kept.refused = [];
  await kept.pass(1);
  deepEqual(kept.takeKinds(), ["expire"]);
  equal(indexEntries(kept), 0);
  // A later failure begins with a short pause again.
  kept.run(putLiving("a", "", 10_000));
  kept.refused = ["expire"];
  await kept.pass(12);
  deepEqual(kept.takeKinds(), ["expire", "advance"]);
  await kept.pass(100);
  deepEqual(kept.takeKinds(), ["expire", "advance"]);
  await kept.upkeep.stop();
});

Deno.test("Upkeep bears a group that refuses everything", async () => {
  const kept = await KeptReplica.started();
  kept.run(putLiving("a", "", 10_000));
  kept.refused = ["expire", "advance"];
  await kept.pass(20_000);
  const attempts = kept.takeKinds().length;
  // After the first, each pause doubles up to five seconds.
  equal(attempts >= 10 && attempts <= 24, true, `${attempts} attempts`);
  kept.refused = [];
  await kept.pass(5_000);
  equal(kept.replica.counts.expired_key, 1);
  await kept.upkeep.stop();
});

Deno.test("Upkeep meets damage before it proposes to remove what is damaged", async () => {
  const kept = await KeptReplica.started();
  kept.run(putLiving("a", "", 10_000));
  const entry = kept.engine.entry.bind(kept.engine);
  kept.engine.entry = () => {
    throw new StorageError("corruption", "Cannot read");
  };
  await kept.pass(10);
  deepEqual(kept.takeKinds(), ["advance"]);
  kept.engine.entry = entry;
  await kept.pass(100);
  deepEqual(kept.takeKinds(), ["expire"]);
  await kept.upkeep.stop();
});

Deno.test("Upkeep.stop() waits for what is on its way, and leaves no timer", async () => {
  const kept = await KeptReplica.started();
  kept.run(putLiving("a", "", 10_000), putLiving("b", "", 90_000));
  const { promise, resolve } = Promise.withResolvers<void>();
  kept.gate = promise;
  await kept.pass(10);
  deepEqual(kept.takeKinds(), ["expire"]);
  let isStopped = false;
  const stopping = kept.upkeep.stop().then(() => isStopped = true);
  await settle();
  equal(isStopped, false);
  resolve();
  await kept.pass(2);
  await stopping;
  equal(kept.clock.timerCount, 0);
  await kept.pass(10_000);
  deepEqual(kept.takeKinds(), []);
});

Deno.test("Upkeep.stop() keeps quiet about what fails because of it", async () => {
  const kept = await KeptReplica.started();
  kept.run(putLiving("a", "", 10_000));
  const { promise, reject } = Promise.withResolvers<void>();
  kept.gate = promise;
  await kept.pass(10);
  const stopping = kept.upkeep.stop();
  reject(new ShardError("stopped", "Cannot append"));
  await stopping;
  deepEqual([kept.logged, kept.clock.timerCount, kept.takeKinds()], [[], 0, ["expire"]]);
});

/** Has VACUUM promise so many bytes of a thousand, once the watermark has moved. */
function promise({ engine }: KeptReplica, bytes: number): void {
  engine.tableSizeBytes = 1_000;
  engine.reclaimable = ({ userVersion }: Horizons) =>
    userVersion > engine.durableHorizons.userVersion ? bytes : 0;
}

Deno.test("Upkeep makes new horizons durable where nobody writes and VACUUM gains by it", async () => {
  const kept = await KeptReplica.started();
  kept.run(putText("a", "1"));
  promise(kept, 101);
  await kept.pass(upkeepMs - 1);
  deepEqual([kept.takeKinds(), kept.engine.flushCount], [[], 0]);
  await kept.pass(1);
  deepEqual([kept.takeKinds(), kept.engine.flushCount], [["advance"], 1]);
  equal(kept.engine.durableHorizons.userVersion > 0, true);
  await kept.upkeep.stop();
});

Deno.test("Upkeep flushes for no gain that is small", async () => {
  const kept = await KeptReplica.started();
  kept.run(putText("a", "1"));
  promise(kept, 100);
  await kept.pass(3 * upkeepMs);
  deepEqual([kept.takeKinds(), kept.engine.flushCount], [[], 0]);
  await kept.upkeep.stop();
});

Deno.test("Upkeep flushes what may hide dead data from memory, once all of it has passed", async () => {
  const kept = await KeptReplica.started();
  kept.run(putText("a", "1"));
  kept.engine.tableSizeBytes = 1_000;
  kept.engine.memtableSizeBytes = 100;
  await kept.pass(2 * upkeepMs);
  deepEqual([kept.takeKinds(), kept.engine.flushCount], [[], 0]);
  kept.engine.memtableSizeBytes = 101;
  const hold = kept.replica.hold({ kind: "read", owner: "test" }, { version: 0 });
  await kept.pass(2 * upkeepMs);
  deepEqual([kept.takeKinds(), kept.engine.flushCount], [[], 0]);
  hold.release();
  await kept.pass(upkeepMs);
  deepEqual([kept.takeKinds(), kept.engine.flushCount], [["advance"], 1]);
  await kept.upkeep.stop();
});

Deno.test("Upkeep moves horizons on where the disk is full, whatever the gain", async () => {
  const kept = await KeptReplica.started();
  kept.run(putText("a", "1"));
  kept.engine.tableSizeBytes = 1_000;
  await kept.pass(2 * upkeepMs);
  deepEqual([kept.takeKinds(), kept.engine.flushCount], [[], 0]);
  kept.engine.failure = new StorageError("disk_full", "Cannot merge");
  await kept.pass(upkeepMs);
  deepEqual([kept.takeKinds(), kept.engine.flushCount], [["advance"], 1]);
  await kept.upkeep.stop();
});

Deno.test("Upkeep leaves horizons to the flushes that come by themselves", async () => {
  const kept = await KeptReplica.started();
  promise(kept, 500);
  for (let round = 0; round < 3; round++) {
    kept.run(putText("a", "1"));
    await kept.engine.flush();
    await kept.pass(upkeepMs);
  }
  deepEqual(kept.takeKinds(), []);
  await kept.pass(upkeepMs);
  deepEqual(kept.takeKinds(), ["advance"]);
  await kept.upkeep.stop();
});

Deno.test("Upkeep moves rules on while there are writes, and lets an idle log be", async () => {
  const kept = await KeptReplica.started();
  const rule = { kind: "versions", versionCount: 1 } as const;
  kept.run({ kind: "set_retention", prefix: "a", rule });
  kept.run(putText("a", "1"));
  const { lastVersion } = kept.replica;
  await kept.pass(upkeepMs);
  const [advance] = kept.proposed;
  deepEqual(advance.kind === "advance" && advance.horizons, [{
    prefix: "ka",
    version: lastVersion,
  }]);
  deepEqual([kept.takeKinds(), kept.engine.flushCount], [["advance"], 0]);
  await kept.pass(3 * upkeepMs);
  deepEqual(kept.takeKinds(), []);
  kept.run(putText("a", "2"));
  await kept.pass(upkeepMs);
  deepEqual(kept.takeKinds(), ["advance"]);
  await kept.upkeep.stop();
});

Deno.test("Upkeep goes on with horizons after one that failed", async () => {
  const kept = await KeptReplica.started();
  kept.run(putText("a", "1"));
  promise(kept, 500);
  kept.refused = ["advance"];
  await kept.pass(upkeepMs);
  deepEqual([kept.takeKinds(), kept.logged], [["advance"], ["upkeep_failed"]]);
  kept.refused = [];
  await kept.pass(upkeepMs);
  deepEqual([kept.takeKinds(), kept.engine.flushCount], [["advance"], 1]);
  await kept.upkeep.stop();
});

Deno.test("Upkeep has one advance on its way at a time", async () => {
  const kept = await KeptReplica.started();
  kept.run(putText("a", "1"));
  promise(kept, 500);
  const { promise: gate, resolve } = Promise.withResolvers<void>();
  kept.gate = gate;
  await kept.pass(3 * upkeepMs);
  deepEqual(kept.takeKinds(), ["advance"]);
  resolve();
  await kept.pass(upkeepMs);
  equal(kept.engine.flushCount, 1);
  await kept.upkeep.stop();
});

Deno.test("Upkeep.advance() proposes the horizons of all rules, and flushes", async () => {
  const kept = await KeptReplica.started();
  kept.run({ kind: "set_retention", prefix: "a", rule: { kind: "versions", versionCount: 1 } });
  kept.run(putText("a", "1"));
  const { lastVersion } = kept.replica;
  await kept.upkeep.advance();
  deepEqual([kept.takeKinds(), kept.engine.flushCount], [["advance"], 1]);
  equal(kept.engine.durableHorizons.rules[0].version, lastVersion);
  equal(kept.engine.durableHorizons.userVersion >= lastVersion - 1, true);
  await kept.upkeep.stop();
});
