/**
 * An engine under retention rules that come, count, change and go, beside a model that forgets
 * nothing, and what must hold between the two at every moment.
 *
 * A value that ends in `@` and a number expires at that version.
 *
 * @module
 */
import { equal, ok, throws } from "node:assert/strict";
import { EntryKind } from "../../storage/cursor.ts";
import type { Engine } from "../../storage/engine.ts";
import { latin1Decode } from "../../storage/env/mod.ts";
import { StorageError } from "../../storage/errors.ts";
import type { Horizons, RetentionRule } from "../../storage/key_space.ts";
import { expirySpace } from "../../storage/key_space.ts";
import { drain, textAt } from "./engine_fixture.ts";

/** Finds when a value of the test expires. */
export function testExpiryOf(source: Uint8Array, valueStart: number, valueEnd: number): number {
  return expiryOfText(latin1Decode(source, valueStart, valueEnd));
}

function expiryOfText(text: string): number {
  const at = text.lastIndexOf("@");
  return at < 0 ? Infinity : Number(text.slice(at + 1));
}

/** Returns the key of the index of expiries for a value that expires. */
export function indexKey(due: number, key: string): string {
  const bytes = Array.from({ length: 8 }, (_, index) => Math.floor(due / 256 ** (7 - index)) % 256);
  return expirySpace + String.fromCharCode(...bytes) + key.slice(1);
}

/** One version of a key; no value is a tombstone. */
export interface ModelVersion {
  readonly version: number;
  readonly value: string | undefined;
}

/** Every version of every user key, and every entry of the index of expiries. */
export class RetentionModel {
  /** Per key its versions, newest first. */
  readonly keys = new Map<string, ModelVersion[]>();
  /** When what was written expires, by the key in the index, with the version that wrote it. */
  readonly dues = new Map<string, { due: number; version: number }>();

  /** Adds a version, newer than all before. */
  write(key: string, version: number, value: string | undefined): void {
    this.keys.set(key, [{ version, value }, ...this.keys.get(key) ?? []]);
  }

  /** Forgets all above a version: it was not durable. */
  cutBack(version: number): void {
    for (const [key, versions] of this.keys) {
      this.keys.set(key, versions.filter((one) => one.version <= version));
    }
    for (const [key, due] of this.dues) if (due.version > version) this.dues.delete(key);
  }

  /** Returns the value that is seen at a version. */
  get(key: string, version: number): string | undefined {
    const value = this.keys.get(key)?.find((one) => one.version <= version)?.value;
    return value === undefined || expiryOfText(value) <= version ? undefined : value;
  }

  /** Returns `key=value` of all that is seen of a range at a version. */
  range(start: string, end: string, version: number): string[] {
    return [...this.keys.keys()].filter((key) => key >= start && key < end).sort()
      .flatMap((key) => {
        const value = this.get(key, version);
        return value === undefined ? [] : [`${key}=${value}`];
      });
  }
}

function ruleFor(horizons: Horizons, key: string): RetentionRule | undefined {
  return horizons.rules.filter(({ prefix }) => key.startsWith(prefix))
    .sort((left, right) => right.prefix.length - left.prefix.length).at(0);
}

/** Compares all that can be seen at some versions, by every way of looking. */
export function expectRetained(
  engine: Engine,
  model: RetentionModel,
  versions: readonly number[],
): void {
  const { horizons, lastVersion } = engine.applied;
  for (const key of model.keys.keys()) {
    for (const version of versions) expectPoint(engine, model, { key, version });
    expectEntries(engine, model, key);
  }
  for (const version of versions) {
    for (const [start, end] of [["k", "l"], ["ka", "kb"], ["kab", "kac"], ["kb", "l"]]) {
      expectRange(engine, model, { start, end, version });
    }
  }
  const open = [...model.dues].filter(([, { due }]) => due > horizons.expiryVersion);
  const range = { start: expirySpace, end: "f", version: lastVersion };
  const indexed = new Set(drain(engine.cursor(range)).map((text) => text.slice(0, -1)));
  for (const [key] of open) ok(indexed.has(key), "the index names all that is still to expire");
}

function expectPoint(
  engine: Engine,
  model: RetentionModel,
  { key, version }: { key: string; version: number },
): void {
  const { horizons } = engine.applied;
  const rule = ruleFor(horizons, key);
  const horizon = rule?.version ?? horizons.userVersion;
  equal(engine.horizonOf(key), horizon);
  const place = `${key} at ${version}, horizon ${horizon}`;
  if (version >= horizon) {
    return equal(textAt(engine, key, version), model.get(key, version), place);
  }
  const vacuumed = { code: "version_vacuumed", oldestVersion: horizon };
  const count = rule?.versionCount ?? 0;
  if (count === 0) return throws(() => textAt(engine, key, version), vacuumed, place);
  const all = model.keys.get(key) ?? [];
  const slot = all.findIndex((one) => one.version <= version);
  const isKept = version >= (rule?.countedFrom ?? Infinity) && slot >= 0 && slot < count;
  // A tombstone may go where nothing is left behind it.
  if (isKept && all[slot].value !== undefined) {
    return equal(textAt(engine, key, version), model.get(key, version), place);
  }
  try {
    equal(textAt(engine, key, version), model.get(key, version), place);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    equal(error.oldestVersion, horizon, place);
  }
}

function expectRange(
  engine: Engine,
  model: RetentionModel,
  range: { start: string; end: string; version: number },
): void {
  const { start, end, version } = range;
  if (version < engine.horizonOver(start, end)) {
    return throws(() => engine.cursor(range), { code: "version_vacuumed" });
  }
  const wanted = model.range(start, end, version);
  equal(drain(engine.cursor(range)).join("\n"), wanted.join("\n"), `at ${version}`);
  const reversed = drain(engine.cursor({ ...range, reverse: true }));
  equal(reversed.reverse().join("\n"), wanted.join("\n"), `back at ${version}`);
}

/** What is there of a key is part of what was written, and nothing is missing that must stay. */
function expectEntries(engine: Engine, model: RetentionModel, key: string): void {
  const { horizons } = engine.applied;
  const rule = ruleFor(horizons, key);
  const horizon = rule?.version ?? horizons.userVersion;
  const all = model.keys.get(key) ?? [];
  const found = new Map<number, string | undefined>();
  const walk = engine.versions(key, Number.MAX_SAFE_INTEGER);
  let last = Infinity;
  for (; walk.isValid; walk.next()) {
    const { version, kind, source, valueStart, valueEnd } = walk;
    ok(version < last, `${key} goes from newer to older`);
    last = version;
    const isValue = kind === EntryKind.value;
    found.set(version, isValue ? latin1Decode(source, valueStart, valueEnd) : undefined);
  }
  walk.close();
  const settled = all.find(({ version }) => version <= horizon)?.version;
  for (const [slot, { version, value }] of all.entries()) {
    const place = `${key} of ${version}, horizon ${horizon}`;
    const isCounted = slot < (rule?.versionCount ?? 0) &&
      version >= (rule?.countedFrom ?? Infinity);
    if (version > horizon || isCounted || version === settled) {
      const isGoneTombstone = value === undefined && version <= horizon && !found.has(version);
      if (isGoneTombstone) ok(last > version, `${place}: nothing is left behind a tombstone gone`);
      else equal(found.get(version), value, place);
    }
  }
  for (const [version, value] of found) {
    equal(all.find((one) => one.version === version)?.value, value, `${key} of ${version}`);
  }
}
