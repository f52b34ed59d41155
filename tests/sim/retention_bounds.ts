/**
 * How far a node may have given old versions to VACUUM by some time: what is refused as vacuumed must
 * lie below that. What a node really gave away is mostly less.
 *
 * The horizon of a rule is never ahead of the time by less than its retention. It begins where its
 * keys were before, and never falls, whatever rule takes its place. One that was taken back stays where
 * it was, for its keys and for those of a longer one that is taken back later.
 *
 * @module
 */
import type { Command, RetentionTerm } from "../../sharding/database.ts";

interface Rule {
  readonly term: RetentionTerm;
  /** What its horizon may be at least, from the beginning of the epoch on. */
  readonly base: number;
}

/** A stretch of versions with one set of rules. That of no prefix is the node's own retention. */
interface Epoch {
  readonly start: number;
  /** The largest version that may have been drawn in it. */
  end: number;
  readonly rules: ReadonlyMap<string, Rule>;
  /** Where the horizons of those stay that were taken back. */
  readonly retired: ReadonlyMap<string, number>;
}

/** Which keys are asked about: one, or a range. */
export type BoundKeys = string | { readonly start: string; readonly end?: string };

const noRules: ReadonlyMap<string, Rule> = new Map();

/** The retentions of all lives of a node. */
export class RetentionBounds {
  readonly #epochs: Epoch[] = [];

  /** A process begins, behind a version, with the rules that its log holds. */
  begin(
    version: number,
    options: {
      readonly retentionMicros: number;
      readonly rules: ReadonlyMap<string, RetentionTerm>;
    },
  ): void {
    const own: RetentionTerm = { kind: "duration", retentionMicros: options.retentionMicros };
    this.#follow(version, new Map([["", own], ...options.rules]));
  }

  /** The process has ended; nothing was drawn above a version. */
  end(version: number): void {
    const epoch = this.#epochs.at(-1);
    if (epoch !== undefined) epoch.end = Math.min(epoch.end, version);
  }

  /** A command was committed. */
  apply(command: Command, version: number): void {
    const last = this.#epochs.at(-1);
    if (last === undefined) return;
    const terms = new Map([...last.rules].map(([prefix, { term }]) => [prefix, term]));
    if (command.kind === "set_retention") terms.set(command.prefix, command.rule);
    else if (command.kind === "remove_retention") terms.delete(command.prefix);
    else return;
    last.end = version;
    this.#follow(version, terms);
  }

  /** Returns the oldest version that anybody may be told to be the oldest, at a time. */
  horizonMax(keys: BoundKeys, now: number): number {
    let horizon = 0;
    for (const epoch of this.#epochs) {
      if (epoch.start > now) continue;
      horizon = Math.max(horizon, horizonIn(epoch, keys, Math.min(now, epoch.end)));
    }
    return horizon;
  }

  /** The same of change records, which go by the node's own retention. */
  changeHorizonMax(now: number): number {
    return this.horizonMax("", now);
  }

  /**
   * Returns the rule that counts which a key is under at a time, and since which version it alone
   * decides: one that is taken back beneath it leaves gaps behind.
   */
  countOf(key: string, now: number): { versionCount: number; since: number } | undefined {
    let found: { prefix: string; versionCount: number; since: number } | undefined;
    let before = noRules;
    for (const { start, rules } of this.#epochs) {
      if (start > now) break;
      const { prefix, rule } = ruleOf(rules, key);
      const versionCount = rule?.term.kind === "versions" ? rule.term.versionCount : 0;
      const isSame = found?.prefix === prefix && found.versionCount === versionCount;
      const hasGap = [...before.keys()].some((other) =>
        other.startsWith(prefix) && !rules.has(other)
      );
      if (!isSame || hasGap) found = { prefix, versionCount, since: start };
      before = rules;
    }
    return found === undefined || found.versionCount === 0 ? undefined : found;
  }

  /** Begins an epoch behind the last, which has ended. */
  #follow(version: number, terms: ReadonlyMap<string, RetentionTerm>): void {
    const last = this.#epochs.at(-1);
    const baseOf = (prefix: string) => last === undefined ? 0 : this.horizonMax(prefix, last.end);
    const rules = new Map<string, Rule>();
    for (const [prefix, term] of terms) rules.set(prefix, { term, base: baseOf(prefix) });
    const retired = new Map(last?.retired);
    for (const prefix of last?.rules.keys() ?? []) retired.set(prefix, baseOf(prefix));
    for (const prefix of terms.keys()) retired.delete(prefix);
    this.#epochs.push({ start: version, end: Infinity, rules, retired });
  }
}

function horizonIn({ rules, retired }: Epoch, keys: BoundKeys, version: number): number {
  let horizon = 0;
  if (typeof keys === "string") {
    const { prefix, rule } = ruleOf(rules, keys);
    if (rule !== undefined) horizon = horizonAt(rule, version);
    for (const [other, base] of retired) {
      if (keys.startsWith(other) && other.length > prefix.length) horizon = Math.max(horizon, base);
    }
    return horizon;
  }
  for (const [prefix, rule] of rules) {
    if (isTouched(prefix, keys)) horizon = Math.max(horizon, horizonAt(rule, version));
  }
  for (const [prefix, base] of retired) {
    if (isTouched(prefix, keys)) horizon = Math.max(horizon, base);
  }
  return horizon;
}

function ruleOf(
  rules: ReadonlyMap<string, Rule>,
  key: string,
): { readonly prefix: string; readonly rule: Rule | undefined } {
  let longest = "";
  for (const prefix of rules.keys()) {
    if (key.startsWith(prefix) && prefix.length > longest.length) longest = prefix;
  }
  return { prefix: longest, rule: rules.get(longest) };
}

function isTouched(
  prefix: string,
  { start, end = "\xff\xff" }: { readonly start: string; readonly end?: string },
): boolean {
  return prefix < end && (start <= prefix || start.startsWith(prefix));
}

/** What lies beyond a count may go at once. */
function horizonAt({ term, base }: Rule, version: number): number {
  return Math.max(base, version - (term.kind === "duration" ? term.retentionMicros : 0));
}
