/**
 * A consumer of a watch as it should be: it counts a commit once its last event is there, and after
 * a break resumes behind the last such commit.
 *
 * @module
 */
import { ok } from "node:assert/strict";
import { readEvents, type ServerEvent } from "./event_stream.ts";

/** One change, as it was told. */
export interface WatchedEvent {
  readonly op: "set" | "delete" | "expire";
  readonly key: string;
  readonly value?: unknown;
  readonly versionstamp: string;
  /** What was there before, of a watch that asks for it. */
  readonly prev?: { readonly value?: unknown; readonly versionstamp: string } | null;
}

/** A commit that was told to its end. */
export interface WatchedCommit {
  readonly versionstamp: string;
  readonly events: readonly WatchedEvent[];
}

/** What is watched. */
export interface WatcherOptions {
  readonly token: string;
  readonly prefix: string;
  /** Behind which versionstamp it begins; now where it is left out. */
  readonly from?: string;
  /** Whether events tell what was there before. */
  readonly withPrevious?: boolean;
}

/** How long a commit may take to be told, at most. */
const waitMsMax = 60_000;

/** Follows a prefix from server to server. */
export class Watcher {
  /** In the order in which they came. */
  readonly commits: WatchedCommit[] = [];
  /** How often it connected. */
  connectionCount = 0;
  readonly #options: WatcherOptions;
  #resumeId: string | undefined;
  #pending: WatchedEvent[] = [];
  #reader: ReadableStreamDefaultReader<string> | undefined;
  #following: Promise<void> | undefined;
  #failure: unknown;
  /** Called with every change of what is known. */
  #wake: () => void = () => {};

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  /** Connects, and resumes where it connected before. Resolves once the server has answered. */
  async connect(url: string): Promise<void> {
    const { token, prefix, from, withPrevious } = this.#options;
    const query = new URLSearchParams({ prefix });
    if (from !== undefined) query.set("from", from);
    if (withPrevious === true) query.set("prev", "true");
    const headers = new Headers({ accept: "text/event-stream", authorization: `Bearer ${token}` });
    if (this.#resumeId !== undefined) headers.set("last-event-id", this.#resumeId);
    const response = await fetch(`${url}/v1/watch?${query}`, { headers });
    const { body } = response;
    if (!response.ok || body === null) {
      throw new Error(`Cannot watch ${prefix}: ${response.status} ${await response.text()}`);
    }
    this.connectionCount++;
    this.#pending = [];
    this.#reader = body.pipeThrough(new TextDecoderStream()).getReader();
    this.#following = this.#follow(this.#reader);
  }

  /** Resolves once the connection has ended by itself, as when the server was killed. */
  async broken(): Promise<void> {
    await this.#following;
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    // Fails where the connection is broken already.
    await this.#reader?.cancel().catch(() => {});
    await this.#following;
  }

  /** Resolves once everything up to a versionstamp has been told. */
  async untilVersion(versionstamp: string): Promise<void> {
    await this.until(() => (this.#resumeId ?? "") >= versionstamp, versionstamp);
  }

  /** Resolves once something has been told. */
  async until(isTold: () => boolean, what: string): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`Cannot find ${what} in the watch: it does not come`)),
        waitMsMax,
      );
    });
    try {
      for (;;) {
        if (this.#failure !== undefined) throw this.#failure;
        if (isTold()) return;
        const woken = new Promise<void>((resolve) => this.#wake = resolve);
        await Promise.race([woken, late]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Never rejects: what goes wrong is thrown where somebody waits. */
  async #follow(reader: ReadableStreamDefaultReader<string>): Promise<void> {
    try {
      for await (const event of readEvents(reader)) this.#take(event);
    } catch (error) {
      // A broken connection is what is tested; a broken rule is not.
      if (error instanceof Error && error.name === "AssertionError") this.#failure = error;
    }
    this.#wake();
  }

  #take({ name, data, id }: ServerEvent): void {
    ok(name !== "reset", `the watch was reset: ${data}`);
    if (id !== undefined) {
      ok(id >= (this.#resumeId ?? ""), `${id} came behind ${this.#resumeId}`);
    }
    if (name === "progress") {
      ok(this.#pending.length === 0, `progress came within the commit of ${data}`);
    } else {
      ok(name === "set" || name === "delete" || name === "expire", `an event ${name}: ${data}`);
      this.#pending.push({ ...JSON.parse(data), op: name });
    }
    if (id === undefined) return;
    if (name !== "progress") {
      ok(id > (this.#resumeId ?? ""), `the commit ${id} came again`);
      this.commits.push({ versionstamp: id, events: this.#pending });
      this.#pending = [];
    }
    this.#resumeId = id;
    this.#wake();
  }
}
