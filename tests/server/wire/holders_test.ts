/**
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import type { Holder, RetentionView } from "../../../sharding/mod.ts";
import { holderId, holdersObject } from "../../../server/wire/holders.ts";

const version = 1_790_000_000_000_000;
const cursor: Holder = {
  id: "7",
  kind: "cursor",
  owner: "list-1",
  version,
  ageMs: 90_999.5,
  isHoldingBack: true,
};
const rule = { ...cursor, id: "rule:\xc3\xa4", kind: "rule", owner: "\xc3\xa4" } as const;

Deno.test("holdersObject() shows versions as time and ages as durations", () => {
  const view: RetentionView = { retentionMicros: 0, oldestVersion: version + 1, rules: [] };
  const all: Holder[] = [
    cursor,
    { ...cursor, ageMs: 12.4 },
    { ...rule, ageMs: undefined },
    { ...rule, owner: "\xff" },
  ];
  const shown = holdersObject({ holders: () => all, retention: () => view });
  const rows = shown.holders as Record<string, unknown>[];
  deepEqual(rows[0], {
    id: "7",
    kind: "cursor",
    owner: "list-1",
    versionstamp: "00065bfeda25e0000000",
    time: "2026-09-21T14:13:20.000000Z",
    age: "90s",
    isHoldingBack: true,
  });
  deepEqual(rows.map(({ age }) => age), ["90s", "12ms", null, "90s"]);
  deepEqual(rows.map(({ owner }) => owner), ["list-1", "list-1", "ä", "base64:/w=="]);
  equal(shown.watermark, "00065bfeda25e0010000");
  equal(shown.watermarkTime, "2026-09-21T14:13:20.000001Z");
});

Deno.test("holderId() is text where the prefix is, and else as it came", () => {
  equal(holderId(rule), "rule:ä");
  equal(holderId({ ...rule, id: "rule:\xff" }), "rule:\xff");
  equal(holderId(cursor), "7");
});
