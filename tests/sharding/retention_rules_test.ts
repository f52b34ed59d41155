import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import {
  ruleCountMax,
  withAdvancedRules,
  withoutRule,
  withoutSpentRules,
  withRule,
} from "../../sharding/retention_rules.ts";
import type { RetentionTerm } from "../../sharding/database.ts";
import { horizonOf, type Horizons, noHorizons } from "../../storage/mod.ts";
import { checkHorizonsFollow } from "../../storage/mvcc/retention.ts";

const week: RetentionTerm = { kind: "duration", retentionMicros: 1_000 };
const three: RetentionTerm = { kind: "versions", versionCount: 3 };

function at(userVersion: number): Horizons {
  return { ...noHorizons, userVersion };
}

/** Sets rules of tree prefixes one after the other. */
function withRules(horizons: Horizons, ...rules: [string, RetentionTerm][]): Horizons {
  return rules.reduce(
    (before, [prefix, term]) => withRule(before, { prefix, term }) ?? before,
    horizons,
  );
}

/** Rules as text: prefix, horizon, and whether they are retired. */
function shown({ rules }: Horizons): string[] {
  return rules.map(({ prefix, version, isRetired }) =>
    `${prefix} ${version}${isRetired ? " retired" : ""}`
  );
}

Deno.test("withRule() begins a rule at the horizon that its keys had, in order of prefixes", () => {
  const outer = withRules(at(10), ["kb", week]);
  const moved = withAdvancedRules(outer, [{ prefix: "kb", version: 20 }]);
  const all = withRules(moved, ["kc", three], ["kba", three], ["ka", week]);
  deepEqual(shown(all), ["ka 10", "kb 20", "kba 20", "kc 10"]);
});

Deno.test("withRule() keeps the horizon where it takes a rule's place, retired or not", () => {
  const moved = withAdvancedRules(withRules(at(10), ["ka", week]), [{ prefix: "ka", version: 20 }]);
  const counting = withRules(moved, ["ka", three]);
  deepEqual(counting.rules, [
    { prefix: "ka", retentionMicros: undefined, versionCount: 3, isRetired: false, version: 20 },
  ]);
  const retired = withoutRule(moved, "ka") ?? noHorizons;
  deepEqual(shown(retired), ["ka 20 retired"]);
  deepEqual(shown(withRules(retired, ["ka", week])), ["ka 20"]);
});

Deno.test("withRule() allows so many rules, retired ones included", () => {
  let horizons = at(0);
  for (let index = 0; index < ruleCountMax; index++) {
    horizons = withRules(horizons, [`k${index}`, week]);
  }
  horizons = withAdvancedRules(horizons, [{ prefix: "k7", version: 5 }]);
  const retired = withoutRule(horizons, "k7") ?? noHorizons;
  equal(retired.rules.length, ruleCountMax);
  equal(withRule(retired, { prefix: "kx", term: week }), undefined);
  equal(withRule(retired, { prefix: "k7", term: week })?.rules.length, ruleCountMax);
});

Deno.test("withoutRule() tells where there is no rule to be taken back", () => {
  const moved = withAdvancedRules(withRules(at(0), ["ka", week]), [{ prefix: "ka", version: 9 }]);
  equal(withoutRule(moved, "kb"), undefined);
  const retired = withoutRule(moved, "ka") ?? noHorizons;
  equal(withoutRule(retired, "ka"), undefined);
});

Deno.test("withoutSpentRules() drops a retired rule once the horizon without it has come up", () => {
  const moved = withAdvancedRules(withRules(at(5), ["ka", week]), [{ prefix: "ka", version: 9 }]);
  const retired = withoutRule(moved, "ka") ?? noHorizons;
  deepEqual(shown(withoutSpentRules({ ...retired, userVersion: 8 })), ["ka 9 retired"]);
  deepEqual(shown(withoutSpentRules({ ...retired, userVersion: 9 })), []);
});

Deno.test("withoutSpentRules() goes by the rule around, and not by the watermark", () => {
  const outer = withRules(at(5), ["ka", week], ["kab", week]);
  const moved = withAdvancedRules(outer, [{ prefix: "kab", version: 9 }]);
  const retired = { ...withoutRule(moved, "kab") ?? noHorizons, userVersion: 100 };
  deepEqual(shown(withoutSpentRules(retired)), ["ka 5", "kab 9 retired"]);
  const caughtUp = withAdvancedRules(retired, [{ prefix: "ka", version: 9 }]);
  deepEqual(shown(withoutSpentRules(caughtUp)), ["ka 9"]);
});

Deno.test("withAdvancedRules() moves rules on and never back, and leaves others as they are", () => {
  const rules = withRules(at(0), ["ka", week], ["kb", three], ["kc", week]);
  const moved = withAdvancedRules(rules, [
    { prefix: "ka", version: 7 },
    { prefix: "kc", version: 5 },
    { prefix: "kd", version: 9 },
  ]);
  deepEqual(shown(moved), ["ka 7", "kb 0", "kc 5"]);
  deepEqual(shown(withAdvancedRules(moved, [{ prefix: "ka", version: 6 }])), shown(moved));
  const retired = withoutRule(moved, "ka") ?? noHorizons;
  const again = withAdvancedRules(retired, [{ prefix: "ka", version: 70 }]);
  deepEqual(shown(again), ["ka 7 retired", "kb 0", "kc 5"]);
});

Deno.test("The horizon of no key ever falls, whatever becomes of rules inside one another", () => {
  const prefix = fc.constantFrom("ka", "kab", "kabc", "kb", "k\xff");
  const step = fc.record({
    action: fc.constantFrom("set", "count", "remove", "advance", "watermark", "spend"),
    prefix,
    by: fc.integer({ min: 1, max: 20 }),
  });
  const keys = ["k", "ka", "kab", "kabc", "kabcd", "kac", "kb", "kbb", "kz", "k\xff", "k\xff\xff"];
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let horizons = at(1);
      for (const { action, prefix, by } of steps) {
        const before = horizons;
        const next = {
          set: () => withRule(before, { prefix, term: week }),
          count: () => withRule(before, { prefix, term: three }),
          remove: () => withoutRule(before, prefix),
          advance: () =>
            withAdvancedRules(before, [{ prefix, version: horizonOf(before, prefix) + by }]),
          watermark: () => ({ ...before, userVersion: before.userVersion + by }),
          spend: () => withoutSpentRules(before),
        }[action]();
        horizons = next ?? before;
        checkHorizonsFollow(horizons, before);
        for (const key of keys) {
          equal(horizonOf(horizons, key) >= horizonOf(before, key), true, `${action} ${key}`);
        }
      }
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("Rules that were taken back are gone once everything has moved far enough", () => {
  const prefix = fc.constantFrom("ka", "kab", "kabc", "kb");
  fc.assert(fc.property(fc.array(fc.tuple(prefix, fc.nat(50)), { maxLength: 10 }), (given) => {
    let horizons = at(1);
    for (const [name, version] of given) {
      horizons = withAdvancedRules(withRules(horizons, [name, week]), [{ prefix: name, version }]);
    }
    for (const [name] of given) horizons = withoutRule(horizons, name) ?? horizons;
    deepEqual(shown(withoutSpentRules({ ...horizons, userVersion: 50 })), []);
  }));
});
