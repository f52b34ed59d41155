import { deepEqual, equal } from "node:assert/strict";
import { Applier } from "../../sharding/apply.ts";
import { probeReads, probeRequest } from "../../sharding/probe.ts";
import type { Command } from "../../sharding/database.ts";
import { buildEntry, identity, putText, transaction } from "./entry_building.ts";
import { ModelStore } from "./model_store.ts";

class WatchedStore extends ModelStore {
  readonly seen: string[] = [];
  closedCount = 0;

  override get(key: string, version: number) {
    this.seen.push(key);
    return super.get(key, version);
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
];
for (const { name, command, want } of cases) {
  Deno.test(`probeReads() ${name}`, () => {
    const store = new WatchedStore();
    probeReads(command, store, 1);
    deepEqual(store.seen, want);
    equal(store.closedCount, want.filter((seen) => seen.includes("..")).length);
  });
}

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
    new Applier(applied).apply(buildEntry({ base: 5 }, [{ command, request }]));
    const probed = new WatchedStore();
    probeRequest(command, request, { store: probed, version: 4 });
    deepEqual(probed.seen, applied.seen.filter((key) => key.startsWith("r")));
    equal(probed.seen.length, 1);
  });
}
