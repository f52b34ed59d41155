import { deepEqual, doesNotThrow, equal, throws } from "node:assert/strict";
import type { Command, CommandResult } from "../../sharding/database.ts";
import { History } from "./history.ts";
import { bytesOf } from "./model.ts";
import { checkReads } from "./reads.ts";
import type { ReadEntry } from "./reads.ts";
import { expectationOf, explainRecovered } from "./recovered.ts";
import type { FoundState, ToldCommit } from "./recovered.ts";

const put = (key: string, text: string): Command => ({
  kind: "put",
  key,
  value: { bytes: bytesOf(text), contentType: "text/plain" },
});
const committed = (version: number, deletedCount = 0): CommandResult => ({
  outcome: "committed",
  version,
  deletedCount,
  reads: [],
});

/** A history of commands, each answered before the next is asked; without a result never. */
function historyOf(steps: readonly (readonly [Command, CommandResult?])[]): History {
  const history = new History();
  for (const [index, [command, result]] of steps.entries()) {
    const entry = history.ask(command, { at: index * 10 });
    if (result === undefined) continue;
    entry.result = result;
    entry.answeredAt = index * 10 + 5;
  }
  return history;
}

Deno.test("History.explain() orders by version and gives the state after each commit", () => {
  const history = historyOf([
    [put("a", "1"), committed(10)],
    [put("b", "2"), committed(20)],
    [{ kind: "delete", key: "a" }, committed(30, 1)],
  ]);
  const commits = history.explain();
  deepEqual(commits.map(({ version }) => version), [10, 20, 30]);
  deepEqual(commits[2].model.lines(), ["b 20 text/plain 2"]);
});

const wrongAnswers: { name: string; steps: [Command, CommandResult][] }[] = [
  {
    name: "a delete that says it found what was gone",
    steps: [[put("a", "1"), committed(10)], [{ kind: "delete", key: "b" }, committed(20, 1)]],
  },
  {
    name: "two commits of one version",
    steps: [[put("a", "1"), committed(10)], [put("b", "2"), committed(10)]],
  },
  {
    name: "a condition refused although it held throughout",
    steps: [
      [put("a", "1"), committed(10)],
      [{ ...put("b", "2"), condition: { kind: "absent" } } as Command, {
        outcome: "condition_failed",
        current: 10,
      }],
    ],
  },
  {
    name: "a conditional put that committed although it could not",
    steps: [
      [put("a", "1"), committed(10)],
      [{ ...put("a", "2"), condition: { kind: "absent" } } as Command, committed(20)],
    ],
  },
  {
    name: "an answer that names a version that was overwritten before it was asked",
    steps: [
      [put("a", "1"), committed(10)],
      [put("a", "2"), committed(20)],
      [{ ...put("a", "3"), condition: { kind: "absent" } } as Command, {
        outcome: "condition_failed",
        current: 10,
      }],
    ],
  },
];
for (const { name, steps } of wrongAnswers) {
  Deno.test(`History.explain() refuses ${name}`, () => {
    throws(() => historyOf(steps).explain(), { name: "AssertionError" });
  });
}

Deno.test("History.explain() takes a refusal that some state of its time explains", () => {
  const history = historyOf([[put("a", "1"), committed(10)], [put("a", "2"), committed(20)]]);
  const command: Command = { ...put("a", "3"), condition: { kind: "absent" } } as Command;
  const overlapping = history.ask(command, { at: 3 });
  overlapping.result = { outcome: "condition_failed", current: 10 };
  overlapping.answeredAt = 12;
  doesNotThrow(() => history.explain());
});

Deno.test("History.explain() lets a retry repeat the first answer, and nobody else", () => {
  const request = { id: bytesOf("id"), fingerprint: bytesOf("print") };
  const history = new History();
  for (const at of [0, 10]) {
    const entry = history.ask(put("a", "1"), { at, request });
    entry.result = committed(10);
    entry.answeredAt = at + 5;
  }
  equal(history.explain().length, 1);
  history.entries[1].result = committed(20);
  throws(() => history.explain(), { name: "AssertionError" }, "the first answer is repeated");
});

/** What was found, with the versions behind the acknowledged ones that the lines speak of. */
const foundState = (lines: string[], tail: ToldCommit[] = []): FoundState => ({
  lines,
  version: 100,
  ruleLines: [],
  tail,
});
const setOf = (key: string, version: number): ToldCommit => ({
  version,
  changes: [{ key, kind: "set" }],
});
const found = (steps: [Command, CommandResult?][], state: FoundState) =>
  explainRecovered(state, expectationOf(historyOf(steps)));
const unknownSteps: [Command, CommandResult?][] = [
  [put("a", "1"), committed(10)],
  [put("b", "2")],
  [put("a", "3")],
];

Deno.test("explainRecovered() takes any prefix of the unknown commands, with their versions", () => {
  equal(found(unknownSteps, foundState(["a 10 text/plain 1"])).appliedCount, 0);
  const one = foundState(["a 10 text/plain 1", "b 11 text/plain 2"], [setOf("b", 11)]);
  equal(found(unknownSteps, one).appliedCount, 1);
  const both = found(
    unknownSteps,
    foundState(["a 12 text/plain 3", "b 11 text/plain 2"], [setOf("b", 11), setOf("a", 12)]),
  );
  equal(both.appliedCount, 2);
  equal(both.model.get("a")?.version, 12);
});

