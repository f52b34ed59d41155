/**
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { oldestDetails, parseMoment, parseTime, timeText } from "../../../server/wire/times.ts";

const second = 1_790_000_000_000_000;
const largest = Number.MAX_SAFE_INTEGER;

const cases: [string, number | undefined][] = [
  ["2026-09-21T14:13:20Z", second],
  ["2026-09-21t14:13:20z", second],
  ["2026-09-21T14:13:20.5Z", second + 500_000],
  ["2026-09-21T14:13:20.000001Z", second + 1],
  ["2026-09-21T16:13:20+02:00", second],
  ["2026-09-21T08:43:20.25-05:30", second + 250_000],
  ["2024-02-29T00:00:00Z", 1_709_164_800_000_000],
  ["1970-01-01T00:00:00Z", 0],
  ["1969-12-31T23:59:59Z", 0],
  ["0050-01-01T00:00:00Z", 0],
  ["9999-12-31T23:59:59Z", largest],
  ["2026-02-29T00:00:00Z", undefined],
  ["2026-13-01T00:00:00Z", undefined],
  ["2026-00-01T00:00:00Z", undefined],
  ["2026-09-21T24:00:00Z", undefined],
  ["2026-09-21T14:60:00Z", undefined],
  ["2026-09-21T14:13:60Z", undefined],
  ["2026-09-21T14:13:20.0000001Z", undefined],
  ["2026-09-21T14:13:20.Z", undefined],
  ["2026-09-21T14:13:20", undefined],
  ["2026-09-21T14:13:20+24:00", undefined],
  ["2026-09-21 14:13:20Z", undefined],
  ["2026-09-21", undefined],
  ["", undefined],
];
for (const [text, version] of cases) {
  Deno.test(`parseTime() reads ${text} as ${version}`, () => equal(parseTime(text), version));
}

Deno.test("parseTime() reads what timeText() writes, for every version", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: largest }), (version) => {
    equal(parseTime(timeText(version)), version);
  }));
  equal(timeText(second + 1), "2026-09-21T14:13:20.000001Z");
  equal(timeText(second + 999_999), "2026-09-21T14:13:20.999999Z");
});

Deno.test("parseMoment() takes versionstamps and times", () => {
  equal(parseMoment("000000000000004d0000"), 77);
  equal(parseMoment("1970-01-01T00:00:00.000077Z"), 77);
  equal(parseMoment("ffffffffffffffff0000"), undefined);
});

Deno.test("oldestDetails() names a version in both ways, or says nothing", () => {
  deepEqual(oldestDetails(second), {
    oldest: "00065bfeda25e0000000",
    oldestTime: "2026-09-21T14:13:20.000000Z",
  });
  equal(oldestDetails(undefined), undefined);
});
