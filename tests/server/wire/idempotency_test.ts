/**
 * @module
 */
import { equal, notDeepEqual } from "node:assert/strict";
import { type IdentityParts, requestIdentity } from "../../../server/wire/idempotency.ts";

const base: IdentityParts = {
  tokenName: "t",
  scope: ["PUT", "/v1/kv/", "a"],
  content: ["query", "type"],
  body: Uint8Array.of(1, 2),
};

function identityOf(change: Partial<IdentityParts>, key = "k") {
  const identity = requestIdentity(key, () => ({ ...base, ...change }));
  return { id: identity?.id.toHex(), fingerprint: identity?.fingerprint.toHex() };
}

Deno.test("requestIdentity() is nothing without the header, and 16 bytes each with it", () => {
  equal(requestIdentity(null, () => base), undefined);
  equal(identityOf({}).id?.length, 32);
  equal(identityOf({}).fingerprint?.length, 32);
});

Deno.test("requestIdentity() tells every part from every other", () => {
  const same = identityOf({});
  const otherScopes: Partial<IdentityParts>[] = [
    { tokenName: "u" },
    { scope: ["DELETE", "/v1/kv/", "a"] },
    { scope: ["PUT", "/v1/kv/a", ""] },
  ];
  for (const change of otherScopes) {
    notDeepEqual(identityOf(change).id, same.id);
    equal(identityOf(change).fingerprint, same.fingerprint);
  }
  notDeepEqual(identityOf({}, "l").id, same.id);
  const otherContents: Partial<IdentityParts>[] = [
    { content: ["queryt", "ype"] },
    { content: ["query", "type", ""] },
    { body: Uint8Array.of(1, 3) },
  ];
  for (const change of otherContents) {
    notDeepEqual(identityOf(change).fingerprint, same.fingerprint);
    equal(identityOf(change).id, same.id);
  }
});
