import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { EntryKind, versionMax } from "../../storage/cursor.ts";
import type { Engine } from "../../storage/engine.ts";
import { latin1Bytes, latin1Decode } from "../../storage/env/mod.ts";
import type { Horizons, RetentionRule } from "../../storage/key_space.ts";
import { coveringRule, horizonOf } from "../../storage/mvcc/retention.ts";
import {
  applyEntry,
  drain,
  memoryDisk,
  openEngine,
  type TestWrite,
  textAt,
} from "./engine_fixture.ts";
import { countRule, retiredRule, timeRule } from "./mvcc/rule_fixture.ts";
import { expectRetained, indexKey, RetentionModel, testExpiryOf } from "./retention_model.ts";

const prefixes = ["ka", "kab", "kb"] as const;
const prefixArbitrary = fc.constantFrom(...prefixes);
const part = fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true }));
const writeArbitrary = fc.record({
  key: fc.constantFrom("ka", "ka1", "kab", "kab1", "kac", "kb", "kb1", "kc"),
  size: fc.option(fc.nat({ max: 400 }), { nil: undefined, freq: 4 }),
  ttl: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined, freq: 2 }),
});
const termArbitrary = fc.constantFrom(0, 0, 1, 2, 3, 5);
const stepArbitrary = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.array(writeArbitrary, { minLength: 1, maxLength: 4 })
      .map((writes) => ({ kind: "apply" as const, writes })),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("rule" as const),
      prefix: prefixArbitrary,
      count: termArbitrary,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("retire" as const), prefix: prefixArbitrary }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      kind: fc.constant("advance" as const),
      prefix: fc.constantFrom(undefined, "expiry" as const, ...prefixes),
      part,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("hold" as const),
      prefix: fc.constantFrom(undefined, ...prefixes),
      part,
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "release" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "flush" as const }) },
  { weight: 4, arbitrary: fc.constant({ kind: "settle" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "reopen" as const }) },
);
type Step = typeof stepArbitrary extends fc.Arbitrary<infer Value> ? Value : never;

/** Carries out the steps on an engine and keeps the model beside it. */
class Run {
  readonly disk = memoryDisk();
  readonly model = new RetentionModel();
  holds: { snapshot: ReturnType<Engine["hold"]>; prefix: string | undefined }[] = [];
  engine!: Engine;

  async open(): Promise<void> {
    this.engine = await openEngine({ disk: this.disk, expiryOf: testExpiryOf });
  }

