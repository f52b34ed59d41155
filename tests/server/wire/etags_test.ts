/**
 * @module
 */
import { deepEqual, equal, throws } from "node:assert/strict";
import {
  entityTag,
  matchesTags,
  parseEntityTags,
  writeCondition,
} from "../../../server/wire/etags.ts";

const strong = { header: "If-Match", comparison: "strong" } as const;
const weak = { header: "If-None-Match", comparison: "weak" } as const;

Deno.test("parseEntityTags() reads lists, and leaves weak tags out of a strong comparison", () => {
  const text = `W/${entityTag(7)} , ${entityTag(8)}`;
  deepEqual(parseEntityTags(text, weak), [7, 8]);
  deepEqual(parseEntityTags(text, strong), [0, 8]);
  equal(parseEntityTags(" * ", strong), "*");
  for (const bad of ["", ",", "a", '"a', '"a" "b"', 'w/"a"', "*, *"]) {
    throws(() => parseEntityTags(bad, strong), { code: "invalid_request" }, bad);
  }
});

Deno.test("matchesTags() matches nothing where there is no value", () => {
  equal(matchesTags("*", undefined), false);
  equal(matchesTags("*", 1), true);
  equal(matchesTags([1, 2], 2), true);
  equal(matchesTags([1, 2], 3), false);
});

Deno.test("writeCondition() states what the headers do", () => {
  equal(writeCondition(null, null), undefined);
  deepEqual(writeCondition("*", null), { kind: "exists" });
  deepEqual(writeCondition(null, "*"), { kind: "absent" });
  deepEqual(writeCondition(entityTag(9), null), { kind: "version", versions: [9] });
});
