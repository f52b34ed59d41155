import { deepEqual, equal, rejects } from "node:assert/strict";
import { holdersOf, retentionOf } from "../../sharding/holders.ts";
import { DrivenReplica, SetClock } from "./driven_replica.ts";
import { putText } from "./entry_building.ts";
import { hourMicros, TestNode } from "./test_node.ts";

const vacuumed = { code: "version_vacuumed" };

/** Three commits a second apart, under a retention of 1.5 seconds and one rule. */
function driven(): DrivenReplica {
  const made = new DrivenReplica(new SetClock(), undefined, 1_500);
  const rule = { kind: "duration", retentionMicros: 10_000_000 } as const;
  made.run({ kind: "set_retention", prefix: "a/", rule });
  for (let count = 0; count < 3; count++) {
    made.clock.micros += 1_000_000;
    made.run(putText("b", String(count)));
  }
  return made;
}

function shown({ replica, engine }: DrivenReplica): string[] {
  return holdersOf(replica, { holders: engine.holders(), nowMs: 5 }).map((holder) =>
    `${holder.kind} ${holder.id} ${holder.owner}${holder.isHoldingBack ? " holds back" : ""}`
  );
}

Deno.test("holdersOf() tells that the retention holds back where nobody else does", () => {
  deepEqual(shown(driven()), ["rule rule:a/ a/", "retention retention  holds back"]);
});

Deno.test("holdersOf() tells which snapshot the watermark waits for, oldest first", () => {
  const made = driven();
  const { replica, clock } = made;
  const version = replica.closedVersion;
  replica.hold({ kind: "cursor", owner: "one" }, { version });
  // It reaches no key but those of a rule, so the watermark does not wait for it.
  replica.hold({ kind: "stream", owner: "narrow" }, {
    version: 5_000,
    range: { start: "a/", end: "a0" },
  });
  deepEqual(shown(made), [
    "rule rule:a/ a/",
    "stream 2 narrow",
    "retention retention  holds back",
    "cursor 1 one",
  ]);
  clock.micros += 9_000_000;
  made.run(putText("b", "later"));
  deepEqual(shown(made), [
    "rule rule:a/ a/",
    "stream 2 narrow",
    "cursor 1 one holds back",
    "retention retention ",
  ]);
});

Deno.test("holdersOf() blames no snapshot under a rule, though it is as old as one that holds back", () => {
  const made = driven();
  const version = made.replica.watermark;
  made.replica.hold({ kind: "stream", owner: "" }, { version, range: { start: "a/", end: "a0" } });
  made.replica.hold({ kind: "cursor", owner: "" }, { version });
  made.clock.micros += 9_000_000;
  made.run(putText("b", "later"));
  deepEqual(shown(made), [
    "rule rule:a/ a/",
    "stream 1 ",
    "cursor 2  holds back",
    "retention retention ",
  ]);
});

Deno.test("holdersOf() tells since when a snapshot is held, and from which version", () => {
  const made = driven();
  const { version } = made.replica.hold({ kind: "watch", owner: "w" });
  const [watch] = holdersOf(made.replica, { holders: made.engine.holders(), nowMs: 5 })
    .filter(({ kind }) => kind === "watch");
  deepEqual([watch.ageMs, watch.version], [5, version]);
  const rule = holdersOf(made.replica, { holders: [], nowMs: 5 })[0];
  deepEqual([rule.kind, rule.ageMs], ["rule", undefined]);
});

Deno.test("retentionOf() tells the node's retention and the rules that are in force", () => {
  const made = driven();
  const { engine, replica } = made;
  made.run({ kind: "set_retention", prefix: "c", rule: { kind: "versions", versionCount: 7 } });
  made.run({ kind: "advance", horizons: replica.drawRuleHorizons() });
  const { retentionMicros, oldestVersion, rules } = retentionOf(replica);
  deepEqual([retentionMicros, oldestVersion], [1_500_000, replica.watermark]);
  const duration = { kind: "duration", retentionMicros: 10_000_000 };
  const horizons = engine.applied.horizons.rules.map(({ version }) => version);
  deepEqual(rules, [
    { prefix: "a/", term: duration, oldestVersion: horizons[0] },
    { prefix: "c", term: { kind: "versions", versionCount: 7 }, oldestVersion: horizons[1] },
  ]);
  made.run({ kind: "remove_retention", prefix: "c" });
  equal(engine.applied.horizons.rules.length, 2);
  deepEqual(retentionOf(replica).rules.map(({ prefix }) => prefix), ["a/"]);
});

Deno.test("LocalDatabase.retention() tells of rules as they come and go, after a restart too", async () => {
  await using test = await TestNode.open({ retentionMs: 60_000 });
  const duration = { kind: "duration", retentionMicros: hourMicros } as const;
  const count = { kind: "versions", versionCount: 5 } as const;
  await test.commit({ kind: "set_retention", prefix: "b/", rule: count });
  await test.commit({ kind: "set_retention", prefix: "a/", rule: duration });
  await test.commit({ kind: "set_retention", prefix: "c", rule: count });
  const removed = await test.run({ kind: "remove_retention", prefix: "c" });
  equal(removed.outcome === "committed" && removed.deletedCount, 1);
  const rules = () => test.database.retention().rules.map(({ prefix, term }) => [prefix, term]);
  deepEqual(rules(), [["a/", duration], ["b/", count]]);
  equal(test.database.retention().retentionMicros, 60_000_000);
  await test.restart();
  deepEqual(rules(), [["a/", duration], ["b/", count]]);
  await test.node.flush();
  await test.restart();
  deepEqual(rules(), [["a/", duration], ["b/", count]]);
});

Deno.test("LocalDatabase.releaseHolder() ends a snapshot: what reads under it is refused", async () => {
  await using test = await TestNode.open();
  await test.commit(putText("a", "1"));
  let endedCount = 0;
  const holder = { kind: "cursor", owner: "somebody" } as const;
  const snapshot = test.database.hold(holder, { onEnded: () => endedCount++ });
  const other = test.database.hold(holder);
  const found = test.database.holders().find(({ id }) => id === snapshot.id);
  deepEqual([found?.kind, found?.owner, found?.version], ["cursor", "somebody", snapshot.version]);
  equal(test.database.releaseHolder(snapshot.id), true);
  equal(test.database.releaseHolder(snapshot.id), false);
  deepEqual([snapshot.isEnded, endedCount], [true, 1]);
  const under = { ...test.soon, snapshot };
  await rejects(test.database.get("a", under), vacuumed);
  await rejects(test.database.getMany(["a"], under), vacuumed);
  await rejects(test.database.scan({}, { ...under, limit: 9 }), vacuumed);
  await rejects(test.database.count({}, under), vacuumed);
  equal((await test.database.count({}, { ...test.soon, snapshot: other })).count, 1);
  for (const id of ["retention", "rule:a", "", "-1", "1.5", "999999"]) {
    equal(test.database.releaseHolder(id), false, id);
  }
  snapshot.release();
  other.release();
  deepEqual(test.database.holders().map(({ kind }) => kind), ["retention"]);
});
