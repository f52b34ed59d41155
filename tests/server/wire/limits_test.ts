/**
 * @module
 */
import { equal } from "node:assert/strict";
import * as storage from "../../../storage/limits.ts";
import { boundSizeBytesMax, keySizeBytesMax } from "../../../server/wire/limits.ts";

Deno.test("the API's key limit is the store's", () => {
  equal(keySizeBytesMax, storage.keySizeBytesMax);
  equal(boundSizeBytesMax, keySizeBytesMax + 1);
});