  async step(step: Step): Promise<void> {
    const { engine } = this;
    switch (step.kind) {
      case "apply":
        await engine.admission();
        return this.#apply(step.writes);
      case "rule": {
        const { prefix, count } = step;
        const version = horizonOf(engine.applied.horizons, prefix);
        return this.#replace(
          prefix,
          count === 0 ? timeRule(prefix, version) : countRule(prefix, version, count),
        );
      }
      case "retire": {
        const rule = engine.applied.horizons.rules.find(({ prefix }) => prefix === step.prefix);
        if (rule === undefined) return;
        // Whoever reads under a rule only is not kept by the watermark.
        for (const { snapshot, prefix } of this.holds) if (prefix !== undefined) snapshot.release();
        this.holds = this.holds.filter(({ prefix }) => prefix === undefined);
        return this.#replace(step.prefix, retiredRule(step.prefix, rule.version));
      }
      case "advance":
        return this.#advance(step.prefix, step.part);
      case "hold":
        return this.#hold(step.prefix, step.part);
      case "release":
        return this.holds.pop()?.snapshot.release();
      case "flush":
        return await engine.flush();
      case "settle":
        return await settled(20);
      case "reopen":
        await engine.close();
        equal(this.disk.openFileCount, 0);
        await this.open();
        this.model.cutBack(this.engine.applied.lastVersion);
        this.holds = [];
    }
  }

  check(parts: readonly number[]): void {
    const { horizons, lastVersion } = this.engine.applied;
    for (const { snapshot: { version }, prefix } of this.holds) {
      const horizon = prefix === undefined
        ? horizons.userVersion
        : this.engine.horizonOver(prefix, endOf(prefix));
      ok(horizon <= version, `A hold of ${prefix} at ${version} is passed: ${horizon}`);
    }
    const versions = [
      lastVersion,
      horizons.userVersion,
      ...horizons.rules.flatMap(({ version, countedFrom = version }) => [version, countedFrom]),
      ...horizons.rules.map(({ countedFrom = 1 }) => countedFrom - 1),
      ...this.holds.map(({ snapshot }) => snapshot.version),
      ...parts.map((one) => Math.floor(one * lastVersion)),
    ];
    expectRetained(this.engine, this.model, [...new Set(versions)].filter((one) => one >= 0));
  }

  #apply(given: readonly { key: string; size?: number; ttl?: number }[]): void {
    const version = this.engine.applied.lastVersion + 1;
    const writes = new Map<string, TestWrite>();
    for (const { key, size, ttl } of given) {
      const due = version + (ttl ?? 0);
      const text = `${version}${"x".repeat(size ?? 0)}${ttl === undefined ? "" : `@${due}`}`;
      writes.set(key, { key, value: size === undefined ? undefined : text });
    }
    for (const { key, value } of [...writes.values()]) {
      this.model.write(key, version, value);
      const due = value === undefined
        ? Infinity
        : testExpiryOf(latin1Bytes(value), 0, value.length);
      if (due === Infinity) continue;
      writes.set(indexKey(due, key), { key: indexKey(due, key), value: "" });
      this.model.dues.set(indexKey(due, key), { due, version });
    }
    applyEntry(this.engine, [...writes.values()]);
  }

  #replace(prefix: string, rule: RetentionRule): void {
    const { rules } = this.engine.applied.horizons;
    this.#commit({ rules: [...rules.filter((one) => one.prefix !== prefix), rule] });
  }

  #advance(prefix: string | undefined, part: number): void {
    const { engine } = this;
    const { horizons, lastVersion } = engine.applied;
    const between = (from: number, held = Infinity) =>
      Math.max(from, Math.min(held, Math.floor(from + part * (lastVersion - from))));
    if (prefix === "expiry") {
      return this.#commit({ expiryVersion: between(horizons.expiryVersion) });
    }
    if (prefix === undefined) {
      return this.#commit({
        userVersion: between(horizons.userVersion, engine.oldestHeldVersion()),
      });
    }
    const rules = horizons.rules.map((rule) => {
      if (rule.prefix !== prefix || rule.isRetired) return rule;
      return { ...rule, version: between(rule.version, engine.oldestHeldVersionIn(prefix)) };
    });
    this.#commit({ rules });
  }

  /** Commits horizons without the retired rules that make no difference any more. */
  #commit(given: Partial<Horizons>): void {
    let horizons = { ...this.engine.applied.horizons, ...given };
    const rules = [...horizons.rules].sort((left, right) => left.prefix < right.prefix ? -1 : 1);
    horizons = { ...horizons, rules };
    for (const rule of rules.filter(({ isRetired }) => isRetired)) {
      const rest = { ...horizons, rules: horizons.rules.filter((one) => one !== rule) };
      if (horizonOf(rest, rule.prefix) >= rule.version) horizons = rest;
    }
    applyEntry(this.engine, [], 0, horizons);
  }

  #hold(prefix: string | undefined, part: number): void {
    const { horizons, lastVersion } = this.engine.applied;
    const range = prefix === undefined ? undefined : { start: prefix, end: endOf(prefix) };
    // Once the watermark has come up to a retired rule it does not wait for its readers.
    if (range !== undefined && coveringRule(horizons, range)?.isRetired === true) return;
    const oldest = range === undefined
      ? horizons.userVersion
      : this.engine.horizonOver(range.start, range.end);
    const version = Math.floor(oldest + part * (lastVersion - oldest));
    const snapshot = this.engine.hold({ version, kind: "test", owner: "test", range });
    this.holds.push({ snapshot, prefix });
  }
}

