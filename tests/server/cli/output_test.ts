import { deepEqual, equal } from "node:assert/strict";
import {
  ageText,
  flatten,
  grouped,
  hasColor,
  printJson,
  printPairs,
  printTable,
  shorten,
  sizeText,
  visible,
} from "../../../server/cli/output.ts";
import { fakeIo } from "./harness.ts";

Deno.test("flatten() names leaves by their paths", () => {
  deepEqual(flatten({ a: { b: 1, c: ["x"] }, d: null, e: [], f: [2, 3] }), [
    ["a.b", 1],
    ["a.c.0", "x"],
    ["d", null],
    ["e", "none"],
    ["f", "2 3"],
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

Deno.test("sizeText() shows three digits and the unit that they fit", () => {
  const sizes = [0, 1_023, 1_024, 1_536, 10_239, 102_400, 1_048_575, 3 * 2 ** 40];
  deepEqual(sizes.map(sizeText), [
    "0 B",
    "1023 B",
    "1.00 KiB",
    "1.50 KiB",
    "10.0 KiB",
    "100 KiB",
    "1.00 MiB",
    "3.00 TiB",
  ]);
});

Deno.test("ageText() shows the two largest units", () => {
  const ages = [0, 999, 1_000, 61_000, 3_600_000, 3_601_000, 90_061_000, 172_800_000];
  deepEqual(ages.map(ageText), ["0ms", "999ms", "1s", "1m 1s", "1h", "1h", "1d 1h", "2d"]);
});
