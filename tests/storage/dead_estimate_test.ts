import { deepEqual, equal } from "node:assert/strict";
import {
  estimateDead,
  estimateDeadSince,
  governingHorizons,
  isSettled,
  isWhollyDead,
  mayDrop,
} from "../../storage/dead_estimate.ts";
import type { Horizons } from "../../storage/key_space.ts";
import type { DeathSketch } from "../../storage/lsm/death_sketch.ts";
import { noHorizons } from "../../storage/mvcc/retention.ts";
import { countRule, retiredRule, timeRule } from "./mvcc/rule_fixture.ts";
import { deathsOf, tableOf } from "./table_meta_fixture.ts";

const at = (given: Partial<Horizons>): Horizons => ({ ...noHorizons, ...given });

const rules = [timeRule("ka", 20), countRule("kab", 30, 4), retiredRule("kc", 40)];
const governed: { range: string; want: string }[] = [
  { range: "kaa-kaz", want: "ka@20 kab@30x4" },
  { range: "kaba-kabz", want: "kab@30x4" },
  { range: "ka-kb", want: "@10 ka@20 kab@30x4" },
  { range: "kb-kbz", want: "@10" },
  { range: "c1-r1", want: "@10 ka@20 kab@30x4 kc@40" },
  { range: "kac-kaz", want: "ka@20" },
  { range: "c1-e9", want: "" },
  { range: "r1-r9", want: "" },
];
for (const { range, want } of governed) {
  Deno.test(`governingHorizons() of ${range} are [${want}]`, () => {
    const found = governingHorizons(tableOf(1, range), at({ userVersion: 10, rules }));
    const shown = found.map(({ prefix, version, versionCount }) =>
      `${prefix}@${version}${versionCount > 0 ? `x${versionCount}` : ""}`
    );
    equal(shown.join(" "), want);
  });
}

const perCause: { sketch: DeathSketch; horizons: Horizons }[] = [
  { sketch: deathsOf("shadowed", 40, [5, 10]), horizons: at({ userVersion: 10 }) },
  { sketch: deathsOf("tombstone", 40, [5, 10]), horizons: at({ userVersion: 10 }) },
  { sketch: deathsOf("change", 40, [5, 10]), horizons: at({ changeVersion: 10 }) },
  { sketch: deathsOf("request", 40, [5, 10]), horizons: at({ requestVersion: 10 }) },
  { sketch: deathsOf("expiry", 40, [5, 10]), horizons: at({ expiryVersion: 10 }) },
];
for (const { sketch, horizons } of perCause) {
  Deno.test(`estimateDead() goes by its own horizon for cause ${sketch.cause}`, () => {
    const table = tableOf(1, "c1-r1", { deaths: [sketch] });
    const isTombstone = sketch.cause === 2;
    deepEqual(estimateDead(table, horizons), {
      entryCount: 40,
      sizeBytes: 360,
      tombstoneCount: isTombstone ? 40 : 0,
      tombstoneBytes: isTombstone ? 360 : 0,
    });
    const others = at({
      userVersion: 10,
      changeVersion: 10,
      requestVersion: 10,
      expiryVersion: 10,
    });
    for (const field of ["userVersion", "changeVersion", "requestVersion"] as const) {
      if (horizons[field] === 10) {
        equal(estimateDead(table, { ...others, [field]: 4 }).sizeBytes, 0);
      }
    }
    equal(mayDrop(table, horizons), true);
    equal(mayDrop(table, noHorizons), false);
  });
}

Deno.test("estimateDead() finds a part of a table that holds entries above the horizon", () => {
  const table = tableOf(1, "ka-kz", { deaths: [deathsOf("shadowed", 80, [0, 10, 20, 30, 40])] });
  equal(estimateDead(table, at({ userVersion: 20 })).entryCount, 40);
  equal(estimateDead(table, at({ userVersion: 25 })).entryCount, 50);
});

Deno.test("estimateDead() takes each horizon of a table to govern an equal part", () => {
  const table = tableOf(1, "k-l", { deaths: [deathsOf("shadowed", 90, [10])] });
  const horizons = at({ userVersion: 10, rules: [timeRule("ka", 9), timeRule("kb", 10)] });
  equal(Math.round(estimateDead(table, horizons).entryCount), 60);
  // By the largest of the three something may go.
  equal(mayDrop(table, at({ userVersion: 0, rules: [timeRule("kb", 10)] })), true);
});

