/**
 * @module
 */
import { equal, throws } from "node:assert/strict";
import { Authenticator } from "../../../server/middleware/auth.ts";

Deno.test("nameOf() knows every token, and names nobody where there is none", () => {
  const tokens = [{ name: "a", token: "one" }, { name: "b", token: "two" }];
  const authenticator = new Authenticator(tokens);
  equal(authenticator.isOpen, false);
  equal(authenticator.nameOf("Bearer one"), "a");
  equal(authenticator.nameOf("Bearer two"), "b");
  equal(new Authenticator([]).nameOf(null), "");
});

for (const header of [null, "", "Bearer ", "Bearer on", "Bearer onee", "Bearer ONE", "Token one"]) {
  Deno.test(`nameOf() refuses ${header}`, () => {
    const authenticator = new Authenticator([{ name: "a", token: "one" }]);
    throws(() => authenticator.nameOf(header), { code: "unauthorized" });
  });
}
