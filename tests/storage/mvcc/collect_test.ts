import { deepEqual } from "node:assert/strict";
import { EntryKind } from "../../../storage/cursor.ts";
import type { Horizons } from "../../../storage/key_space.ts";
import { Collector } from "../../../storage/mvcc/collect.ts";
import { countRule, retiredRule, timeRule } from "./rule_fixture.ts";

const { tombstone, value } = EntryKind;
const horizons: Horizons = {
  userVersion: 50,
  expiryVersion: 258,
  rules: [
    timeRule("ks", 20),
    countRule("kt", 45, 1),
    countRule("ku", 45, 3),
    retiredRule("kua", 10),
  ],
  changeVersion: 20,
  requestVersion: 30,
};

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
    name: "goes by the horizon of a key's rule",
    deeper: [],
    entries: [["ks1", 25, value], ["ks1", 20, value], ["ks1", 10, value], ["ks2", 20, tombstone]],
    want: [false, false, true, true],
  },
  {
    name: "goes by the longest rule, also one that was taken back",
    deeper: [],
    entries: [["ku", 45, value], ["kua", 11, value], ["kua", 10, value], ["kua", 9, value]],
    want: [false, false, false, true],
  },
  {
    name: "keeps as many newest entries as a rule counts, and all above its horizon",
    deeper: [],
    entries: [
      ["ku1", 40, value],
      ["ku1", 39, value],
      ["ku1", 38, tombstone],
      ["ku1", 37, value],
      ["ku1", 36, value],
      ["ku2", 50, value],
      ["ku2", 49, value],
      ["ku2", 48, value],
      ["ku2", 47, value],
      ["ku2", 45, value],
      ["ku2", 44, value],
    ],
    want: [false, false, false, true, true, false, false, false, false, false, true],
  },
  {
    name: "keeps a tombstone in front of entries that a rule still counts",
    deeper: [],
    entries: [["ku1", 40, tombstone], ["ku1", 39, value], ["ku1", 38, value], ["ku1", 37, value]],
    want: [false, false, false, true],
  },
  {
    name: "drops a tombstone at a rule's horizon where all behind it goes",
    deeper: [],
    entries: [
      ["kt1", 40, tombstone],
      ["kt1", 39, value],
      ["ku1", 50, value],
      ["ku1", 46, value],
      ["ku1", 45, tombstone],
      ["ku1", 44, value],
    ],
    want: [true, true, false, false, true, true],
  },
  {
    name: "keeps such a tombstone above a deeper file, and drops what is behind it",
    deeper: [["kt1", "ku1"]],
    entries: [
      ["kt1", 40, tombstone],
      ["kt1", 39, value],
      ["ku1", 50, value],
      ["ku1", 46, value],
      ["ku1", 45, tombstone],
      ["ku1", 44, value],
    ],
    want: [false, true, false, false, false, true],
  },
  {
    name: "drops of the index of expiries what is due at or below its horizon, at any version",
    deeper: [["e", "f"]],
    entries: [
      ["e\0\0\0\0\0\0\x01\x02ka", 900, value],
      ["e\0\0\0\0\0\0\x01\x03ka", 1, value],
      ["e\0", 1, value],
    ],
    want: [true, false, false],
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
