/**
 * The HTTP client of the verbs: several URLs, a token, and problems turned into errors.
 *
 * A request goes to the URL that answered last. Where no connection comes about, nothing was sent,
 * and the next URL is tried. Where the connection breaks later, only a request that may safely be
 * sent twice is: a read, or a write with an `Idempotency-Key`.
 *
 * @module
 */
import { CliError, oneLine, usageError } from "./cli_error.ts";

/** A request as a verb makes it. */
export interface ApiRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** Statuses that are answers to the verb, not failures. */
  readonly accepted?: readonly number[];
}

/** Where a server is and how to be let in. */
export interface ApiAddress {
  /** One URL or several, comma-separated. */
  readonly url: string;
  readonly token?: string;
}

/** Talks to one of several servers. */
export class ApiClient {
  readonly #urls: readonly string[];
  readonly #token: string | undefined;
  #current = 0;

  /** @throws {CliError} where a URL is none. */
  constructor(address: ApiAddress) {
    this.#urls = parseUrls(address.url);
    this.#token = address.token === "" ? undefined : address.token;
  }

  /** The URLs, without a slash at the end. */
  get urls(): readonly string[] {
    return this.#urls;
  }

  /** The header that lets us in, if there is one. */
  get authorization(): string | undefined {
    return this.#token === undefined ? undefined : `Bearer ${this.#token}`;
  }

  /**
   * Sends a request and returns the answer.
   *
   * @throws {CliError} with the problem's code, `unreachable`, or `outcome_unknown`.
   */
  async send(path: string, request: ApiRequest = {}): Promise<Response> {
    const { method = "GET", accepted = [] } = request;
    const headers = new Headers(request.headers);
    if (this.authorization !== undefined) headers.set("authorization", this.authorization);
    const isRepeatable = method === "GET" || method === "HEAD" || headers.has("idempotency-key");
    let last: CliError | undefined;
    for (let attempt = 0; attempt < this.#urls.length; attempt++) {
      const url = this.#urls[this.#current];
      let response: Response;
      try {
        const init = { method, headers, body: request.body, redirect: "manual" } as const;
        response = await fetch(url + path, init);
      } catch (error) {
        last = connectionError(url, error, isRepeatable);
        if (last.code === "outcome_unknown") throw last;
        this.#current = (this.#current + 1) % this.#urls.length;
        continue;
      }
      if (response.ok || accepted.includes(response.status)) return response;
      throw await problemError(response);
    }
    throw last ?? usageError("Cannot send a request: there is no URL");
  }

  /** Sends a request and returns the answer's JSON. @throws {CliError} as `send`. */
  async json(path: string, request: ApiRequest = {}): Promise<Record<string, unknown>> {
    const headers = { accept: "application/json", ...request.headers };
    const response = await this.send(path, { ...request, headers });
    return await response.json();
  }
}

/** Returns the failure that a problem answer stands for. */
export async function problemError(response: Response): Promise<CliError> {
  const text = await response.text();
  let problem: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null) problem = parsed as typeof problem;
  } catch {
    // Not ours: a proxy answered. Its status says enough.
  }
  const code = typeof problem.code === "string" ? problem.code : `http_${response.status}`;
  const detail = problem.detail ?? problem.title ?? `The server answers ${response.status}`;
  return new CliError(code, oneLine(String(detail)), { cause: problem });
}

function connectionError(url: string, error: unknown, isRepeatable: boolean): CliError {
  const found = oneLine(error instanceof Error ? error.message : String(error));
  const isUnsent = error instanceof Deno.errors.NotCapable || /\(Connect\)/.test(found);
  if (isUnsent || isRepeatable) {
    return new CliError("unreachable", `Cannot reach ${url}: ${found}`, { cause: error });
  }
  return new CliError(
    "outcome_unknown",
    `Cannot tell whether it happened: the connection to ${url} broke: ${found}`,
    { cause: error },
  );
}

function parseUrls(text: string): string[] {
  const urls = text.split(",").map((part) => part.trim()).filter((part) => part !== "");
  if (urls.length === 0) throw usageError("Cannot use --url: it names no server");
  return urls.map((url) => {
    if (!/^https?:\/\/[^/?#\s]+(\/[^?#\s]*)?$/.test(url) || !URL.canParse(url)) {
      throw usageError(`Cannot use --url ${url}: it is http://HOST:PORT or https://HOST:PORT`);
    }
    return url.replace(/\/+$/, "");
  });
}
