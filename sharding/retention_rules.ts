/**
 * How commands change the retention rules, as part of a replica's horizons. Pure.
 *
 * A rule begins at the horizon that its keys had before, and a horizon never falls: what an older
 * rule has given to VACUUM stays out of sight under a newer one. A rule that is taken back is retired:
 * it stays, at its horizon, until the horizon that its keys would fall back to has come up to it.
 *
 * Invariants:
 *
 *  1. The horizon of no key ever falls.
 *  2. Rules are in order of their prefixes, each prefix once, at most `ruleCountMax` of them.
 *
 * @module
 */
import { horizonOf, type Horizons, type RetentionRule } from "../storage/mod.ts";
import type { RuleHorizon } from "./command.ts";
import type { RetentionTerm } from "./database.ts";

/** How many rules there may be, retired ones included. */
export const ruleCountMax = 256;

/** The longest prefix of a rule, in bytes. */
export const rulePrefixSizeBytesMax = 256;

/** Returns the horizons with a rule, in place of an older one; undefined where there are too many. */
export function withRule(
  horizons: Horizons,
  rule: { readonly prefix: string; readonly term: RetentionTerm },
): Horizons | undefined {
  const { prefix, term } = rule;
  const others = horizons.rules.filter((one) => one.prefix !== prefix);
  if (others.length >= ruleCountMax) return undefined;
  const added: RetentionRule = {
    prefix,
    retentionMicros: term.kind === "duration" ? term.retentionMicros : undefined,
    versionCount: term.kind === "versions" ? term.versionCount : 0,
    isRetired: false,
    version: horizonOf(horizons, prefix),
  };
  return { ...horizons, rules: sorted([...others, added]) };
}

/** Returns the horizons with a rule retired; undefined where there is none. */
export function withoutRule(horizons: Horizons, prefix: string): Horizons | undefined {
  const found = horizons.rules.find((one) => one.prefix === prefix && !one.isRetired);
  if (found === undefined) return undefined;
  const retired = { ...found, retentionMicros: undefined, versionCount: 0, isRetired: true };
  const rules = horizons.rules.map((one) => one === found ? retired : one);
  return withoutSpentRules({ ...horizons, rules });
}

/** Returns the horizons with those of some rules moved on. Unknown and retired ones stay. */
export function withAdvancedRules(
  horizons: Horizons,
  advances: readonly RuleHorizon[],
): Horizons {
  if (advances.length === 0) return horizons;
  const wanted = new Map(advances.map(({ prefix, version }) => [prefix, version]));
  const rules = horizons.rules.map((rule) => {
    const version = wanted.get(rule.prefix) ?? 0;
    return rule.isRetired || version <= rule.version ? rule : { ...rule, version };
  });
  return { ...horizons, rules };
}

/** Returns the horizons without the retired rules that make no difference any more. */
export function withoutSpentRules(horizons: Horizons): Horizons {
  let current = horizons;
  for (const rule of horizons.rules) {
    if (!rule.isRetired) continue;
    const rest = { ...current, rules: current.rules.filter((one) => one.prefix !== rule.prefix) };
    if (horizonOf(rest, rule.prefix) >= rule.version) current = rest;
  }
  return current;
}

function sorted(rules: readonly RetentionRule[]): RetentionRule[] {
  return [...rules].sort((left, right) => left.prefix < right.prefix ? -1 : 1);
}
