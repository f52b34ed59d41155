/**
 * What happened to the keys over all lives of a node: every commit and, as far as anybody was told,
 * every removal of a key whose time had passed.
 *
 * A removal is no command of a client: nobody acknowledges it, and it changes nothing that a reader
 * sees. So it is known from those who were told, and must fit: the key's value had expired, nothing
 * took its place before, and it was removed once.
 *
 * @module
 */
import { ok } from "node:assert/strict";
import type { Commit } from "./history.ts";
import { Model } from "./model.ts";
import type { Expiry } from "./single_node.ts";

/** What happened to a key, in any way that is told. */
export interface TimelineEvent {
  readonly key: string;
  readonly version: number;
  readonly kind: "set" | "delete" | "expire";
}

/** All commits of a node, in order. */
export class Timeline {
  readonly commits: Commit[] = [];
  /** The state after the last commit. */
  model: Model = new Model();
  readonly #events: TimelineEvent[] = [];
  readonly #expiries = new Map<string, Set<number>>();
  #isSorted = true;

  /** Adds the commits of a life, and the state that it left behind. */
  add(commits: readonly Commit[], model: Model): void {
    for (const { version, changes } of commits) {
      for (const { key, kind } of changes) this.#events.push({ key, version, kind });
    }
    this.commits.push(...commits);
    this.model = model;
    this.#isSorted = false;
  }

  /** Notes that a key was said to have been removed, as its time had passed. */
  addExpiry({ key, version }: Expiry): void {
    const known = this.#expiries.get(key) ?? new Set();
    if (known.has(version)) return;
    const entry = this.model.entry(key, version);
    const due = entry?.value?.expiresAt ?? Infinity;
    ok(
      entry !== undefined && entry.version < version && due <= version,
      `${key} was removed at ${version} though ${
        entry === undefined ? "nothing was there" : `version ${entry.version} lives until ${due}`
      }`,
    );
    const twice = [...known].find((other) => this.model.entry(key, other) === entry);
    ok(twice === undefined, `Version ${entry.version} of ${key} was removed at ${twice} already`);
    this.#expiries.set(key, known.add(version));
    this.#events.push({ key, version, kind: "expire" });
    this.#isSorted = false;
  }

  /** How many removals were told of. */
  get expiryCount(): number {
    return [...this.#expiries.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Returns at which version the value that a version wrote was removed, as far as anybody was told. */
  expiryOf(key: string, version: number): number | undefined {
    const entry = this.model.entry(key, version);
    return [...this.#expiries.get(key) ?? []].find((at) => this.model.entry(key, at) === entry);
  }

  /** Returns what happened behind a version and up to another, oldest first. */
  between(behind: number, upTo: number): TimelineEvent[] {
    if (!this.#isSorted) this.#events.sort((left, right) => left.version - right.version);
    this.#isSorted = true;
    const events: TimelineEvent[] = [];
    for (let index = countUpTo(this.#events, behind); index < this.#events.length; index++) {
      if (this.#events[index].version > upTo) break;
      events.push(this.#events[index]);
    }
    return events;
  }

  /** Returns how many entries a key may have had in the tree behind a version and up to another. */
  entryCountMax(key: string, behind: number, upTo: number): number {
    let count = 0;
    let entry = this.model.entry(key, upTo);
    for (; entry !== undefined && entry.version > behind; entry = entry.before) {
      count += isPast(entry.value?.expiresAt, upTo) ? 2 : 1;
    }
    // The value that was there before may have been removed meanwhile.
    return count + (isPast(entry?.value?.expiresAt, upTo) ? 1 : 0);
  }
}

function isPast(expiresAt: number | undefined, version: number): boolean {
  return expiresAt !== undefined && expiresAt <= version;
}

function countUpTo(events: readonly TimelineEvent[], version: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events[middle].version <= version) low = middle + 1;
    else high = middle;
  }
  return low;
}
