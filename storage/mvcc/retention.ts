/**
 * Which horizon a key has: that of the longest retention rule whose prefix it begins with, or the
 * watermark. Pure.
 *
 * A rule that counts keeps so many newest versions of each key beyond its horizon, and those can be
 * read there. But a tree that was vacuumed under another rule before has gaps: merges drop what lies
 * behind the horizon in the files they read, and what lies deeper stays. A value from below such a
 * gap would be a wrong answer. So each rule that counts remembers from which version on it alone
 * decided what was dropped, `countedFrom`; `withCounts` keeps it as rules come, change and go.
 *
 * ```
 * versions   10  9     7     5  4        a rule that counts 3 began at horizon 8
 *            kept      │     └──┴ from below a gap: 6 is gone
 *                      └ newest at or below 8: the last that the rule answers for
 * ```
 *
 * Invariants:
 *
 *  1. A key's horizon never falls (`checkHorizonsFollow`).
 *  2. Of a rule that counts n, what is among the n newest entries of its key and visible at or above
 *     `countedFrom` has no gap above it.
 *
 * @module
 */
import { invariant } from "../env/mod.ts";
import type { Horizons, RetentionRule } from "../key_space.ts";
import { userSpace } from "../key_space.ts";

/** Keeps everything. */
export const noHorizons: Horizons = {
  userVersion: 0,
  expiryVersion: 0,
  rules: [],
  changeVersion: 0,
  requestVersion: 0,
};

/** Returns the rule that a tree key is under: the longest; undefined where it is under none. */
export function ruleOf(horizons: Horizons, treeKey: string): RetentionRule | undefined {
  const { rules } = horizons;
  if (rules.length === 0) return undefined;
  // Of the prefixes of one key the longer sorts behind the shorter, and all sort before the key.
  for (let slot = countAtOrBefore(rules, treeKey) - 1; slot >= 0; slot--) {
    if (treeKey.startsWith(rules[slot].prefix)) return rules[slot];
  }
  return undefined;
}

/** Returns the oldest version at which a tree key can be read, whatever was vacuumed. */
export function horizonOf(horizons: Horizons, treeKey: string): number {
  return ruleOf(horizons, treeKey)?.version ?? horizons.userVersion;
}

/** Returns the oldest version at which all keys of [start, end) can be read. */
export function horizonOver(horizons: Horizons, start: string, end: string | undefined): number {
  const covering = coveringRule(horizons, { start, end });
  let horizon = covering?.version ?? horizons.userVersion;
  for (const rule of horizons.rules) {
    // A shorter one that covers the range too has nothing to say there.
    const isInside = covering === undefined || rule.prefix.length > covering.prefix.length;
    if (isInside && rule.version > horizon && touchesPrefix({ start, end }, rule.prefix)) {
      horizon = rule.version;
    }
  }
  return horizon;
}

/** Returns the oldest version at which every key can be read. */
export function largestHorizon(horizons: Horizons): number {
  let horizon = horizons.userVersion;
  for (const { version } of horizons.rules) horizon = Math.max(horizon, version);
  return horizon;
}

/** A half-open range of tree keys. */
export interface TreeRange {
  /** The first key in it. */
  readonly start: string;
  /** The first key behind it; undefined for no end. */
  readonly end: string | undefined;
}

/** Returns the longest rule that all keys of a range are under. */
export function coveringRule(horizons: Horizons, range: TreeRange): RetentionRule | undefined {
  const { start, end } = range;
  if (end === undefined) return undefined;
  return horizons.rules.findLast(({ prefix }) =>
    start.startsWith(prefix) && end <= endOfPrefix(prefix)
  );
}

/** Tells whether a range has room for a key that begins with a prefix. */
export function touchesPrefix({ start, end }: TreeRange, prefix: string): boolean {
  return (end === undefined || prefix < end) && (start <= prefix || start.startsWith(prefix));
}

/** Returns the first key behind all that begin with a prefix of user keys. */
function endOfPrefix(prefix: string): string {
  let length = prefix.length;
  while (prefix.charCodeAt(length - 1) === 0xff) length--;
  return prefix.slice(0, length - 1) + String.fromCharCode(prefix.charCodeAt(length - 1) + 1);
}

/**
 * Returns horizons with `countedFrom` of every rule that counts, as it follows from those before.
 *
 * @param last With `countedFrom` themselves.
 */
export function withCounts(next: Horizons, last: Horizons): Horizons {
  if (next.rules === last.rules) return next;
  const rules = next.rules.map((rule) => {
    const { countedFrom: _, ...given } = rule;
    return rule.versionCount === 0
      ? given
      : { ...given, countedFrom: countStart(rule, { next, last }) };
  });
  return { ...next, rules };
}

function countStart(
  rule: RetentionRule,
  { next, last }: { next: Horizons; last: Horizons },
): number {
  const before = last.rules.find(({ prefix }) => prefix === rule.prefix);
  // What was kept for a larger count is enough for a smaller one.
  const isKept = before?.countedFrom !== undefined && before.versionCount >= rule.versionCount;
  let start = isKept ? before.countedFrom : horizonOf(last, rule.prefix);
  for (const gone of last.rules) {
    const isHeir = !next.rules.some(({ prefix }) => prefix === gone.prefix) &&
      ruleOf(next, gone.prefix)?.prefix === rule.prefix;
    if (isHeir) start = Math.max(start, gone.version);
  }
  return start;
}

/** Checks that horizons may follow others: no key's horizon falls. */
export function checkHorizonsFollow(next: Horizons, last: Horizons): void {
  invariant(
    next.userVersion >= last.userVersion && next.expiryVersion >= last.expiryVersion &&
      next.changeVersion >= last.changeVersion && next.requestVersion >= last.requestVersion,
    () => `Horizons never fall: ${JSON.stringify([last, next])}`,
  );
  if (next.rules === last.rules) return;
  checkRules(next.rules);
  // All keys whose longest prefix of either side is the same have one horizon before and one behind.
  for (const { prefix } of [...last.rules, ...next.rules]) {
    const before = horizonOf(last, prefix);
    const behind = horizonOf(next, prefix);
    invariant(
      behind >= before,
      () => `The horizon of ${JSON.stringify(prefix)} falls from ${before} to ${behind}`,
    );
  }
}

/** Checks that rules are in order, each prefix once, and that each of them says one thing. */
export function checkRules(rules: readonly RetentionRule[]): void {
  for (const [slot, rule] of rules.entries()) {
    const isOrdered = slot === 0 || rules[slot - 1].prefix < rule.prefix;
    invariant(
      isOrdered && rule.prefix[0] === userSpace,
      () => `Rules are of user keys, in order: ${JSON.stringify(rules)}`,
    );
    const isCounting = rule.versionCount > 0;
    const isTimed = rule.retentionMicros !== undefined;
    invariant(
      rule.isRetired ? !isCounting : isCounting !== isTimed,
      () => `A rule goes by time or counts, and by neither once retired: ${JSON.stringify(rule)}`,
    );
  }
}

/** Returns how many rules have prefixes at or before a key. */
function countAtOrBefore(rules: readonly RetentionRule[], treeKey: string): number {
  let low = 0;
  let high = rules.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rules[middle].prefix <= treeKey) low = middle + 1;
    else high = middle;
  }
  return low;
}
