/**
 * The versions that the database in memory keeps of each key, and how far back they can be read.
 *
 * @module
 */
import type {
  KeyHistory,
  KeyRange,
  KeyVersion,
  RetentionRuleView,
  RetentionTerm,
  StoredValue,
  WatchEvent,
} from "../../sharding/mod.ts";
import { ShardError } from "../../sharding/mod.ts";

/** A value before it has its version. */
export interface Draft {
  readonly bytes: Uint8Array;
  readonly contentType: string;
  readonly expiresAt: number | undefined;
}

/** What a commit does to one key: a value, or none and why. */
export type Change = Draft | "delete" | "expire";

/** All changes of one version. */
interface Commit {
  readonly version: number;
  readonly events: readonly Omit<WatchEvent, "previous">[];
}

const historySizeBytesMax = 16_777_216;

interface Rule {
  readonly term: RetentionTerm;
  version: number;
}

/** Keeps every version, and hides those behind the horizons. */
export class MemoryVersions {
  /** What can be read where no rule says otherwise: at or above it. */
  watermark = 0;
  /** In order of their versions. */
  readonly commits: Commit[] = [];
  readonly #kept = new Map<string, KeyVersion[]>();
  readonly #rules = new Map<string, Rule>();
  #sorted: string[] | undefined = [];

  /** How many rules there are. */
  get ruleCount(): number {
    return this.#rules.size;
  }

  /** Adds what one commit changes. */
  commit(
    changes: ReadonlyMap<string, Change>,
    version: number,
    writer: { readonly node: string; readonly token: string },
  ): void {
    const events: Omit<WatchEvent, "previous">[] = [];
    for (const [key, change] of changes) {
      const isValue = typeof change === "object";
      const kind = isValue ? "set" : change;
      const value = isValue ? { ...change, bytes: change.bytes.slice(), version } : undefined;
      const kept = this.#kept.get(key);
      const entry: KeyVersion = { version, kind, value, ...writer };
      if (kept === undefined) {
        this.#kept.set(key, [entry]);
        this.#sorted = undefined;
      } else kept.push(entry);
      events.push({ kind, key, version, value });
    }
    this.commits.push({ version, events });
  }

  /** Returns what a key holds at a version; nothing is refused. */
  peek(key: string, version: number): StoredValue | undefined {
    const value = this.#kept.get(key)?.findLast((entry) => entry.version <= version)?.value;
    return value?.expiresAt !== undefined && value.expiresAt <= version ? undefined : value;
  }

  /** Returns what a key holds at a version. @throws {ShardError} `version_vacuumed`. */
  read(key: string, version: number): StoredValue | undefined {
    const horizon = this.horizonOf(key);
    if (version < horizon) {
      const isCounted = this.#ruleOf(key)?.term.kind === "versions";
      const isShown = isCounted && this.#shown(key).some((entry) => entry.version <= version);
      if (!isShown) throw vacuumed(version, horizon);
    }
    return this.peek(key, version);
  }

  /** @throws {ShardError} `version_vacuumed` where a range cannot be read at a version. */
  checkRange(range: KeyRange, version: number): void {
    const horizon = this.#horizonOver(range);
    if (version < horizon) throw vacuumed(version, horizon);
  }

  /** Returns the keys of a range whose values have expired without a word of it. */
  due(version: number): string[] {
    return [...this.#kept].filter(([, entries]) => {
      const expiresAt = entries.at(-1)?.value?.expiresAt;
      return expiresAt !== undefined && expiresAt <= version;
    }).map(([key]) => key);
  }

  /** Returns the keys that a range ever had, in order. */
  keysIn(range: KeyRange, isReverse = false): string[] {
    this.#sorted ??= [...this.#kept.keys()].sort((left, right) => left < right ? -1 : 1);
    const { start = "", end } = range;
    const keys = this.#sorted.filter((key) => key >= start && (end === undefined || key < end));
    return isReverse ? keys.reverse() : keys;
  }

  /** Returns what is kept of a key, as of a version. */
  history(
    key: string,
    options: { readonly limit: number; readonly before?: number; readonly withoutValues?: boolean },
  ): Omit<KeyHistory, "version"> {
    const { limit, before = Number.MAX_SAFE_INTEGER, withoutValues } = options;
    const older = this.#shown(key).filter((entry) => entry.version < before);
    const versions: KeyVersion[] = [];
    let sizeBytes = 0;
    for (const entry of older.slice(0, limit)) {
      const value = withoutValues && entry.value !== undefined
        ? { ...entry.value, bytes: new Uint8Array(0) }
        : entry.value;
      sizeBytes += value?.bytes.length ?? 0;
      if (sizeBytes > historySizeBytesMax && versions.length > 0) break;
      versions.push({ ...entry, value });
    }
    const hasMore = older.length > versions.length;
    return { versions, hasMore, oldestVersion: this.horizonOf(key) };
  }

  /** Sets a rule; its horizon is where the key's was. */
  setRule(prefix: string, term: RetentionTerm): void {
    this.#rules.set(prefix, { term, version: this.horizonOf(prefix) });
  }

  /** Takes a rule back. @returns Whether there was one. */
  removeRule(prefix: string): boolean {
    return this.#rules.delete(prefix);
  }

  /** Lets the versions below go, of the keys under a rule's prefix. */
  moveRule(prefix: string, version: number): void {
    const rule = this.#rules.get(prefix);
    if (rule === undefined) throw new Error(`There is no rule for ${prefix}`);
    rule.version = version;
  }

  /** Returns the rules in order of their prefixes. */
  rules(): RetentionRuleView[] {
    return [...this.#rules].sort(([left], [right]) => left < right ? -1 : 1)
      .map(([prefix, { term, version }]) => ({ prefix, term, oldestVersion: version }));
  }

  /** Returns the oldest version of a key that can be read for sure. */
  horizonOf(key: string): number {
    return this.#ruleOf(key)?.version ?? this.watermark;
  }

  #ruleOf(key: string): Rule | undefined {
    const prefixes = [...this.#rules.keys()].filter((prefix) => key.startsWith(prefix));
    const longest = prefixes.sort((left, right) => right.length - left.length)[0];
    return longest === undefined ? undefined : this.#rules.get(longest);
  }

  #horizonOver({ start = "", end }: KeyRange): number {
    let horizon = 0;
    let isInsideRule = false;
    for (const [prefix, { version }] of this.#rules) {
      const behind = prefix.slice(0, -1) +
        String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
      if (start < behind && (end === undefined || prefix < end)) {
        horizon = Math.max(horizon, version);
      }
      if (start >= prefix && end !== undefined && end <= behind) isInsideRule = true;
    }
    return isInsideRule ? horizon : Math.max(horizon, this.watermark);
  }

  /** Newest first. */
  #shown(key: string): KeyVersion[] {
    const horizon = this.horizonOf(key);
    const term = this.#ruleOf(key)?.term;
    const countMin = term?.kind === "versions" ? term.versionCount : 1;
    let isBehind = false;
    return (this.#kept.get(key) ?? []).toReversed().filter((entry, index) => {
      const isShown = index < countMin || entry.version > horizon || !isBehind;
      if (entry.version <= horizon) isBehind = true;
      return isShown;
    });
  }
}

function vacuumed(version: number, oldestVersion: number): ShardError {
  return new ShardError(
    "version_vacuumed",
    `Cannot read version ${version}: the oldest that is kept is ${oldestVersion}`,
    { oldestVersion },
  );
}
