import { deepEqual, equal } from "node:assert/strict";
import {
  flatten,
  grouped,
  hasColor,
  printJson,
  printPairs,
  printTable,
  shorten,
  visible,
} from "../../../server/cli/output.ts";
import { fakeIo } from "./harness.ts";

Deno.test("flatten() names leaves by their paths", () => {
  deepEqual(flatten({ a: { b: 1, c: [2] }, d: null, e: [] }), [
    ["a.b", 1],
    ["a.c.0", 2],
    ["d", null],
    ["e", "none"],
  ]);
});

Deno.test("visible() leaves no control character for a terminal to obey", () => {
  equal(visible("a\u001b[1m\n\u202e"), "a\\u{1b}[1m\\u{a}\\u{202e}");
});

Deno.test("printTable() colours on a terminal only, and not under NO_COLOR", async () => {
  const outputs = [];
  for (const given of [{}, { isTerminal: true }]) {
    const { io, outcome } = fakeIo(given);
    await printTable(io, ["a"], [["b"]]);
    outputs.push(outcome(0).stdout.includes("\u001b"));
  }
  deepEqual(outputs, [false, true]);
  equal(hasColor(fakeIo({ isTerminal: true, environment: { NO_COLOR: "1" } }).io), false);
});

Deno.test("printPairs() and printJson() print what they are given", async () => {
  const { io, outcome } = fakeIo();
  await printPairs(io, [["a", 1], ["b", null]]);
  await printJson(io, { c: 2 });
  equal(outcome(0).stdout.endsWith('{"c":2}\n'), true);
});

Deno.test("shorten() and grouped() keep to their width", () => {
  deepEqual([shorten("abcd", 4), shorten("abcde", 4)], ["abcd", "abc…"]);
  deepEqual([grouped(1234567), grouped(1.5, 3)], ["1,234,567", "1.500"]);
});
