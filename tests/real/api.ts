/**
 * A client of a node for the jobs on real input: what it asks must be answered as it expects, or the
 * job ends with what was answered instead.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import type { Place } from "./places.ts";

/** Whom a client speaks to, and as whom. */
export interface ApiOptions {
  /** The base of the node's URLs. */
  readonly url: string;
  /** The access token, where the node has some. */
  readonly token?: string;
}

/** What one request carries. */
export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** An answer, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** What became of one operation of a batch. */
export interface BatchResult {
  readonly key?: string;
  readonly value?: unknown;
  readonly versionstamp?: string;
  readonly contentType?: string;
}

/** An entry of a list. */
export interface Entry {
  readonly key: string;
  readonly value: unknown;
  readonly contentType: string;
}

/** A version of a key, as its history shows it. */
export interface HistoryVersion {
  readonly versionstamp: string;
  readonly time: string;
  readonly op: "set" | "delete" | "expire";
  readonly value?: unknown;
  readonly node: string;
  /** Empty where the node did it by itself. */
  readonly token: string;
}

/** A job of a node. */
export interface Job {
  readonly id: string;
  readonly state: "running" | "done" | "failed";
  readonly reason: string | null;
  readonly result: Readonly<Record<string, unknown>> | null;
}

/** A client of one node. */
export class Api {
  readonly url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ url, token }: ApiOptions) {
    this.url = url;
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  /** Sends a request, whatever it is answered. */
  async send(method: string, path: string, options: SendOptions = {}): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...this.#headers, ...options.headers },
      body: options.body,
    });
    return { status: response.status, headers: response.headers, body: await response.text() };
  }

  /** Sends JSON, if any, and returns the JSON of an answer of the expected status. */
  async json<T>(
    method: string,
    path: string,
    { body, status = 200 }: { body?: unknown; status?: number } = {},
  ): Promise<T> {
    const answer = await this.send(method, path, {
      headers: { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    equal(answer.status, status, `${method} ${path}: ${answer.body}`);
    return JSON.parse(answer.body);
  }

  /** Runs operations each on its own. */
  async batch(operations: readonly unknown[]): Promise<BatchResult[]> {
    const body = { operations };
    const { results } = await this.json<{ results: BatchResult[] }>("POST", "/v1/batch", { body });
    equal(results.length, operations.length);
    return results;
  }

  /** Writes one value as JSON. @returns The versionstamp. */
  async put(key: string, value: unknown, query = ""): Promise<string> {
    const path = keyPath(key) + query;
    return (await this.json<{ versionstamp: string }>("PUT", path, { body: value })).versionstamp;
  }

  /** Lists the keys of a prefix page by page; all pages must see one version. */
  async list(prefix: string, options: { limit: number; at?: string }): Promise<Entry[]> {
    const entries: Entry[] = [];
    const versions = new Set<string>();
    let cursor: string | null = null;
    do {
      const query = new URLSearchParams({ prefix, limit: `${options.limit}` });
      if (options.at !== undefined) query.set("at", options.at);
      if (cursor !== null) query.set("cursor", cursor);
      const page: Page = await this.json("GET", `/v1/kv?${query}`);
      entries.push(...page.entries);
      versions.add(page.versionstamp);
      cursor = page.cursor;
    } while (cursor !== null);
    equal(versions.size, 1, `the pages of ${prefix} see one version`);
    return entries;
  }

  /** Lists the keys of a prefix in one stream. */
  async stream(prefix: string, options: { at?: string } = {}): Promise<Entry[]> {
    const query = new URLSearchParams({ prefix, ...options });
    const headers = { accept: "application/x-ndjson" };
    const { status, body } = await this.send("GET", `/v1/kv?${query}`, { headers });
    equal(status, 200, body);
    const lines = body.trimEnd().split("\n").map((line) => JSON.parse(line));
    return lines.filter((line) => "key" in line);
  }

  /** Returns the versions of a key, newest first. */
  async history(key: string): Promise<HistoryVersion[]> {
    const path = keyPath(key, "/v1/history/");
    return (await this.json<{ versions: HistoryVersion[] }>("GET", path)).versions;
  }

  /** Starts a job and asks for it until it has ended well; `between` runs between the questions. */
  async job(
    path: string,
    { body, between }: { body?: unknown; between?(): Promise<void> } = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    let job = await this.json<Job>("POST", path, { body, status: 202 });
    while (job.state === "running") {
      if (between === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
      else await between();
      job = await this.json<Job>("GET", `/v1/admin/jobs/${job.id}`);
    }
    equal(job.state, "done", JSON.stringify(job));
    return job.result ?? {};
  }
}

interface Page {
  readonly entries: Entry[];
  readonly cursor: string | null;
  readonly versionstamp: string;
}

/** Returns the path of a key. */
export function keyPath(key: string, prefix = "/v1/kv/"): string {
  return prefix + key.split("/").map(encodeURIComponent).join("/");
}

/** Returns the version of a versionstamp, in microseconds. */
export function versionOf(versionstamp: string): number {
  return Number.parseInt(versionstamp.slice(0, 16), 16);
}

/** Returns the operation of a batch that writes a place. */
export function setOperation({ key, value }: Place): unknown {
  return { op: "set", key, value };
}

/** Holds a list against what was written. */
export function compareEntries(entries: readonly Entry[], want: readonly Place[]): void {
  equal(entries.length, want.length);
  want.forEach((place, index) => {
    equal(entries[index].key, place.key);
    equal(entries[index].contentType, "application/json");
    deepEqual(entries[index].value, place.value);
  });
}

/** Cuts a list into pieces and works on a few at once. */
export async function inPieces<T>(
  list: readonly T[],
  options: { sizeOfPiece: number; workerCount: number; work(piece: T[]): Promise<void> },
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < list.length) {
      const start = next;
      next += options.sizeOfPiece;
      await options.work(list.slice(start, start + options.sizeOfPiece));
    }
  };
  await Promise.all(Array.from({ length: options.workerCount }, worker));
}
