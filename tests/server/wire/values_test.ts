/**
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { showValue, valueForm } from "../../../server/wire/values.ts";

const forms: [string, string][] = [
  ["application/json", "json"],
  ["Application/JSON; charset=utf-8", "json"],
  ["application/jsonx", "bytes"],
  ["application/ld+json", "bytes"],
  ["text/plain", "text"],
  ["text/html; charset=UTF-8", "text"],
  ["text/plain; charset=latin1", "bytes"],
  ["image/png", "bytes"],
];
for (const [type, form] of forms) {
  Deno.test(`valueForm() shows ${type} as ${form}`, () => equal(valueForm(type), form));
}

const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

Deno.test("showValue() falls back to bytes where the type does not keep its promise", () => {
  deepEqual(showValue(bytesOf("\xff"), "text/plain"), {});
  deepEqual(showValue(bytesOf("{"), "application/json"), {});
  deepEqual(showValue(bytesOf("1 2"), "application/json"), {});
  deepEqual(showValue(bytesOf("\xef\xbb\xbfa"), "text/plain"), { text: "\ufeffa" });
});

Deno.test("showValue() keeps JSON as it is, on one line", () => {
  deepEqual(showValue(bytesOf('{"n":1.0,\r\n"s":"\\n"}'), "application/json"), {
    json: '{"n":1.0,  "s":"\\n"}',
    isRewritten: true,
  });
  deepEqual(showValue(bytesOf('{"n": 1.0}'), "application/json"), { json: '{"n": 1.0}' });
});
