/**
 * @module
 */
import { equal } from "node:assert/strict";
import { durationText, parseDurationMs } from "../../../server/wire/durations.ts";

const cases: [string, number | undefined][] = [
  ["0ms", 0],
  ["500ms", 500],
  ["5s", 5_000],
  ["1m", 60_000],
  ["2h", 7_200_000],
  ["30d", 2_592_000_000],
  ["5", undefined],
  ["s", undefined],
  ["-1s", undefined],
  ["1.5s", undefined],
  ["1 s", undefined],
  ["5S", undefined],
  ["1234567890s", undefined],
];
for (const [text, ms] of cases) {
  Deno.test(`parseDurationMs() reads ${text} as ${ms}`, () => equal(parseDurationMs(text), ms));
}

Deno.test("durationText() has the largest unit without a rest, and is read back", () => {
  const want: [number, string][] = [
    [0, "0s"],
    [1, "1ms"],
    [1_500, "1500ms"],
    [90_000, "90s"],
    [600_000, "10m"],
    [7_200_000, "2h"],
    [86_400_000, "1d"],
  ];
  for (const [ms, text] of want) {
    equal(durationText(ms), text);
    equal(parseDurationMs(text), ms);
  }
  equal(durationText(1.6), "2ms");
});
