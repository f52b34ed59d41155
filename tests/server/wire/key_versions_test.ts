/**
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import type { KeyVersion } from "../../../sharding/mod.ts";
import { keyVersionJson, keyVersionObject } from "../../../server/wire/key_versions.ts";

const version = 1_790_000_000_000_001;
const set: KeyVersion = {
  version,
  kind: "set",
  value: {
    bytes: Uint8Array.of(0xff),
    contentType: "image/png",
    version,
    expiresAt: version + 1_000_000,
  },
  node: "node1",
  token: 'a"b',
};
const expired: KeyVersion = { version, kind: "expire", value: undefined, node: "", token: "" };

Deno.test("the golden body of a set and of an expiry", () => {
  equal(
    keyVersionJson(set, {}),
    '{"versionstamp":"00065bfeda25e0010000","time":"2026-09-21T14:13:20.000001Z","op":"set",' +
      '"valueBase64":"/w==","contentType":"image/png","expiresAt":"2026-09-21T14:13:21.000001Z",' +
      '"node":"node1","token":"a\\"b"}',
  );
  equal(
    keyVersionJson(expired, {}),
    '{"versionstamp":"00065bfeda25e0010000","time":"2026-09-21T14:13:20.000001Z","op":"expire",' +
      '"node":"","token":""}',
  );
});

Deno.test("keyVersionObject() is what keyVersionJson() says, with raw bytes", () => {
  const { value, ...shown } = keyVersionObject(set, {});
  deepEqual(value, Uint8Array.of(0xff));
  deepEqual(shown, JSON.parse(keyVersionJson(set, { isKeysOnly: true })));
  deepEqual(keyVersionObject(expired, {}), JSON.parse(keyVersionJson(expired, {})));
  equal("value" in keyVersionObject(set, { isKeysOnly: true }), false);
});
