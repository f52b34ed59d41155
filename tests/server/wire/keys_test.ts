/**
 * @module
 */
import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  checkKey,
  keyDetails,
  keyOfText,
  keyText,
  prefixDetails,
} from "../../../server/wire/keys.ts";

Deno.test("keyText() undoes keyOfText() for every well-formed text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    equal(keyText(keyOfText(text)), text);
  }));
});

Deno.test("keyText() has none for bytes that are no UTF-8", () => {
  for (const key of ["\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80"]) equal(keyText(key), undefined);
  deepEqual(keyDetails("\xff"), { keyBase64: "/w==" });
  deepEqual(keyDetails("\xc3\xa4"), { key: "ä" });
  deepEqual(prefixDetails("\xc3"), { prefixBase64: "ww==" });
  deepEqual(prefixDetails("\xc3\xa4"), { prefix: "ä" });
});

Deno.test("checkKey() takes 1 to 2,048 bytes", () => {
  equal(checkKey("x".repeat(2_048)).length, 2_048);
  throws(() => checkKey(""), { code: "invalid_request" });
  throws(() => checkKey("x".repeat(2_049)), { code: "key_too_large" });
});
