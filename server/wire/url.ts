/**
 * The raw URL of a request, taken apart by hand: keys are bytes, and a URL library would decode
 * them as text, fold `..` and cost more than the rest of a request.
 *
 * Bytes travel as latin1 strings, one character a byte. `+` stands for itself: this is no form.
 *
 * @module
 */
import { RequestError } from "../errors.ts";

/** Where path and query lie in a URL. */
export interface UrlParts {
  /** From the slash behind the host to the query. */
  readonly path: string;
  /** Behind the question mark; empty where there is none. */
  readonly query: string;
}

let urlKept = "";
let partsKept: UrlParts = { path: "/", query: "" };

/** Returns path and query as they came. */
export function splitUrl(url: string): UrlParts {
  // The router asks first, and then the route: for the same string.
  if (url !== urlKept) {
    partsKept = split(url);
    urlKept = url;
  }
  return partsKept;
}

function split(url: string): UrlParts {
  const scheme = url.indexOf("://");
  const pathStart = url.indexOf("/", scheme < 0 ? 0 : scheme + 3);
  if (pathStart < 0) return { path: "/", query: "" };
  const fragment = url.indexOf("#", pathStart);
  const end = fragment < 0 ? url.length : fragment;
  const mark = url.indexOf("?", pathStart);
  if (mark < 0 || mark > end) return { path: url.slice(pathStart, end), query: "" };
  return { path: url.slice(pathStart, mark), query: url.slice(mark + 1, end) };
}

/**
 * Returns the bytes that percent-encoded text stands for.
 *
 * @param what What the text is, for the message.
 * @throws {RequestError} `invalid_request` at a broken escape or a character beyond ASCII.
 */
export function percentDecode(text: string, what: string): string {
  let decoded = "";
  let copied = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x25) {
      const high = hexDigit(text.charCodeAt(index + 1));
      const low = hexDigit(text.charCodeAt(index + 2));
      if (high < 0 || low < 0) {
        throw new RequestError(
          "invalid_request",
          `Cannot read ${what}: there is a broken percent escape at character ${index}`,
        );
      }
      decoded += text.slice(copied, index) + String.fromCharCode(high * 16 + low);
      index += 2;
      copied = index + 1;
    } else if (code > 0x7e) {
      throw new RequestError(
        "invalid_request",
        `Cannot read ${what}: the character at ${index} must be percent-encoded`,
      );
    }
  }
  return copied === 0 ? text : decoded + text.slice(copied);
}

/**
 * Returns a query's parameters, as bytes.
 *
 * @param allowed The names that may occur.
 * @throws {RequestError} `invalid_request` for a name that is unknown or comes twice.
 */
export function parseQuery(
  query: string,
  allowed: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const part of query.split("&")) {
    if (part === "") continue;
    const mark = part.indexOf("=");
    const rawName = mark < 0 ? part : part.slice(0, mark);
    const name = percentDecode(rawName, "a query parameter's name");
    if (!allowed.has(name)) {
      throw new RequestError(
        "invalid_request",
        `Cannot take the query parameter ${JSON.stringify(name)}: it is not known here`,
        { parameter: name },
      );
    }
    if (parameters.has(name)) {
      throw new RequestError(
        "invalid_request",
        `Cannot take the query parameter ${name}: it is given twice`,
        { parameter: name },
      );
    }
    parameters.set(name, mark < 0 ? "" : percentDecode(part.slice(mark + 1), `${name}=`));
  }
  return parameters;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  return -1;
}
