import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  keyBehind,
  keyBytes,
  keyPath,
  percentEncode,
  queryOf,
} from "../../../server/cli/key_argument.ts";
import { percentDecode } from "../../../server/wire/url.ts";

Deno.test("keyPath() survives a URL parser and decodes to the key's bytes", () => {
  const segment = fc.constantFrom(".", "..", "", "a", "%2e", "ä", "\0", "?", "#", "\\");
  const keys = fc.array(segment, { minLength: 1 }).map((parts) => parts.join("/"));
  fc.assert(fc.property(fc.oneof(keys, fc.string({ unit: "binary", minLength: 1 })), (text) => {
    fc.pre(text !== "." && text !== "..");
    const bytes = new TextEncoder().encode(text);
    const { pathname } = new URL(`http://a${keyPath(bytes)}`);
    equal(pathname.startsWith("/v1/kv/"), true);
    const decoded = percentDecode(pathname.slice("/v1/kv/".length), "key");
    deepEqual(Uint8Array.from(decoded, (letter) => letter.charCodeAt(0)), bytes);
  }));
});

Deno.test("keyPath() refuses the two keys that no URL can carry", () => {
  for (const text of [".", ".."]) throws(() => keyPath(keyBytes(text, false)), { exitCode: 2 });
});

Deno.test("queryOf() leaves out what is undefined", () => {
  equal(queryOf({ a: undefined }), "");
  equal(queryOf({ a: "ä &", b: undefined, c: new Uint8Array([0xff]) }), "?a=%C3%A4%20%26&c=%FF");
});

Deno.test("percentEncode() escapes a plus, which some would take for a blank", () => {
  equal(percentEncode(keyBytes("+%", false)), "%2B%25");
});

Deno.test("keyBehind() is the very next key", () => {
  deepEqual(keyBehind(new Uint8Array([1])), new Uint8Array([1, 0]));
});
