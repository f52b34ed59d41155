/**
 * Who wrote: the node that took a request and the token that it came with, as one short text.
 *
 * ```
 * node name | "/" | token name          UTF-8, one character a byte; "" where nobody asked
 * ```
 *
 * A node's name has no slash, so the first one parts them. Inside, the text is a latin1 string like
 * a key: it is copied for every write, and so costs a short loop and no encoder.
 *
 * @module
 */
import { latin1Bytes, latin1Decode } from "../storage/env/mod.ts";

const writerLengthMax = 512;
const writersKeptMax = 64;

/** A node and a token by their names. */
export interface WriterNames {
  /** Empty where the node did it by itself. */
  readonly node: string;
  /** Empty without tokens. */
  readonly token: string;
}

/** Makes the texts of the writers that come through one node. */
export class WriterTexts {
  readonly #node: string;
  readonly #known = new Map<string, string>();

  constructor(nodeName: string) {
    this.#node = nodeName;
  }

  /** Returns the text of a token's writes. */
  of(token: string): string {
    let text = this.#known.get(token);
    if (text === undefined) {
      const bytes = new TextEncoder().encode(`${this.#node}/${token}`);
      text = latin1Decode(bytes, 0, Math.min(bytes.length, writerLengthMax));
      if (this.#known.size >= writersKeptMax) this.#known.clear();
      this.#known.set(token, text);
    }
    return text;
  }
}

/** Returns the names in a writer's text. */
export function writerNames(text: string): WriterNames {
  const utf8 = new TextDecoder().decode(latin1Bytes(text));
  const slash = utf8.indexOf("/");
  return slash < 0
    ? { node: utf8, token: "" }
    : { node: utf8.slice(0, slash), token: utf8.slice(slash + 1) };
}
