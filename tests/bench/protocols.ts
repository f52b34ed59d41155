/**
 * What the load generator speaks: requests as ready bytes, and how to tell that an answer is whole.
 *
 * Requests are made once per connection and only their key digits change, so that the generator
 * costs as little as it can and the same for every server.
 *
 * @module
 */

/** The servers that can be loaded. */
export type PeerName = "ankylo" | "etcd" | "redis";

/** What a connection asks, over and over. */
export type Operation =
  | { readonly kind: "put"; readonly valueSizeBytes: number }
  | { readonly kind: "get" }
  | { readonly kind: "scan"; readonly limit: number };

/** Makes the bytes of one request for a key number. What it returns is good until the next call. */
export type RequestMaker = (keyNumber: number) => Uint8Array;

/** The size of the values where nothing else is said. */
export const valueSizeBytes = 256;

const keyDigits = 12;
const encoder = new TextEncoder();

/** Returns the text of a key: 18 bytes, so that base64 has no padding. */
export function keyText(keyNumber: number): string {
  return `bench/${String(keyNumber).padStart(keyDigits, "0")}`;
}

/** Returns a maker of requests in the server's own protocol. */
export function requestMaker(peer: PeerName, operation: Operation): RequestMaker {
  switch (peer) {
    case "ankylo":
      return ankyloRequests(operation);
    case "etcd":
      return etcdRequests(operation);
    case "redis":
      return redisRequests(operation);
  }
}

/** A value that does not compress to nothing. */
export function valueText(sizeBytes: number): string {
  let text = "";
  let state = 88_172_645;
  while (text.length < sizeBytes) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    text += state.toString(36);
  }
  return text.slice(0, sizeBytes);
}

function ankyloRequests(operation: Operation): RequestMaker {
  switch (operation.kind) {
    case "put": {
      const value = valueText(operation.valueSizeBytes);
      return patched(
        (key) =>
          `PUT /v1/kv/${key} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${value.length}\r\n\r\n` +
          value,
      );
    }
    case "get":
      return patched((key) => `GET /v1/kv/${key} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    case "scan": {
      const { limit } = operation;
      return (keyNumber) =>
        encoder.encode(
          `GET /v1/kv?start=${keyText(keyNumber)}&end=${keyText(keyNumber + limit)}` +
            `&limit=${limit} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
        );
    }
  }
}

function etcdRequests(operation: Operation): RequestMaker {
  const post = (path: string, body: string) =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`;
  switch (operation.kind) {
    case "put": {
      const value = btoa(valueText(operation.valueSizeBytes));
      return (keyNumber) =>
        encoder.encode(
          post("/v3/kv/put", `{"key":"${btoa(keyText(keyNumber))}","value":"${value}"}`),
        );
    }
    case "get":
      return (keyNumber) =>
        encoder.encode(post("/v3/kv/range", `{"key":"${btoa(keyText(keyNumber))}"}`));
    case "scan": {
      const { limit } = operation;
      // Without a bound etcd counts every key behind the first.
      return (keyNumber) =>
        encoder.encode(post(
          "/v3/kv/range",
          `{"key":"${btoa(keyText(keyNumber))}","range_end":"${btoa(keyText(keyNumber + limit))}"}`,
        ));
    }
  }
}

function redisRequests(operation: Operation): RequestMaker {
  const text = (...words: string[]) =>
    `*${words.length}\r\n` + words.map((word) => `$${word.length}\r\n${word}\r\n`).join("");
  switch (operation.kind) {
    case "put": {
      const value = valueText(operation.valueSizeBytes);
      return patched((key) => text("SET", key, value));
    }
    case "get":
      return patched((key) => text("GET", key));
    case "scan":
      throw new Error("Cannot scan Redis: it has no ordered keys");
  }
}

/** Encodes a request once and writes only the digits of the key anew. */
function patched(build: (key: string) => string): RequestMaker {
  const first = build(keyText(0));
  const bytes = encoder.encode(first);
  const at = first.indexOf(keyText(0)) + "bench/".length;
  return (keyNumber) => {
    let rest = keyNumber;
    for (let digit = at + keyDigits - 1; digit >= at; digit--) {
      bytes[digit] = 48 + rest % 10;
      rest = Math.floor(rest / 10);
    }
    return bytes;
  };
}

/** Reads answers piece by piece. One request is in flight at a time. */
export interface AnswerReader {
  /** Takes what arrived; returns whether the answer is whole, and then begins the next. */
  take(bytes: Uint8Array): boolean;
  /** Whether the last whole answer was a success. */
  readonly isSuccess: boolean;
  /** The bytes of the last whole answer. */
  readonly sizeBytes: number;
}

/** Returns a reader of answers in the server's own protocol. */
export function answerReader(peer: PeerName): AnswerReader {
  return peer === "redis" ? new RedisReader() : new HttpReader();
}

const decoder = new TextDecoder("latin1");

/** HTTP/1.1 with a content length or in chunks. */
class HttpReader implements AnswerReader {
  isSuccess = false;
  sizeBytes = 0;
  #taken = 0;
  #head = "";
  /** Of the whole answer; undefined while the head is not whole, Infinity where it is in chunks. */
  #sizeBytesWanted: number | undefined;
  #tail = "";

  take(bytes: Uint8Array): boolean {
    this.#taken += bytes.length;
    if (this.#sizeBytesWanted === undefined && !this.#readHead(bytes)) return false;
    if (this.#sizeBytesWanted === Infinity) {
      this.#tail = (this.#tail + decoder.decode(bytes.subarray(-5))).slice(-5);
      if (this.#tail !== "0\r\n\r\n") return false;
    } else if (this.#taken < (this.#sizeBytesWanted ?? Infinity)) return false;
    this.sizeBytes = this.#taken;
    this.#taken = 0;
    this.#head = "";
    this.#tail = "";
    this.#sizeBytesWanted = undefined;
    return true;
  }

  #readHead(bytes: Uint8Array): boolean {
    this.#head += decoder.decode(bytes.length > 4_096 ? bytes.subarray(0, 4_096) : bytes);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return false;
    this.isSuccess = this.#head.startsWith("200", 9);
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.#head)?.[1];
    this.#sizeBytesWanted = length === undefined ? Infinity : end + 4 + Number(length);
    return true;
  }
}

/** RESP: a simple string, an error or a bulk string. */
class RedisReader implements AnswerReader {
  isSuccess = false;
  sizeBytes = 0;
  #text = "";

  take(bytes: Uint8Array): boolean {
    this.#text += decoder.decode(bytes);
    const lineEnd = this.#text.indexOf("\r\n");
    if (lineEnd < 0) return false;
    const kind = this.#text[0];
    if (kind === "$") {
      const length = Number(this.#text.slice(1, lineEnd));
      if (length >= 0 && this.#text.length < lineEnd + 2 + length + 2) return false;
      this.isSuccess = length >= 0;
    } else {
      this.isSuccess = kind === "+";
    }
    this.sizeBytes = this.#text.length;
    this.#text = "";
    return true;
  }
}
