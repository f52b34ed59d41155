import { deepEqual } from "node:assert/strict";
import { EntryKind } from "../../../storage/cursor.ts";
import { Collector } from "../../../storage/mvcc/collect.ts";

const { tombstone, value } = EntryKind;
const horizons = { userVersion: 50, changeVersion: 20, requestVersion: 30 };

/** Each row: entries in cursor order, and which of them go. */
const cases: {
  name: string;
  deeper: [string, string][];
  entries: [string, number, EntryKind][];
  want: boolean[];
}[] = [
  {
    name: "keeps all above the watermark and the newest at or below it",
    deeper: [],
    entries: [["ka", 60, value], ["ka", 50, value], ["ka", 40, value], ["ka", 30, tombstone]],
    want: [false, false, true, true],
  },
  {
    name: "drops a tombstone that nothing deeper needs",
    deeper: [["kb", "kc"]],
    entries: [["ka", 40, tombstone], ["ka", 30, value], ["kd", 40, tombstone]],
    want: [true, true, true],
  },
  {
    name: "keeps a tombstone above a deeper file that may hold the key",
    deeper: [["kx", "kz"], ["ka", "kb"], ["kb", "kd"]],
    entries: [["ka", 40, tombstone], ["kc", 40, tombstone], ["kd", 50, tombstone], [
      "ke",
      1,
      tombstone,
    ]],
    want: [false, false, false, true],
  },
  {
    name: "keeps a tombstone above the watermark",
    deeper: [],
    entries: [["ka", 51, tombstone], ["ka", 50, value]],
    want: [false, false],
  },
  {
    name: "begins anew with each key",
    deeper: [],
    entries: [["ka", 40, value], ["kb", 40, value], ["kb", 39, value]],
    want: [false, false, true],
  },
  {
    name: "drops changes and requests at or below their own horizons",
    deeper: [],
    entries: [["c1", 20, value], ["c2", 21, value], ["r1", 30, value], ["r2", 31, value]],
    want: [true, false, true, false],
  },
  {
    name: "keeps what is of no space it knows",
    deeper: [],
    entries: [["x1", 1, value], ["x1", 1, tombstone]],
    want: [false, false],
  },
];
for (const { name, deeper, entries, want } of cases) {
  Deno.test(`Collector.drops() ${name}`, () => {
    const deeperRanges = deeper.map(([smallestKey, largestKey]) => ({ smallestKey, largestKey }));
    const collector = new Collector({ horizons, deeperRanges });
    deepEqual(entries.map(([key, version, kind]) => collector.drops(key, version, kind)), want);
  });
}