Deno.test("explainRecovered() takes an unknown command without effect, and a rule", () => {
  const steps: [Command, CommandResult?][] = [
    [put("a", "1"), committed(10)],
    [{ kind: "delete", key: "b" }],
    [{
      kind: "set_retention",
      prefix: "a",
      rule: { kind: "versions", versionCount: 2 },
    }],
    [put("a", "3")],
  ];
  const state = foundState(["a 12 text/plain 3"], [setOf("a", 12)]);
  equal(found(steps, { ...state, ruleLines: ["a versions 2"] }).appliedCount, 3);
  throws(() => found(steps, state), { name: "AssertionError" });
});

const wrongStates: { name: string; state: FoundState }[] = [
  { name: "an acknowledged write that is lost", state: foundState([]) },
  {
    name: "an acknowledged write of another version",
    state: foundState(["a 11 text/plain 1"]),
  },
  {
    name: "a value nobody wrote",
    state: foundState(["a 10 text/plain 1", "z 11 text/plain 9"], [setOf("z", 11)]),
  },
  { name: "a value that is not whole", state: foundState(["a 10 text/plain "]) },
  {
    name: "a later unknown write without the one before",
    state: foundState(["a 12 text/plain 3"], [setOf("a", 12)]),
  },
  {
    name: "an unknown write whose version is not above the acknowledged",
    state: foundState(["a 10 text/plain 1", "b 9 text/plain 2"], [setOf("b", 9)]),
  },
  {
    name: "unknown writes whose versions do not rise",
    state: foundState(["a 11 text/plain 3", "b 12 text/plain 2"], [
      setOf("a", 11),
      setOf("b", 12),
    ]),
  },
  {
    name: "a value that was found of no commit that was told",
    state: foundState(["a 10 text/plain 1", "b 11 text/plain 2"]),
  },
];
for (const { name, state } of wrongStates) {
  Deno.test(`explainRecovered() refuses ${name}`, () => {
    throws(() => found(unknownSteps, state), { name: "AssertionError" });
  });
}

const expiring: Command = {
  kind: "put",
  key: "b",
  value: { bytes: bytesOf("x"), contentType: "text/plain", ttlMicros: 5 },
};
const commits = historyOf([
  [put("a", "1"), committed(10)],
  [put("a", "2"), committed(20)],
  [expiring, committed(22)],
]).explain();
const model = commits[2].model;
const readOf = (version: number, line: string, given: Partial<ReadEntry> = {}): ReadEntry => ({
  askedAt: 30,
  answeredAt: 31,
  isNewest: true,
  version,
  keys: [line.slice(0, 1)],
  lines: [line],
  goneMicros: 0,
  ...given,
});
const reads: { name: string; read: ReadEntry; isRight: boolean }[] = [
  { name: "the newest state", read: readOf(22, "a 20 text/plain 2"), isRight: true },
  { name: "a closed version", read: readOf(25, "a 20 text/plain 2"), isRight: true },
  {
    name: "a snapshot",
    read: readOf(15, "a 10 text/plain 1", { isNewest: false }),
    isRight: true,
  },
  { name: "a stale state", read: readOf(20, "a 20 text/plain 2"), isRight: false },
  { name: "a value of another version", read: readOf(22, "a 10 text/plain 1"), isRight: false },
  { name: "a key that is missing", read: readOf(22, "a absent"), isRight: false },
  { name: "a value in its time", read: readOf(26, "b 22 text/plain x until 27"), isRight: true },
  { name: "a value at its expiry", read: readOf(27, "b 22 text/plain x until 27"), isRight: false },
  { name: "an expired key", read: readOf(27, "b absent"), isRight: true },
  {
    name: "a value that outlives its time",
    read: readOf(26, "b 22 text/plain x until 27", { goneMicros: 40 }),
    isRight: false,
  },
  {
    name: "a version at which a later commit lies",
    read: readOf(22, "a 20 text/plain 2", { askedAt: 6, answeredAt: 7 }),
    isRight: false,
  },
];
for (const { name, read, isRight } of reads) {
  Deno.test(`checkReads() ${isRight ? "takes" : "refuses"} ${name}`, () => {
    const check = () => checkReads([read], { model, commits, floor: 0 });
    if (isRight) equal(check(), 1);
    else throws(check, { name: "AssertionError" });
  });
}

Deno.test("checkReads() refuses a read that goes back behind another, in an earlier life too", () => {
  const first = readOf(26, "a 20 text/plain 2");
  const second = readOf(25, "a 20 text/plain 2", { askedAt: 32, answeredAt: 33 });
  throws(() => checkReads([first, second], { model, commits, floor: 0 }), {
    name: "AssertionError",
  });
  throws(() => checkReads([first], { model, commits: [], floor: 27 }), { name: "AssertionError" });
});
