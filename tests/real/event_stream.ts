/**
 * Server-sent events: a stream of bytes as a stream of events.
 *
 * @module
 */

/** One event. */
export interface ServerEvent {
  /** `message` where the stream names none. */
  readonly name: string;
  /** Its lines, joined. */
  readonly data: string;
  /** The `id` of this event itself, not of one before it. */
  readonly id: string | undefined;
}

/**
 * Yields whole events. One that is cut off by the end of the stream is left out.
 *
 * @param reader Of the text. The caller may cancel it at any time.
 */
export async function* readEvents(
  reader: ReadableStreamDefaultReader<string>,
): AsyncGenerator<ServerEvent, void, undefined> {
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    let start = 0;
    for (;;) {
      const end = rest.indexOf("\n\n", start);
      if (end < 0) break;
      const event = parseEvent(rest.slice(start, end));
      start = end + 2;
      if (event !== undefined) yield event;
    }
    rest = rest.slice(start);
  }
}

/** Returns the event of a block of lines; undefined where it is only comments. */
function parseEvent(block: string): ServerEvent | undefined {
  let name = "message";
  let id: string | undefined;
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") name = value;
    else if (field === "id") id = value;
    else if (field === "data") data.push(value);
  }
  return data.length === 0 ? undefined : { name, data: data.join("\n"), id };
}
