/**
 * @module
 */
import { equal, throws } from "node:assert/strict";
import { negotiate } from "../../../server/wire/accept.ts";

const offered = ["json", "msgpack", "ndjson"] as const;
const cases: [string | null, string][] = [
  [null, "json"],
  ["", "json"],
  ["*/*", "json"],
  ["application/*", "json"],
  ["application/msgpack", "msgpack"],
  ["application/x-msgpack", "msgpack"],
  ["APPLICATION/X-NDJSON", "ndjson"],
  ["text/html, application/json;q=0.5, application/msgpack;q=0.7", "msgpack"],
  ["application/json;q=0, */*", "msgpack"],
  ["text/html, */*;q=0.1", "json"],
  ["application/json;q=nonsense, application/msgpack;q=0.1", "msgpack"],
];
for (const [accept, form] of cases) {
  Deno.test(`negotiate() answers ${accept} with ${form}`, () => {
    equal(negotiate(accept, offered), form);
  });
}

Deno.test("negotiate() refuses what nobody offers", () => {
  for (const accept of ["image/png", "application/json;q=0", ",", ";;;"]) {
    throws(() => negotiate(accept, ["json"]), { code: "not_acceptable" }, accept);
  }
});
