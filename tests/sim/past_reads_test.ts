import { doesNotThrow, equal, throws } from "node:assert/strict";
import type { Command, KeyHistory, KeyVersion, RetentionTerm } from "../../sharding/database.ts";
import { History } from "./history.ts";
import { bytesOf } from "./model.ts";
import { checkHistories, checkRefusals } from "./past_reads.ts";
import type { HistoryRead, VacuumedRefusal } from "./stage.ts";
import { RetentionBounds } from "./retention_bounds.ts";
import { Timeline } from "./timeline.ts";

const put = (text: string, ttlMicros?: number): Command => ({
  kind: "put",
  key: "k/1",
  value: { bytes: bytesOf(text), contentType: "text/plain", ttlMicros },
});
const duration = (retentionMicros: number): RetentionTerm => ({
  kind: "duration",
  retentionMicros,
});
const set = (prefix: string, rule: RetentionTerm): Command => ({
  kind: "set_retention",
  prefix,
  rule,
});
const commands: [Command, number][] = [
  [put("1"), 10],
  [put("2"), 20],
  [{ kind: "delete", key: "k/1" }, 30],
  [put("3", 5), 40],
  [put("4"), 60],
];

/** Versions of k/1: 10, 20, deleted at 30, 40 until 45, removed at 50, 60. Rules as they are given. */
function truth(rules: readonly [Command, number][] = []) {
  const history = new History();
  for (const [command, version] of commands) {
    const entry = history.ask(command, { at: version });
    const deletedCount = command.kind === "delete" ? 1 : 0;
    entry.result = { outcome: "committed", version, deletedCount, reads: [] };
    entry.answeredAt = version;
  }
  const commits = history.explain();
  const timeline = new Timeline();
  timeline.add(commits, commits[commits.length - 1].model);
  timeline.addExpiry({ key: "k/1", version: 50 });
  const bounds = new RetentionBounds();
  bounds.begin(0, { retentionMicros: 30, rules: new Map() });
  for (const [command, version] of rules) bounds.apply(command, version);
  return { timeline, bounds };
}

const horizons: {
  name: string;
  rules: [Command, number][];
  keys: string | { start: string; end?: string };
  want: number;
}[] = [
  { name: "the node's retention", rules: [], keys: "k/1", want: 70 },
  { name: "a longer rule", rules: [[set("k/", duration(80)), 5]], keys: "k/1", want: 20 },
  {
    name: "where the keys were before the rule",
    rules: [[set("k/", duration(80)), 60]],
    keys: "k/1",
    want: 30,
  },
  {
    name: "the longest of several",
    rules: [[set("k/", duration(10)), 5], [set("k/1", duration(60)), 6]],
    keys: "k/1",
    want: 40,
  },
  {
    name: "a rule of other keys left out",
    rules: [[set("j/", duration(0)), 5]],
    keys: "k/1",
    want: 70,
  },
  {
    name: "all that a range touches",
    rules: [[set("k/", duration(10)), 5]],
    keys: { start: "j", end: "l" },
    want: 90,
  },
  {
    name: "a shorter rule that was taken back",
    rules: [[set("k/", duration(2)), 5], [{ kind: "remove_retention", prefix: "k/" }, 80]],
    keys: "k/1",
    want: 78,
  },
  {
    name: "a rule that counts at once",
    rules: [[set("k/", { kind: "versions", versionCount: 2 }), 5]],
    keys: "k/1",
    want: 100,
  },
];
for (const { name, rules, keys, want } of horizons) {
  Deno.test(`RetentionBounds.horizonMax() goes by ${name}`, () => {
    equal(truth(rules).bounds.horizonMax(keys, 100), want);
  });
}

Deno.test("RetentionBounds.horizonMax() stays where it was in an earlier life", () => {
  const { bounds } = truth();
  bounds.end(90);
  bounds.begin(95, { retentionMicros: 1_000, rules: new Map() });
  equal(bounds.horizonMax("k/1", 200), 60);
});

