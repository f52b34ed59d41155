import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { probeReads, probeRequest } from "../../sharding/probe.ts";
import type { Command } from "../../sharding/database.ts";
import { AppliedStore } from "./applied_store.ts";
import { command, someKey } from "./arbitraries.ts";
import { buildEntry, identity, putText, transaction } from "./entry_building.ts";
import { ModelStore } from "./model_store.ts";

class WatchedStore extends ModelStore {
  readonly seen: string[] = [];
  closedCount = 0;

  override get(key: string, version: number) {
    this.seen.push(key);
    return super.get(key, version);
  }

  override versions(key: string, from: number) {
    const inner = super.versions(key, from);
    this.seen.push(`${key}..`);
    const seen = (at: number) => this.seen.push(`${key} at ${at}`);
    if (inner.isValid) seen(inner.version);
    const next = inner.next.bind(inner);
    return Object.assign(inner, {
      next: () => {
        next();
        if (inner.isValid) seen(inner.version);
      },
      close: () => void this.closedCount++,
    });
  }

  override cursor(range: Parameters<ModelStore["cursor"]>[0]) {
    this.seen.push(`${range.start}..${range.end}`);
    return Object.assign(super.cursor(range), { close: () => void this.closedCount++ });
  }
}

const value = { bytes: new Uint8Array(0), contentType: "a/b" };
const cases: { name: string; command: Command; want: string[] }[] = [
  { name: "a put reads nothing", command: putText("a", ""), want: [] },
  {
    name: "a put under a condition reads its key",
    command: { ...putText("a", ""), condition: { kind: "absent" } } as Command,
    want: ["ka"],
  },
  { name: "a delete reads its key", command: { kind: "delete", key: "a" }, want: ["ka"] },
  {
    name: "a range delete reads its range",
    command: { kind: "delete_range", range: { start: "a" }, keyCountMax: 3 },
    want: ["ka..l"],
  },
  {
    name: "an empty range is not read",
    command: { kind: "delete_range", range: { start: "b", end: "a" }, keyCountMax: 3 },
    want: [],
  },
  {
    name: "a transaction reads all but what it sets",
    command: transaction({
      checks: [{ key: "c", version: null }],
      reads: ["r"],
      mutations: [
        { op: "set", key: "s", value },
        { op: "append", key: "p", value },
        { op: "delete", key: "d" },
        { op: "add", key: "n", operand: 1 },
      ],
    }),
    want: ["kc", "kr", "kp", "kd", "kn"],
  },
  {
    name: "a revert under a condition reads its key, whatever it had before",
    command: { kind: "revert", key: "a", toVersion: 9, condition: { kind: "exists" } },
    want: ["ka", "ka.."],
  },
  {
    name: "rules read no key",
    command: {
      kind: "set_retention",
      prefix: "a",
      rule: { kind: "versions", versionCount: 1 },
    },
    want: [],
  },
  {
    name: "rules taken back read no key",
    command: { kind: "remove_retention", prefix: "a" },
    want: [],
  },
];
for (const { name, command, want } of cases) {
  Deno.test(`probeReads() ${name}`, () => {
    const store = new WatchedStore();
    probeReads(command, store, 1);
    deepEqual(store.seen, want);
    equal(store.closedCount, want.filter((seen) => seen.includes("..")).length);
  });
}

Deno.test("probeReads() of a revert walks down to the version that applying will find", () => {
  const store = new WatchedStore();
  for (const version of [10, 20, 30, 40]) new AppliedStore(store).run(version, putText("a", ""));
  store.seen.length = 0;
  probeReads({ kind: "revert", key: "a", toVersion: 25 }, store, 40);
  deepEqual(store.seen, ["ka..", "ka at 40", "ka at 30", "ka at 20"]);
  equal(store.closedCount, 1);
});

Deno.test("probeReads() reads all that applying will read", () => {
  fc.assert(fc.property(fc.array(command(someKey), { minLength: 1, maxLength: 12 }), (given) => {
    const store = new WatchedStore();
    const applied = new AppliedStore(store);
    given.forEach((one, index) => {
      store.seen.length = 0;
      probeReads(one, store, index);
      // The walk over a key's versions has read whatever applying finds of it.
      const probed = new Set(store.seen.map((seen) => seen.replace(/\.\.$/, "")));
      store.seen.length = 0;
      applied.run(index + 1, one);
      for (const seen of store.seen) equal(probed.has(seen), true, seen);
    });
  }));
});

const remembered: { name: string; command: Command }[] = [
  ...cases,
  { name: "an empty transaction", command: transaction({}) },
  { name: "checks alone", command: transaction({ checks: [{ key: "c", version: null }] }) },
  { name: "reads alone", command: transaction({ reads: ["r"] }) },
];
for (const { name, command } of remembered) {
  Deno.test(`probeRequest() reads what applying will look up: ${name}`, () => {
    const request = identity(7, 8);
    const applied = new WatchedStore();
    new AppliedStore(applied).apply(buildEntry({ base: 5 }, [{ command, request }]));
    const probed = new WatchedStore();
    probeRequest(command, request, { store: probed, version: 4 });
    deepEqual(probed.seen, applied.seen.filter((key) => key.startsWith("r")));
    equal(probed.seen.length, 1);
  });
}
