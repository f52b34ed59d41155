import { deepEqual, doesNotThrow, equal, throws } from "node:assert/strict";
import type { Command, CommandResult } from "../../sharding/database.ts";
import { History } from "./history.ts";
import { bytesOf, Model } from "./model.ts";
import { checkReads } from "./reads.ts";
import { expectationOf, explainRecovered } from "./recovered.ts";

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

const found = (steps: [Command, CommandResult?][], lines: string[]) =>
  explainRecovered(lines, expectationOf(historyOf(steps)));

Deno.test("explainRecovered() takes any prefix of the unknown commands, with their versions", () => {
  const steps: [Command, CommandResult?][] = [
    [put("a", "1"), committed(10)],
    [put("b", "2")],
    [put("a", "3")],
  ];
  equal(found(steps, ["a 10 text/plain 1"]).appliedCount, 0);
  equal(found(steps, ["a 10 text/plain 1", "b 11 text/plain 2"]).appliedCount, 1);
  const both = found(steps, ["a 12 text/plain 3", "b 11 text/plain 2"]);
  equal(both.appliedCount, 2);
  equal(both.model.get("a")?.version, 12);
});

const wrongStates = [
  { name: "an acknowledged write that is lost", lines: [] },
  { name: "an acknowledged write of another version", lines: ["a 11 text/plain 1"] },
  { name: "a value nobody wrote", lines: ["a 10 text/plain 1", "z 11 text/plain 9"] },
  { name: "a value that is not whole", lines: ["a 10 text/plain "] },
  { name: "a later unknown write without the one before", lines: ["a 12 text/plain 3"] },
  {
    name: "an unknown write whose version is not above the acknowledged",
    lines: ["a 10 text/plain 1", "b 9 text/plain 2"],
  },
  {
    name: "unknown writes whose versions do not rise",
    lines: ["a 11 text/plain 3", "b 12 text/plain 2"],
  },
];
for (const { name, lines } of wrongStates) {
  Deno.test(`explainRecovered() refuses ${name}`, () => {
    const steps: [Command, CommandResult?][] = [
      [put("a", "1"), committed(10)],
      [put("b", "2")],
      [put("a", "3")],
    ];
    throws(() => found(steps, lines), { name: "AssertionError" });
  });
}

const commits = historyOf([
  [put("a", "1"), committed(10)],
  [put("a", "2"), committed(20)],
]).explain();
const readOf = (version: number, line: string, isNewest: boolean) => ({
  askedAt: 30,
  isNewest,
  version,
  keys: ["a"],
  lines: [line],
});
const reads = [
  { name: "the newest state", read: readOf(20, "a 20 text/plain 2", true), isRight: true },
  { name: "a snapshot", read: readOf(15, "a 10 text/plain 1", false), isRight: true },
  { name: "a stale state", read: readOf(10, "a 10 text/plain 1", true), isRight: false },
  {
    name: "a value of another version",
    read: readOf(20, "a 10 text/plain 1", true),
    isRight: false,
  },
  { name: "a key that is missing", read: readOf(20, "a absent", true), isRight: false },
];
for (const { name, read, isRight } of reads) {
  Deno.test(`checkReads() ${isRight ? "takes" : "refuses"} ${name}`, () => {
    const check = () => checkReads([read], { start: new Model(), commits });
    if (isRight) equal(check(), 1);
    else throws(check, { name: "AssertionError" });
  });
}