const counting: [Command, number][] = [[set("k/", { kind: "versions", versionCount: 3 }), 5]];
const refusals: {
  name: string;
  refusal: Partial<VacuumedRefusal>;
  rules?: [Command, number][];
  isRight: boolean;
}[] = [
  { name: "of what is gone", refusal: { version: 60, oldestVersion: 70 }, isRight: true },
  { name: "of what is kept", refusal: { version: 60, oldestVersion: 71 }, isRight: false },
  { name: "of the oldest", refusal: { version: 70, oldestVersion: 70 }, isRight: false },
  { name: "without the oldest", refusal: { oldestVersion: undefined }, isRight: false },
  {
    name: "of a version behind those that count",
    refusal: { version: 25, oldestVersion: 99 },
    rules: counting,
    isRight: true,
  },
  {
    name: "of a version that counts",
    refusal: { version: 42, oldestVersion: 99 },
    rules: counting,
    isRight: false,
  },
  {
    name: "of a version that counts, from before the rule",
    refusal: { version: 42, oldestVersion: 99 },
    rules: [[set("k/", { kind: "versions", versionCount: 3 }), 43]],
    isRight: true,
  },
];
for (const { name, refusal, rules, isRight } of refusals) {
  Deno.test(`checkRefusals() ${isRight ? "takes" : "refuses"} a refusal ${name}`, () => {
    const whole = { keys: "k/1", version: 1, oldestVersion: 2, now: 100, ...refusal };
    const check = () => checkRefusals([whole], truth(rules));
    if (isRight) doesNotThrow(check);
    else throws(check, { name: "AssertionError" });
  });
}

const names = { node: "node1", token: "" };
const setAt = (text: string, version: number, expiresAt?: number): KeyVersion => ({
  version,
  kind: "set",
  value: { bytes: bytesOf(text), contentType: "text/plain", version, expiresAt },
  ...names,
});
const deletedAt = (version: number): KeyVersion => ({
  version,
  kind: "delete",
  value: undefined,
  ...names,
});
const removedAt = (version: number): KeyVersion => ({ ...deletedAt(version), kind: "expire" });
const all = [
  setAt("4", 60),
  removedAt(50),
  setAt("3", 40, 45),
  deletedAt(30),
  setAt("2", 20),
  setAt("1", 10),
];
const historyOf = (
  versions: KeyVersion[],
  found: Partial<KeyHistory> = {},
  options: Partial<HistoryRead["options"]> = {},
): HistoryRead => ({
  key: "k/1",
  options: { limit: 9, ...options },
  found: { versions, hasMore: false, oldestVersion: 0, version: 90, ...found },
  now: 100,
});
const histories: { name: string; read: HistoryRead; isRight: boolean }[] = [
  { name: "all of a key", read: historyOf(all), isRight: true },
  {
    name: "all above the horizon and the newest below",
    read: historyOf(all.slice(0, 5), { oldestVersion: 25 }),
    isRight: true,
  },
  {
    name: "nothing of a deletion below the horizon",
    read: historyOf(all.slice(0, 3), { oldestVersion: 35 }),
    isRight: true,
  },
  {
    name: "some, and that there is more",
    read: historyOf(all.slice(0, 2), { hasMore: true }, { limit: 2 }),
    isRight: true,
  },
  {
    name: "what is older than a version",
    read: historyOf(all.slice(3), {}, { before: 40 }),
    isRight: true,
  },
  { name: "a gap", read: historyOf(all.filter((_, index) => index !== 2)), isRight: false },
  { name: "an end too early", read: historyOf(all.slice(0, 5)), isRight: false },
  {
    name: "the newest below the horizon left out",
    read: historyOf(all.slice(0, 4), { oldestVersion: 25 }),
    isRight: false,
  },
  { name: "another order", read: historyOf([all[1], all[0], ...all.slice(2)]), isRight: false },
  { name: "another value", read: historyOf([setAt("9", 60), ...all.slice(1)]), isRight: false },
  { name: "more than was asked for", read: historyOf(all, {}, { limit: 5 }), isRight: false },
  {
    name: "a horizon beyond the retention",
    read: historyOf(all.slice(0, 1), { oldestVersion: 71 }),
    isRight: false,
  },
  {
    name: "a removal below the horizon",
    read: historyOf(all.slice(0, 3), { oldestVersion: 55 }),
    isRight: false,
  },
  {
    name: "another author",
    read: historyOf([{ ...all[0], token: "eve" }, ...all.slice(1)]),
    isRight: false,
  },
];
for (const { name, read, isRight } of histories) {
  Deno.test(`checkHistories() ${isRight ? "takes" : "refuses"} ${name}`, () => {
    const check = () => checkHistories([read], truth());
    if (isRight) equal(check(), read.found.versions.length);
    else throws(check, { name: "AssertionError" });
  });
}
