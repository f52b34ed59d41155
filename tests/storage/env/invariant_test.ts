import { equal, throws } from "node:assert/strict";
import { invariant, InvariantError } from "../../../storage/env/mod.ts";

Deno.test("invariant() throws only where the condition is false, with its message", () => {
  invariant(true, "never seen");
  throws(
    () => invariant(false, "Found 3"),
    (error) => error instanceof InvariantError && error.message === "Found 3",
  );
});

Deno.test("invariant() makes a costly message only when it is needed", () => {
  let madeCount = 0;
  const message = () => `made ${++madeCount}`;
  invariant(true, message);
  equal(madeCount, 0);
  throws(() => invariant(false, message), /made 1/);
});
