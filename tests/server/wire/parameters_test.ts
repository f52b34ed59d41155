/**
 * @module
 */
import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  endOfPrefix,
  isEmptyRange,
  readMoment,
  readRange,
} from "../../../server/wire/parameters.ts";

// A small alphabet, so that keys and bounds meet.
const key = fc.array(fc.constantFrom("\0", "a", "b", "\xfe", "\xff"), { maxLength: 4 })
  .map((characters) => characters.join(""));
const maybe = fc.option(key, { nil: undefined });

Deno.test("readRange() holds exactly the keys that prefix, start and end allow", () => {
  fc.assert(
    fc.property(maybe, maybe, maybe, key, (prefix, start, end, probe) => {
      const given = Object.entries({ prefix, start, end })
        .filter((pair): pair is [string, string] => pair[1] !== undefined);
      const range = readRange(new Map(given));
      const isInside = probe >= (range.start ?? "") &&
        (range.end === undefined || probe < range.end);
      const want = probe.startsWith(prefix ?? "") && probe >= (start ?? "") &&
        (end === undefined || probe < end);
      equal(isInside, want, JSON.stringify({ prefix, start, end, probe, range }));
      if (isInside) equal(isEmptyRange(range), false);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("endOfPrefix() steps over 0xff", () => {
  deepEqual(["", "a", "a\xff", "\xff", "a\xff\xff"].map(endOfPrefix), [
    undefined,
    "b",
    "b",
    undefined,
    "b",
  ]);
});

Deno.test("readMoment() takes a versionstamp, a time, or nothing", () => {
  const read = (text: string) => readMoment(new Map([["at", text]]), "at");
  equal(read("000000000000004d0000"), 77);
  equal(read("1970-01-01T00:00:00.000077Z"), 77);
  equal(readMoment(new Map(), "at"), undefined);
  for (const text of ["", "77", "000000000000004d0001", "1970-01-01"]) {
    throws(() => read(text), { code: "invalid_request", details: { parameter: "at" } }, text);
  }
});
