/**
 * A node beside a plain record of all that was committed to it: whatever is flushed, vacuumed,
 * restarted and ruled, what it tells of the past is what was, or that it is vacuumed.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { Command, SnapshotHold } from "../../sharding/mod.ts";
import { ShardError } from "../../sharding/mod.ts";
import { SeededRandom } from "../../storage/env/mod.ts";
import { putLiving } from "./applied_store.ts";
import { putText } from "./entry_building.ts";
import { hourMicros, TestNode, tinyOptions } from "./test_node.ts";

const keys = ["a", "a/1", "a/2", "a/b/1", "b", "b/1"];
const prefixes = ["a/", "a/b/", "b"];

interface Moment {
  readonly version: number;
  /** What was put; undefined of a delete. */
  readonly text: string | undefined;
  readonly expiresAt: number;
}

/** A node and what was committed to it. */
class ToldPast {
  readonly test: TestNode;
  readonly #random: SeededRandom;
  readonly #moments = new Map<string, Moment[]>();
  /** How many versions the rule of each prefix counts since when; 0 where it does not count. */
  readonly #counts = new Map<string, { count: number; since: number }>();
  #holds: SnapshotHold[] = [];

  constructor(test: TestNode, seed: number) {
    this.test = test;
    this.#random = new SeededRandom(seed);
  }

