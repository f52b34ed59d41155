/**
 * Who may ask: access tokens in `Authorization: Bearer`.
 *
 * Digests are compared instead of tokens, each with each and in constant time, so that an answer's
 * delay tells nothing about a token or how many there are of a name.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { AccessToken } from "../context.ts";
import { RequestError } from "../errors.ts";

const bearer = /^bearer +(\S+) *$/i;
const headerLengthMax = 4_096;

/** Knows the tokens, by their digests. */
export class Authenticator {
  readonly #known: readonly { readonly name: string; readonly digest: Uint8Array }[];

  constructor(tokens: readonly AccessToken[]) {
    this.#known = tokens.map(({ name, token }) => ({ name, digest: digestOf(token) }));
  }

  /** Whether anybody may ask. */
  get isOpen(): boolean {
    return this.#known.length === 0;
  }

  /**
   * Returns the name of the token that a request carries; empty where the API is open.
   *
   * @param authorization The `Authorization` header.
   * @throws {RequestError} `unauthorized` where it carries none that is known.
   */
  nameOf(authorization: string | null): string {
    if (this.isOpen) return "";
    if (authorization === null) {
      throw new RequestError("unauthorized", "Cannot answer without Authorization: Bearer <token>");
    }
    const token = authorization.length <= headerLengthMax
      ? bearer.exec(authorization)?.[1]
      : undefined;
    if (token === undefined) {
      throw new RequestError("unauthorized", "Cannot read Authorization: it is Bearer <token>");
    }
    const digest = digestOf(token);
    let name: string | undefined;
    for (const known of this.#known) {
      // No early end: the time taken must not depend on which token fits.
      if (timingSafeEqual(known.digest, digest)) name = known.name;
    }
    if (name === undefined) {
      throw new RequestError("unauthorized", "Cannot answer: the access token is not known");
    }
    return name;
  }
}

function digestOf(token: string): Uint8Array {
  return createHash("sha256").update(token, "utf8").digest();
}
