/**
 * Which watches a key concerns.
 *
 * Most watch one key or a prefix: those are found by a look into a table, one for each length that a
 * prefix has. What watches any other range is asked one by one, each range once.
 *
 * @module
 */
import type { KeyRange } from "./database.ts";
import { prefixRange } from "./prefix_range.ts";

/** Those who watch the same keys. Never empty. */
export type Watchers<Watcher> = Set<Watcher>;

interface RangeWatchers<Watcher> {
  readonly range: KeyRange;
  readonly watchers: Watchers<Watcher>;
}

interface PrefixTable<Watcher> {
  readonly length: number;
  readonly byPrefix: Map<string, Watchers<Watcher>>;
}

/** Finds watches by key. */
export class WatchIndex<Watcher> {
  readonly #byKey = new Map<string, Watchers<Watcher>>();
  readonly #prefixTables: PrefixTable<Watcher>[] = [];
  readonly #byRange = new Map<string, RangeWatchers<Watcher>>();
  #size = 0;

  /** How many watches are in it. */
  get size(): number {
    return this.#size;
  }

  /** Adds a watch, which is not in it. */
  add(range: KeyRange, watcher: Watcher): void {
    this.#size++;
    const shape = shapeOf(range);
    if (shape.kind === "range") {
      const name = rangeName(range);
      const known = this.#byRange.get(name);
      if (known === undefined) this.#byRange.set(name, { range, watchers: new Set([watcher]) });
      else known.watchers.add(watcher);
      return;
    }
    const table = shape.kind === "key" ? this.#byKey : this.#prefixTable(shape.text.length);
    const known = table.get(shape.text);
    if (known === undefined) table.set(shape.text, new Set([watcher]));
    else known.add(watcher);
  }

  /** Takes a watch out again, by the range that it was added with. */
  delete(range: KeyRange, watcher: Watcher): void {
    const shape = shapeOf(range);
    if (shape.kind === "range") {
      const name = rangeName(range);
      const known = this.#byRange.get(name);
      if (known?.watchers.delete(watcher)) this.#size--;
      if (known?.watchers.size === 0) this.#byRange.delete(name);
      return;
    }
    const { text } = shape;
    const table = shape.kind === "key" ? this.#byKey : this.#prefixTable(text.length);
    const known = table.get(text);
    if (known?.delete(watcher)) this.#size--;
    if (known?.size === 0) table.delete(text);
    if (shape.kind === "prefix" && table.size === 0) {
      const slot = this.#prefixTables.findIndex(({ length }) => length === text.length);
      this.#prefixTables.splice(slot, 1);
    }
  }

  /** Puts those whom a key concerns into `into`, whose former contents go. Each comes once. */
  find(key: string, into: Watchers<Watcher>[]): void {
    into.length = 0;
    const exact = this.#byKey.get(key);
    if (exact !== undefined) into.push(exact);
    for (const { length, byPrefix } of this.#prefixTables) {
      if (length > key.length) continue;
      const found = byPrefix.get(length === key.length ? key : key.slice(0, length));
      if (found !== undefined) into.push(found);
    }
    for (const { range, watchers } of this.#byRange.values()) {
      if (isInRange(key, range)) into.push(watchers);
    }
  }

  #prefixTable(length: number): Map<string, Watchers<Watcher>> {
    let table = this.#prefixTables.find((one) => one.length === length);
    if (table === undefined) {
      table = { length, byPrefix: new Map() };
      this.#prefixTables.push(table);
    }
    return table.byPrefix;
  }
}

/** Tells whether a key lies in a range. */
export function isInRange(key: string, { start, end }: KeyRange): boolean {
  return (start === undefined || key >= start) && (end === undefined || key < end);
}

type Shape = { readonly kind: "key" | "prefix"; readonly text: string } | {
  readonly kind: "range";
};

function shapeOf({ start = "", end }: KeyRange): Shape {
  if (end === `${start}\0`) return { kind: "key", text: start };
  return prefixRange(start).end === end ? { kind: "prefix", text: start } : { kind: "range" };
}

function rangeName({ start = "", end }: KeyRange): string {
  return `${start.length} ${start}${end === undefined ? "" : `<${end}`}`;
}
