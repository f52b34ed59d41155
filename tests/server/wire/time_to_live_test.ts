/**
 * @module
 */
import { equal, throws } from "node:assert/strict";
import { ttlField, ttlParameter } from "../../../server/wire/time_to_live.ts";

Deno.test("ttlParameter() and ttlField() read microseconds, from 1ms to 100 years", () => {
  for (
    const [text, micros] of [["1ms", 1_000], ["30s", 3e7], ["36500d", 36_500 * 86_400e6]] as const
  ) {
    equal(ttlParameter(new Map([["ttl", text]])), micros);
    equal(ttlField({ ttl: text }, "mutations[0]"), micros);
  }
  equal(ttlParameter(new Map()), undefined);
  equal(ttlField({}, ""), undefined);
});

Deno.test("ttlParameter() and ttlField() refuse what is no such duration, by its name", () => {
  for (const text of ["0ms", "36501d", "30", ""]) {
    throws(() => ttlParameter(new Map([["ttl", text]])), { details: { parameter: "ttl" } }, text);
    throws(() => ttlField({ ttl: text }, "operations[1]"), {
      code: "invalid_request",
      details: { field: "operations[1].ttl" },
    });
  }
  throws(() => ttlField({ ttl: 30 }, ""), { details: { field: "ttl" } });
});
