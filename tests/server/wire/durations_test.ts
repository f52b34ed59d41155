/**
 * @module
 */
import { equal } from "node:assert/strict";
import { parseDurationMs } from "../../../server/wire/durations.ts";

const cases: [string, number | undefined][] = [
  ["0ms", 0],
  ["500ms", 500],
  ["5s", 5_000],
  ["1m", 60_000],
  ["2h", 7_200_000],
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
