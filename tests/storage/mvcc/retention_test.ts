import { deepEqual, doesNotThrow, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { InvariantError } from "../../../storage/env/mod.ts";
import type { Horizons, RetentionRule } from "../../../storage/key_space.ts";
import {
  checkHorizonsFollow,
  checkRules,
  coveringRule,
  horizonOf,
  horizonOver,
  largestHorizon,
  noHorizons,
  ruleOf,
  touchesPrefix,
  withCounts,
} from "../../../storage/mvcc/retention.ts";
import { countRule, retiredRule, timeRule } from "./rule_fixture.ts";

const horizons: Horizons = {
  ...noHorizons,
  userVersion: 50,
  rules: [timeRule("ka/", 10), timeRule("ka/b/", 90), timeRule("ka/b/c", 20), timeRule("kz", 70)],
};

function withRules(rules: RetentionRule[], userVersion = 50): Horizons {
  return { ...noHorizons, userVersion, rules };
}

const keys = [
  { key: "ka/x", want: 10 },
  { key: "ka/", want: 10 },
  { key: "ka", want: 50 },
  { key: "ka/b/", want: 90 },
  { key: "ka/b/d", want: 90 },
  { key: "ka/b/cc", want: 20 },
  { key: "ka/b0", want: 10 },
  { key: "kb", want: 50 },
  { key: "kz\xff", want: 70 },
  { key: "k", want: 50 },
  { key: "r", want: 50 },
];
for (const { key, want } of keys) {
  Deno.test(`horizonOf() of ${JSON.stringify(key)} is ${want}, that of its longest rule`, () => {
    equal(horizonOf(horizons, key), want);
  });
}

Deno.test("ruleOf() finds the longest of rules that a key begins with", () => {
  const piece = fc.string({ unit: fc.constantFrom("a", "b", "\xff"), maxLength: 4 });
  fc.assert(fc.property(fc.uniqueArray(piece, { maxLength: 12 }), piece, (prefixes, rest) => {
    const rules = prefixes.map((prefix) => timeRule(`k${prefix}`, 1))
      .sort((left, right) => left.prefix < right.prefix ? -1 : 1);
    const key = `k${rest}`;
    const wanted = rules.filter(({ prefix }) => key.startsWith(prefix))
      .sort((left, right) => right.prefix.length - left.prefix.length).at(0);
    equal(ruleOf(withRules(rules), key), wanted);
  }));
});

const ranges: { start: string; end: string | undefined; want: number }[] = [
  { start: "", end: undefined, want: 90 },
  { start: "kb", end: "kc", want: 50 },
  { start: "kb", end: "kz", want: 50 },
  { start: "kb", end: "kz\0", want: 70 },
  { start: "kz", end: "k{", want: 70 },
  { start: "kz", end: undefined, want: 70 },
  { start: "kzz", end: "kzzz", want: 70 },
  { start: "ka/", end: "ka0", want: 90 },
  { start: "ka/", end: "ka/b/", want: 10 },
  { start: "ka/c", end: "ka0", want: 10 },
  { start: "ka/c", end: "ka1", want: 50 },
  { start: "ka/b/c", end: "ka/b/d", want: 20 },
  { start: "ka/b/c", end: "ka/b/d\0", want: 90 },
];
for (const { start, end, want } of ranges) {
  Deno.test(`horizonOver() of ${JSON.stringify([start, end])} is ${want}`, () => {
    equal(horizonOver(horizons, start, end), want);
  });
}

Deno.test("horizonOver() is at or above the horizon of every key of the range", () => {
  const piece = fc.string({ unit: fc.constantFrom("a", "b", "\xff"), maxLength: 3 });
  const rule = fc.tuple(piece, fc.nat({ max: 9 }));
  const rulesArbitrary = fc.uniqueArray(rule, { maxLength: 6, selector: ([prefix]) => prefix });
  fc.assert(fc.property(rulesArbitrary, piece, piece, piece, (given, start, end, inside) => {
    const rules = given.map(([prefix, version]) => timeRule(`k${prefix}`, version))
      .sort((left, right) => left.prefix < right.prefix ? -1 : 1);
    const some = withRules(rules, 5);
    const key = `k${inside}`;
    fc.pre(key >= `k${start}` && key < `k${end}`);
    equal(horizonOver(some, `k${start}`, `k${end}`) >= horizonOf(some, key), true);
    equal(horizonOver(some, key, `${key}\0`) <= largestHorizon(some), true);
  }));
});

Deno.test("coveringRule() is the longest that all keys of a range are under", () => {
  equal(coveringRule(horizons, { start: "ka/b/", end: "ka/b0" })?.prefix, "ka/b/");
  equal(coveringRule(horizons, { start: "ka/b/", end: "ka/b0\0" })?.prefix, "ka/");
  equal(coveringRule(horizons, { start: "kz", end: undefined }), undefined);
  const highest = withRules([timeRule("k\xff", 1)]);
  equal(coveringRule(highest, { start: "k\xffa", end: "l" })?.prefix, "k\xff");
  equal(coveringRule(highest, { start: "k\xffa", end: "l\0" }), undefined);
});

Deno.test("touchesPrefix() tells whether a range has room for a key of the prefix", () => {
  equal(touchesPrefix({ start: "ka", end: "kb" }, "kb"), false);
  equal(touchesPrefix({ start: "ka", end: "kb\0" }, "kb"), true);
  equal(touchesPrefix({ start: "kbz", end: "kc" }, "kb"), true);
  equal(touchesPrefix({ start: "kc", end: undefined }, "kb"), false);
});

Deno.test("largestHorizon() is that of a rule or the watermark", () => {
  equal(largestHorizon(horizons), 90);
  equal(largestHorizon(withRules([timeRule("ka", 10)])), 50);
  equal(largestHorizon(noHorizons), 0);
});

const steps: { name: string; last: Horizons; next: Horizons; isAllowed: boolean }[] = [
  {
    name: "a rule that begins where its keys were",
    last: withRules([]),
    next: withRules([timeRule("ka", 50)]),
    isAllowed: true,
  },
  {
    name: "a rule that begins below",
    last: withRules([]),
    next: withRules([timeRule("ka", 49)]),
    isAllowed: false,
  },
  {
    name: "a rule in another that begins below it",
    last: withRules([timeRule("ka", 60)]),
    next: withRules([timeRule("ka", 60), timeRule("kab", 55)]),
    isAllowed: false,
  },
  {
    name: "a horizon of a rule that falls",
    last: withRules([timeRule("ka", 60)]),
    next: withRules([timeRule("ka", 59)]),
    isAllowed: false,
  },
  {
    name: "a rule that goes once the watermark has reached it",
    last: withRules([retiredRule("ka", 60)]),
    next: withRules([], 60),
    isAllowed: true,
  },
  {
    name: "a rule that goes before",
    last: withRules([retiredRule("ka", 60)]),
    next: withRules([], 59),
    isAllowed: false,
  },
  {
    name: "a rule that goes and leaves its keys to a shorter one that lags behind",
    last: withRules([timeRule("ka", 60), retiredRule("kab", 70)], 80),
    next: withRules([timeRule("ka", 69)], 80),
    isAllowed: false,
  },
  {
    name: "a rule that takes another's place at its horizon",
    last: withRules([timeRule("ka", 60)]),
    next: withRules([countRule("ka", 60, 3)]),
    isAllowed: true,
  },
];
for (const { name, last, next, isAllowed } of steps) {
  Deno.test(`checkHorizonsFollow() ${isAllowed ? "allows" : "refuses"} ${name}`, () => {
    if (isAllowed) doesNotThrow(() => checkHorizonsFollow(next, last));
    else throws(() => checkHorizonsFollow(next, last), InvariantError);
  });
}

const wrongRules: { name: string; rules: RetentionRule[] }[] = [
  { name: "out of order", rules: [timeRule("kb", 1), timeRule("ka", 1)] },
  { name: "of one prefix twice", rules: [timeRule("ka", 1), timeRule("ka", 1)] },
  { name: "of another space", rules: [timeRule("ca", 1)] },
  { name: "that say nothing", rules: [countRule("ka", 1, 0)] },
  { name: "that say two things", rules: [{ ...timeRule("ka", 1), versionCount: 2 }] },
  { name: "that count though retired", rules: [{ ...retiredRule("ka", 1), versionCount: 2 }] },
];
for (const { name, rules } of wrongRules) {
  Deno.test(`checkRules() refuses rules ${name}`, () => {
    throws(() => checkRules(rules), InvariantError);
  });
}

/** Each row: what was there, what comes, and from where on the rule of "ka" counts then. */
const counted: { name: string; last: RetentionRule[]; next: RetentionRule[]; want?: number }[] = [
  { name: "is where a new rule begins", last: [], next: [countRule("ka", 55, 3)], want: 50 },
  {
    name: "stays while the horizon rises",
    last: [{ ...countRule("ka", 55, 3), countedFrom: 40 }],
    next: [countRule("ka", 70, 3)],
    want: 40,
  },
  {
    name: "stays where less is kept",
    last: [{ ...countRule("ka", 55, 3), countedFrom: 40 }],
    next: [countRule("ka", 70, 2)],
    want: 40,
  },
  {
    name: "begins anew where more is kept",
    last: [{ ...countRule("ka", 55, 3), countedFrom: 40 }],
    next: [countRule("ka", 70, 4)],
    want: 55,
  },
  {
    name: "begins anew behind a rule by time",
    last: [timeRule("ka", 55)],
    next: [countRule("ka", 55, 4)],
    want: 55,
  },
  {
    name: "begins at the horizon of the rule that the keys were under",
    last: [{ ...countRule("k", 52, 9), countedFrom: 10 }],
    next: [{ ...countRule("k", 52, 9), countedFrom: 10 }, countRule("ka", 60, 1)],
    want: 52,
  },
  {
    name: "rises to the horizon of a rule whose keys it inherits",
    last: [{ ...countRule("ka", 60, 3), countedFrom: 40 }, retiredRule("kab", 58)],
    next: [countRule("ka", 60, 3)],
    want: 58,
  },
  {
    name: "does not rise for keys that go to another",
    last: [
      { ...countRule("ka", 60, 3), countedFrom: 40 },
      timeRule("kab", 61),
      timeRule("kabc", 58),
    ],
    next: [countRule("ka", 60, 3), timeRule("kab", 61)],
    want: 40,
  },
  {
    name: "is taken off a rule that counts no more",
    last: [{ ...countRule("ka", 55, 3), countedFrom: 40 }],
    next: [{ ...retiredRule("ka", 55), countedFrom: 40 }],
  },
];
for (const { name, last, next, want } of counted) {
  Deno.test(`withCounts(): countedFrom ${name}`, () => {
    const found = withCounts(withRules(next), withRules(last));
    equal(found.rules.find(({ prefix }) => prefix === "ka")?.countedFrom, want);
    deepEqual(found.rules.map(({ prefix }) => prefix), next.map(({ prefix }) => prefix));
  });
}

Deno.test("withCounts() leaves horizons with the same rules as they are", () => {
  const next = { ...horizons, userVersion: 60 };
  equal(withCounts(next, horizons), next);
});
