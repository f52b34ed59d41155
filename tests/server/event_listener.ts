/**
 * Listens to server-sent events, as a client of the application.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import type { Harness } from "./harness.ts";

/** One event of a stream, or a comment. */
export interface Told {
  readonly event?: string;
  readonly id?: string;
  readonly retry?: string;
  readonly comment?: string;
  readonly data?: Record<string, unknown>;
}

/** Takes a stream apart as it comes. */
export class Listener {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #told: Told[] = [];
  #text = "";
  readonly #h: Harness;
  /** Whether the stream has ended. */
  isOver = false;

  constructor(h: Harness, response: Response) {
    this.#h = h;
    equal(response.status, 200);
    this.#reader = (response.body ?? new ReadableStream()).getReader();
  }

  /** Returns the next event; undefined at the end. */
  async next(): Promise<Told | undefined> {
    while (this.#told.length === 0 && !this.isOver) {
      const reading = this.#reader.read();
      await pace(this.#h);
      const { value, done } = await reading;
      this.isOver = done;
      this.#text += new TextDecoder().decode(value);
      const blocks = this.#text.split("\n\n");
      this.#text = blocks.pop() ?? "";
      this.#told.push(...blocks.map(toldOf));
    }
    return this.#told.shift();
  }

  /** Returns so many events. */
  async take(count: number): Promise<(Told | undefined)[]> {
    const told = [];
    for (let index = 0; index < count; index++) told.push(await this.next());
    return told;
  }

  /** Goes away. */
  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }
}

function toldOf(block: string): Told {
  const told: Record<string, unknown> = {};
  for (const line of block.split("\n")) {
    const [, name, value] = /^([a-z]*): ?(.*)$/.exec(line) ?? [];
    if (name === "data") told.data = JSON.parse(value);
    else told[name === "" ? "comment" : name] = value;
  }
  return told;
}

/** Opens a watch, and takes what it begins with. */
export async function watching(h: Harness, query = "", headers = {}): Promise<Listener> {
  const listener = new Listener(h, await h.send("GET", `/v1/watch${query}`, { headers }));
  const [start, progress] = await listener.take(2);
  deepEqual(start, { retry: "1000" });
  equal(progress?.event, "progress");
  deepEqual(progress?.data, { versionstamp: progress?.id });
  return listener;
}

/** Lets a stream that waits for its turn go on. */
export async function pace(h: Harness): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  h.clock.advance(20);
}
