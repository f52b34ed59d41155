/**
 * `Idempotency-Key`: how a request is named, so that a retry gets the answer of the first attempt.
 *
 * The name is made from the token's name, the method, what the request is about and the client's
 * key; the fingerprint from everything that can change its effect. Each part goes in behind its
 * length, so that no two requests run together.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { RequestIdentity } from "../../sharding/mod.ts";
import { RequestError } from "../errors.ts";

const pattern = /^[\x20-\x7e]{1,255}$/;
const identitySizeBytes = 16;

/** What a request is named by and known by. */
export interface IdentityParts {
  /** The name of the token that asked. */
  readonly tokenName: string;
  /** Method and path; for txn and batch also the first key. */
  readonly scope: readonly string[];
  /** Query, conditions, content type. */
  readonly content: readonly string[];
  readonly body: Uint8Array;
}

/**
 * Returns what the request is remembered by; `undefined` without the header.
 *
 * @throws {RequestError} `invalid_request` where the header is out of its bounds.
 */
export function requestIdentity(
  header: string | null,
  parts: () => IdentityParts,
): RequestIdentity | undefined {
  if (header === null) return undefined;
  if (!pattern.test(header)) {
    throw new RequestError(
      "invalid_request",
      "Cannot use the Idempotency-Key: it is 1 to 255 printable ASCII characters",
      { header: "Idempotency-Key" },
    );
  }
  const { tokenName, scope, content, body } = parts();
  return {
    id: digest([tokenName, header, ...scope]),
    fingerprint: digest(content, body),
  };
}

function digest(texts: readonly string[], body?: Uint8Array): Uint8Array {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text.length}:`).update(text, "utf8");
  if (body !== undefined) hash.update(body);
  return new Uint8Array(hash.digest()).subarray(0, identitySizeBytes);
}
