/**
 * A `text/event-stream` answer, event by event.
 *
 * @module
 */
import { CliError } from "./cli_error.ts";

/** The longest event that is taken: two of the largest values as base64, with room to spare. */
const eventLengthMax = 134_217_728;

/** One event. */
export interface ServerEvent {
  readonly kind: string;
  /** Undefined where the event has none. */
  readonly id: string | undefined;
  /** Lines of JSON as they came. */
  readonly data: string;
}

/** Takes a stream of events apart. */
export class EventStream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #lines: string[] = [];
  #position = 0;
  #rest = "";

  /** @param body Not read by anybody else from now on. */
  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
  }

  /**
   * Returns the next event; undefined at the end, where what is not whole is left out.
   *
   * @throws {CliError} for an event that is too long. Fails with what the connection fails with.
   */
  async next(): Promise<ServerEvent | undefined> {
    let kind = "message";
    let id: string | undefined;
    const data: string[] = [];
    for (;;) {
      const line = await this.#line();
      if (line === undefined) return undefined;
      if (line === "") {
        if (data.length > 0) return { kind, id, data: data.join("\n") };
        continue;
      }
      const [, name, value] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
      if (name === "event") kind = value;
      else if (name === "id") id = value;
      else if (name === "data") data.push(value ?? "");
    }
  }

  /** Ends it: whoever waits for the next event is told that there is none. */
  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }

  async #line(): Promise<string | undefined> {
    while (this.#position === this.#lines.length) {
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#lines = (this.#rest + this.#decoder.decode(value, { stream: true })).split("\n");
      this.#rest = this.#lines.pop() ?? "";
      this.#position = 0;
      if (this.#rest.length > eventLengthMax) {
        throw new CliError("invalid_line", `Cannot read an event of over ${eventLengthMax} bytes`);
      }
    }
    return this.#lines[this.#position++];
  }
}
