/**
 * @module
 */
import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { parseQuery, percentDecode, splitUrl } from "../../../server/wire/url.ts";

const urls: [string, string, string][] = [
  ["http://h:1/a/b?c=d", "/a/b", "c=d"],
  ["http://h/a//b%2F../c", "/a//b%2F../c", ""],
  ["http://h/?", "/", ""],
  ["http://h", "/", ""],
  ["http://h/a?b?c=/d", "/a", "b?c=/d"],
  ["http://h/a#b?c", "/a", ""],
  ["http://h/a?b#c", "/a", "b"],
  ["/only/path?q", "/only/path", "q"],
];
for (const [url, path, query] of urls) {
  Deno.test(`splitUrl() takes ${url} apart`, () => deepEqual(splitUrl(url), { path, query }));
}

Deno.test("percentDecode() undoes the encoding of any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
    const text = String.fromCharCode(...bytes);
    const encoded = [...bytes].map((byte) => "%" + byte.toString(16).padStart(2, "0")).join("");
    equal(percentDecode(encoded, "x"), text);
    equal(percentDecode(encoded.toUpperCase().replaceAll("%41", "A"), "x"), text);
  }));
});

Deno.test("percentDecode() leaves a plus alone and refuses broken escapes", () => {
  equal(percentDecode("a+b/c%2B", "x"), "a+b/c+");
  for (const text of ["%", "%4", "a%4", "%g0", "%0g", "%%41", "\u00e9", "\x7f"]) {
    throws(() => percentDecode(text, "x"), { code: "invalid_request" }, text);
  }
});

Deno.test("parseQuery() decodes names and values, and refuses strangers and repeats", () => {
  const allowed = new Set(["a", "b"]);
  deepEqual([...parseQuery("%61=%ff&b&&", allowed)], [["a", "\xff"], ["b", ""]]);
  deepEqual([...parseQuery("a==", allowed)], [["a", "="]]);
  for (const query of ["c=1", "a=1&a=1", "a=1&%61=1", "=1", "a=%"]) {
    throws(() => parseQuery(query, allowed), { code: "invalid_request" }, query);
  }
});