Deno.test("estimateDead() leaves each key what its rule counts", () => {
  const sketch = { ...deathsOf("shadowed", 90, [10]), keyCount: 20 };
  const table = tableOf(1, "ka-kaz", { deaths: [sketch] });
  const counted = (count: number) =>
    estimateDead(table, at({ rules: [countRule("ka", 10, count)] }));
  equal(Math.round(counted(1).entryCount), 90);
  equal(Math.round(counted(4).entryCount), 30);
  equal(counted(9).entryCount, 0);
});

Deno.test("estimateDeadSince() counts what died since a merge, and tombstones that it had to keep", () => {
  const deaths = [deathsOf("shadowed", 40, [0, 40]), deathsOf("tombstone", 40, [0, 40])];
  const table = tableOf(1, "ka-kz", { deaths });
  const dead = (keptTombstones: boolean, version = 20) =>
    estimateDeadSince(table, at({ userVersion: 30 }), {
      since: at({ userVersion: version }),
      keptTombstones,
    });
  equal(dead(false).entryCount, 10 + 10);
  equal(dead(true).entryCount, 10 + 30);
  equal(dead(false, 30).entryCount, 0);
  equal(dead(false, 40).entryCount, 0);
});

Deno.test("estimateDeadSince() begins anew under other rules", () => {
  const table = tableOf(1, "ka-kaz", { deaths: [deathsOf("shadowed", 40, [10])] });
  const since = at({ userVersion: 10, rules: [countRule("ka", 10, 2)] });
  const now = { since, keptTombstones: false };
  equal(estimateDeadSince(table, since, now).entryCount, 0);
  equal(estimateDeadSince(table, at({ rules: [timeRule("ka", 10)] }), now).entryCount, 40);
});

const whole: { name: string; range: string; deaths: DeathSketch[]; want: boolean }[] = [
  { name: "records alone", range: "c1-c9", deaths: [deathsOf("change", 100, [1, 10])], want: true },
  { name: "one above", range: "c1-c9", deaths: [deathsOf("change", 100, [1, 11])], want: false },
  {
    name: "one entry more",
    range: "c1-c9",
    deaths: [deathsOf("change", 99, [1, 10])],
    want: false,
  },
  {
    name: "records of three spaces",
    range: "c1-r9",
    deaths: [
      deathsOf("change", 50, [10]),
      deathsOf("request", 30, [10]),
      deathsOf("expiry", 20, [10]),
    ],
    want: true,
  },
  { name: "tombstones", range: "ka-kz", deaths: [deathsOf("tombstone", 100, [1])], want: false },
  {
    name: "shadowed values",
    range: "ka-kz",
    deaths: [deathsOf("shadowed", 100, [1])],
    want: false,
  },
  { name: "no deaths", range: "ka-kz", deaths: [], want: false },
];
for (const { name, range, deaths, want } of whole) {
  Deno.test(`isWhollyDead() of a table of ${name} is ${want}`, () => {
    const horizons = { changeVersion: 10, requestVersion: 10, expiryVersion: 10, userVersion: 10 };
    equal(isWhollyDead(tableOf(1, range, { deaths }), at(horizons)), want);
  });
}

Deno.test("isSettled() is true where every horizon of a table's user keys has passed all of it", () => {
  const table = tableOf(1, "ka-kc", { newestVersion: 10 });
  const settled = (given: Partial<Horizons>) => isSettled(table, at(given));
  equal(settled({ userVersion: 10 }), true);
  equal(settled({ userVersion: 9 }), false);
  equal(settled({ userVersion: 10, rules: [timeRule("kb", 9)] }), false);
  equal(settled({ userVersion: 10, rules: [timeRule("kd", 9)] }), true);
  equal(settled({ userVersion: 10, rules: [countRule("kb", 10, 1)] }), true);
  equal(settled({ userVersion: 10, rules: [countRule("kb", 10, 2)] }), false);
  equal(isSettled(tableOf(1, "c1-c2", { newestVersion: 1 }), at({ userVersion: 10 })), false);
});