function endOf(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

async function settled(turnCount: number): Promise<void> {
  for (let turn = 0; turn < turnCount; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

Deno.test("Engine agrees with a model that forgets nothing, under rules that come, count and go", async () => {
  let droppedCount = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(stepArbitrary, { minLength: 40, maxLength: 200, size: "max" }),
      fc.array(part, { minLength: 6, maxLength: 6 }),
      async (steps, parts) => {
        const run = new Run();
        await run.open();
        for (const [slot, step] of steps.entries()) {
          await run.step(step);
          if (step.kind !== "apply" || slot % 8 === 0) run.check(parts);
        }
        await run.engine.flush();
        await settled(50);
        run.check(parts);
        droppedCount += run.engine.statistics().droppedCount;
        deepEqual((await run.engine.check()).problems, []);
        await run.engine.close();
        equal(run.disk.openFileCount, 0);
      },
    ),
    // To shrink takes minutes. What is printed repeats the run: { seed, path }.
    { numRuns: 100, endOnFailure: true },
  );
  ok(droppedCount > 0, "VACUUM had nothing to do");
});

/** Writes versions 1 to 6 of "ka", 3 a tombstone, and 7 of "kb". */
async function sixVersions(rules: readonly RetentionRule[], userVersion = 0): Promise<Engine> {
  const engine = await openEngine({ disk: memoryDisk(), expiryOf: testExpiryOf });
  for (let version = 1; version <= 6; version++) {
    applyEntry(engine, [{ key: "ka", value: version === 3 ? undefined : `v${version}` }]);
  }
  applyEntry(engine, [{ key: "kb", value: "b" }]);
  applyEntry(engine, [], 0, { rules });
  const moved = rules.map((rule) => rule.isRetired ? rule : { ...rule, version: 6 });
  applyEntry(engine, [], userVersion, { rules: moved });
  return engine;
}

Deno.test("Engine.get() below the horizon finds only what a rule that counts has surely kept", async () => {
  const engine = await sixVersions([countRule("ka", 0, 4)]);
  const vacuumed = { code: "version_vacuumed", oldestVersion: 6 };
  equal(textAt(engine, "ka", 5), "v5");
  equal(textAt(engine, "ka", 3), undefined, "the tombstone is the fourth");
  throws(() => engine.get("ka", 2), vacuumed, "the fifth, though still there");
  throws(() => engine.get("ka", 0), vacuumed, "there was none, or it is gone");
  equal(textAt(engine, "kb", 0), undefined, "kb is under no rule");
  await engine.close();
});

Deno.test("Engine.get() finds nothing where another rule may have left a gap", async () => {
  const engine = await sixVersions([timeRule("ka", 0)]);
  applyEntry(engine, [], 0, { rules: [countRule("ka", 6, 4)] });
  throws(() => engine.get("ka", 5), { code: "version_vacuumed", oldestVersion: 6 });
  equal(textAt(engine, "ka", 6), "v6");
  const [rule] = engine.applied.horizons.rules;
  equal(rule.countedFrom, 6);
  await engine.flush();
  deepEqual(engine.applied.horizons.rules, [rule]);
  await engine.close();
});

Deno.test("Engine.cursor() wants a version at or above every horizon that its range touches", async () => {
  const engine = await sixVersions([countRule("ka", 0, 4)], 2);
  const at = (start: string, end: string | undefined, version: number) =>
    drain(engine.cursor({ start, end, version })).length;
  throws(() => at("k", undefined, 5), { code: "version_vacuumed", oldestVersion: 6 });
  throws(() => at("ka", "kaa", 5), { code: "version_vacuumed", oldestVersion: 6 });
  equal(at("kb", undefined, 2), 0);
  throws(() => at("kb", undefined, 1), { code: "version_vacuumed", oldestVersion: 2 });
  equal(at("k", undefined, 7), 2);
  deepEqual([engine.horizonOf("ka1"), engine.horizonOf("kb"), engine.horizonOver("k", "kaa")], [
    6,
    2,
    6,
  ]);
  await engine.close();
});

Deno.test("Engine reads hide a value from its expiry on, raw reads show it", async () => {
  const engine = await openEngine({ disk: memoryDisk(), expiryOf: testExpiryOf });
  applyEntry(engine, [{ key: "ka", value: "old" }, { key: "c1", value: "x@3" }]);
  applyEntry(engine, [{ key: "ka", value: "x@5" }]);
  for (let turn = 0; turn < 2; turn++) {
    equal(textAt(engine, "ka", 4), "x@5");
    equal(textAt(engine, "ka", 5), undefined, "and what is older does not come back");
    equal(textAt(engine, "c1", 9), "x@3", "only values of user keys expire");
    for (const reverse of [false, true]) {
      const range = { start: "k", end: undefined, reverse };
      // Nothing so new is there: the version that was asked for decides all the same.
      deepEqual(drain(engine.cursor({ ...range, version: 4 })), ["ka=x@5"]);
      deepEqual(drain(engine.cursor({ ...range, version: 5 })), []);
    }
    equal(engine.entry("ka", versionMax)?.version, 2);
    await engine.flush();
  }
  await engine.close();
});

Deno.test("Engine.versions() walks what memtables and tables hold of one key, and sees nothing newer", async () => {
  const disk = memoryDisk();
  const engine = await openEngine({ disk });
  applyEntry(engine, [{ key: "ka", value: "1" }, { key: "k", value: "x" }]);
  applyEntry(engine, [{ key: "ka", value: undefined }]);
  await engine.flush();
  applyEntry(engine, [{ key: "ka", value: "3" }, { key: "ka\0", value: "y" }]);
  const seen = (from: number) => {
    const found: string[] = [];
    const versions = engine.versions("ka", from);
    applyEntry(engine, [{ key: "ka", value: "later" }]);
    for (; versions.isValid; versions.next()) {
      const { version, kind, source, valueStart, valueEnd } = versions;
      found.push(`${version} ${kind} ${latin1Decode(source, valueStart, valueEnd)}`);
    }
    versions.close();
    equal(versions.isValid, false);
    return found;
  };
  deepEqual(seen(3), ["3 1 3", "2 0 ", "1 1 1"]);
  deepEqual(seen(2), ["2 0 ", "1 1 1"]);
  deepEqual(seen(0), []);
  equal(engine.entry("ka", 2)?.kind, EntryKind.tombstone);
  equal(engine.entry("kz", 2), undefined);
  await engine.close();
  equal(disk.openFileCount, 0);
});

Deno.test("Engine.hold() under one rule goes by its horizon and leaves the watermark alone", async () => {
  const engine = await sixVersions([timeRule("ka", 0)], 7);
  const hold = (version: number, range?: { start: string; end: string | undefined }) =>
    engine.hold({ version, kind: "test", owner: "test", range });
  throws(() => hold(5, { start: "ka", end: "kb" }), { oldestVersion: 6 });
  const narrow = hold(6, { start: "ka", end: "kb" });
  equal(engine.oldestHeldVersion(), undefined);
  equal(engine.oldestHeldVersionIn("ka"), 6);
  throws(() => hold(6, { start: "ka", end: "kb\0" }), { oldestVersion: 7 });
  throws(() => hold(6), { oldestVersion: 7 });
  hold(8, { start: "ka", end: undefined });
  equal(engine.oldestHeldVersion(), 8);
  deepEqual(engine.statistics().holders.map(({ version, range }) => [version, range?.end]), [
    [6, "kb"],
    [8, undefined],
  ]);
  equal(engine.endHold(narrow.id), true);
  deepEqual([narrow.isEnded, engine.oldestHeldVersionIn("ka")], [true, 8]);
  equal(engine.endHold(narrow.id), false);
  await engine.close();
});
