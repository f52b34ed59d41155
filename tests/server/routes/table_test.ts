/**
 * @module
 */
import { equal } from "node:assert/strict";
import { patternOf } from "../../../server/routes/table.ts";

const cases: [string, string][] = [
  ["/v1/kv/a/b", "/v1/kv/{key}"],
  ["/v1/kv/", "/v1/kv/{key}"],
  ["/v1/kv", "/v1/kv"],
  ["/v1/admin/check", "/v1/admin/check"],
  ["/v1/admin/check/x", "/v1/admin/{verb}"],
  ["/v1/admin/jobs/7", "/v1/admin/jobs/{id}"],
  ["/v1/kvx", "/v1/kvx"],
  ["/", "/"],
];
for (const [path, pattern] of cases) {
  Deno.test(`patternOf() finds ${pattern} for ${path}`, () => equal(patternOf(path), pattern));
}
