/**
 * @module
 */
import { deepEqual, equal, throws } from "node:assert/strict";
import type { RetentionView } from "../../../sharding/mod.ts";
import { readTerm, retentionObject } from "../../../server/wire/retention.ts";

Deno.test("readTerm() reads what a rule shows", () => {
  deepEqual(readTerm({ retention: "90s" }), { kind: "duration", retentionMicros: 90_000_000 });
  deepEqual(readTerm({ retention: "0s" }), { kind: "duration", retentionMicros: 0 });
  deepEqual(readTerm({ versions: 5 }), { kind: "versions", versionCount: 5 });
  for (const body of [{}, { retention: "1m", versions: 1 }, { versions: null }, [], null]) {
    throws(() => readTerm(body), { code: "invalid_request" }, JSON.stringify(body));
  }
});

Deno.test("retentionObject() shows durations, counts and prefixes in the form of the body", () => {
  const oldestVersion = 1_790_000_000_000_000;
  const view: RetentionView = {
    retentionMicros: 600_000_000,
    oldestVersion,
    rules: [
      { prefix: "a/", term: { kind: "duration", retentionMicros: 90_000_000 }, oldestVersion },
      { prefix: "\xff", term: { kind: "versions", versionCount: 5 }, oldestVersion },
    ],
  };
  const oldest = { oldest: "00065bfeda25e0000000", oldestTime: "2026-09-21T14:13:20.000000Z" };
  deepEqual(retentionObject(view, false), {
    retention: "10m",
    ...oldest,
    rules: [
      { prefix: "a/", retention: "90s", ...oldest },
      { prefixBase64: "/w==", versions: 5, ...oldest },
    ],
  });
  const [, packed] = retentionObject(view, true).rules as { prefix: Uint8Array }[];
  equal(packed.prefix[0], 0xff);
});