  /** Does one thing out of all that can be done. */
  async step(): Promise<void> {
    const { test } = this;
    const key = this.#one(keys);
    const prefix = this.#one(prefixes);
    const text = `${this.#random.below(1_000)} ${"x".repeat(this.#random.below(200))}`;
    switch (this.#random.below(30)) {
      case 0:
        return await this.#run(key, { kind: "delete", key });
      case 1:
        return await this.#run(key, putLiving(key, text, hourMicros / 2), text);
      case 2:
        return await this.#revert(key);
      case 3:
        return await this.#rule(prefix, { kind: "remove_retention", prefix });
      case 4: {
        const versionCount = 1 + this.#random.below(4);
        const rule = { kind: "versions", versionCount } as const;
        return await this.#rule(prefix, { kind: "set_retention", prefix, rule }, versionCount);
      }
      case 5: {
        const retentionMicros = this.#random.below(2) * hourMicros;
        const rule = { kind: "duration", retentionMicros } as const;
        return await this.#rule(prefix, { kind: "set_retention", prefix, rule });
      }
      case 6:
        test.clock.shiftMicros += hourMicros / 4;
        return;
      case 7:
        return await test.node.flush();
      case 8:
      case 12:
      case 13:
        await test.node.vacuum();
        return;
      case 9:
        if (this.#random.below(3) > 0) return;
        this.#holds = [];
        return await test.restart();
      case 10:
        this.#holds.push(test.database.hold({ kind: "cursor", owner: "test" }));
        return;
      case 11:
        return this.#holds.shift()?.release();
      default:
        return await this.#run(key, putText(key, text), text);
    }
  }

  /** Looks at the present, at a moment of the past, and under every snapshot. */
  async check(): Promise<void> {
    const { database, soon } = this.test;
    const { version } = await database.get("a", soon);
    for (const key of keys) {
      equal(await this.test.textAt(key, version), this.#textAt(key, version), key);
      await this.#checkHistory(key);
      const at = version - this.#random.below(2) * this.#random.below(hourMicros);
      const moment = this.#one(this.#moments.get(key) ?? []);
      await this.#checkPast(key, moment === undefined ? at : this.#one([moment.version, at]));
    }
    for (const snapshot of this.#holds) {
      const { entries } = await database.scan({}, { ...soon, snapshot, limit: 100 });
      const want = keys.filter((key) => this.#textAt(key, snapshot.version) !== undefined);
      deepEqual(entries.map(({ key }) => key), want);
      const texts = entries.map(({ bytes }) => new TextDecoder().decode(bytes));
      deepEqual(texts, want.map((key) => this.#textAt(key, snapshot.version)));
    }
  }

  async #checkPast(key: string, at: number): Promise<void> {
    try {
      const text = await this.test.textAt(key, at);
      equal(text, this.#textAt(key, at), `${key} at ${at}`);
    } catch (error) {
      if (!(error instanceof ShardError) || error.code !== "version_vacuumed") throw error;
      const { oldestVersion = 0 } = error;
      const { lastVersion } = this.test.node.statistics().progress;
      ok(at < oldestVersion && oldestVersion <= lastVersion, `${key} at ${at}: ${oldestVersion}`);
    }
  }

  async #checkHistory(key: string): Promise<void> {
    const { database, soon } = this.test;
    const { versions, oldestVersion } = await database.history(key, { ...soon, limit: 1_000 });
    const told = versions.filter(({ kind }) => kind !== "expire").map(({ version, value }) =>
      `${version} ${value === undefined ? "-" : new TextDecoder().decode(value.bytes)}`
    );
    const all = (this.#moments.get(key) ?? []).toReversed();
    const shown = all.map(({ version, text }) => `${version} ${text ?? "-"}`);
    for (const line of told) ok(shown.includes(line), `${key} was never ${line}`);
    const kept = all.filter(({ version }) => version > oldestVersion).length;
    deepEqual(told.slice(0, kept), shown.slice(0, kept));
    for (const { version, text } of this.#counted(key)) {
      ok(told.includes(`${version} ${text}`), `${key} had ${version}`);
      equal(await this.test.textAt(key, version), text);
    }
  }

  async #run(key: string, command: Command, text?: string): Promise<void> {
    const result = await this.test.run(command);
    if (result.outcome !== "committed") return;
    const { version } = result;
    if (command.kind === "delete" && result.deletedCount === 0) return;
    const isBrief = command.kind === "put" && command.value.ttlMicros !== undefined;
    const expiresAt = isBrief ? version + hourMicros / 2 : Infinity;
    this.#moments.set(key, [...this.#moments.get(key) ?? [], { version, text, expiresAt }]);
  }

  async #revert(key: string): Promise<void> {
    const moment = this.#one(this.#moments.get(key) ?? []);
    if (moment === undefined) return;
    const toVersion = moment.version;
    await this.#run(key, { kind: "revert", key, toVersion }, this.#textAt(key, toVersion));
  }

  async #rule(prefix: string, command: Command, count = 0): Promise<void> {
    const since = await this.test.commit(command);
    this.#counts.set(prefix, { count, since });
    // The rule around one that is taken back does not know any more what that one has dropped.
    const isRemoved = command.kind === "remove_retention";
    if (isRemoved && prefix === "a/b/") this.#counts.set("a/", { count: 0, since });
  }

  /** Returns what the rule of a key has surely kept, however old it is. */
  #counted(key: string): readonly Moment[] {
    const prefix = prefixes.findLast((one) => key.startsWith(one)) ?? "";
    const { count, since } = this.#counts.get(prefix) ?? { count: 0, since: 0 };
    const newest = (this.#moments.get(key) ?? []).filter(({ version }) => version > since);
    // Tombstones count too, and nobody knows how many keys have got one for their time.
    const isPlain = newest.every(({ text, expiresAt }) =>
      text !== undefined && expiresAt === Infinity
    );
    return isPlain && count > 0 ? newest.slice(-count) : [];
  }

  #textAt(key: string, at: number): string | undefined {
    const moment = this.#moments.get(key)?.findLast(({ version }) => version <= at);
    return moment === undefined || moment.expiresAt <= at ? undefined : moment.text;
  }

  #one<One>(list: readonly One[]): One {
    return list[this.#random.below(Math.max(1, list.length))];
  }
}

/** Runs a story of so many steps, and looks at the past after each few. */
export async function tellsThePast(seed: number, stepCount: number): Promise<void> {
  await using test = await TestNode.open(tinyOptions);
  const past = new ToldPast(test, seed);
  for (let step = 1; step <= stepCount; step++) {
    await past.step();
    if (step % 5 === 0) await past.check();
  }
}
