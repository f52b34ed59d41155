/**
 * A client that watches a server over its restarts: each time it comes again with the last id that it
 * saw, and notes every event.
 *
 * @module
 */
import type { ServerProcess } from "./server_process.ts";

/** One event, as it was told. */
export interface FollowedEvent {
  readonly kind: string;
  readonly key: string;
  readonly versionstamp: string;
  /** Undefined of what is no `set`. */
  readonly value: string | undefined;
}

/** Watches all keys. */
export class Follower {
  readonly events: FollowedEvent[] = [];
  /** How often it came again behind an id. */
  resumeCount = 0;
  #lastId: string | undefined;

  /** Watches until the connection breaks. Begins at the newest the first time. */
  async follow(server: ServerProcess, onOpen: () => void = () => {}): Promise<void> {
    const headers: HeadersInit = this.#lastId === undefined
      ? {}
      : { "last-event-id": this.#lastId };
    if (this.#lastId !== undefined) this.resumeCount++;
    try {
      const response = await fetch(`${server.url}/v1/watch?progress=100ms`, { headers });
      if (response.status !== 200 || response.body === null) {
        throw new Error(`A watch is answered ${response.status}: ${await response.text()}`);
      }
      onOpen();
      await this.#read(response.body);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const bytes of body) {
      text += decoder.decode(bytes, { stream: true });
      const pieces = text.split("\n\n");
      text = pieces.pop() ?? "";
      for (const piece of pieces) this.#take(piece);
    }
  }

  #take(piece: string): void {
    const fields = new Map(
      piece.split("\n").map((line): [string, string] => {
        const at = line.indexOf(": ");
        return [line.slice(0, at), line.slice(at + 2)];
      }),
    );
    const kind = fields.get("event");
    this.#lastId = fields.get("id") ?? this.#lastId;
    if (kind === undefined || kind === "progress") return;
    const { key, versionstamp, value } = JSON.parse(fields.get("data") ?? "{}");
    this.events.push({ kind, key, versionstamp, value });
  }
}
