/**
 * One keep-alive HTTP/1.1 connection of a load generator.
 *
 * `fetch` costs more than the server it would measure. This sends a request in one write and reads
 * the answer's head and its body by `Content-Length` or by chunks; it knows nothing else of HTTP.
 *
 * Invariant: one request is under way at a time.
 *
 * @module
 */

/** What of an answer counts. */
export interface BenchAnswer {
  readonly status: number;
  readonly bodySizeBytes: number;
}

const bufferSizeBytes = 65_536;
const headSizeBytesMax = 65_536;
const decoder = new TextDecoder("latin1");

/** A connection that sends one request after the other. */
export class BenchConnection {
  readonly #connection: Deno.Conn;
  readonly #buffer = new Uint8Array(bufferSizeBytes);
  #start = 0;
  #end = 0;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Connects to the host of a URL. */
  static async open(url: URL): Promise<BenchConnection> {
    const isTls = url.protocol === "https:";
    const hostname = url.hostname.replace(/^\[|\]$/g, "");
    const port = url.port === "" ? (isTls ? 443 : 80) : Number(url.port);
    if (isTls) return new BenchConnection(await Deno.connectTls({ hostname, port }));
    const connection = await Deno.connect({ hostname, port });
    connection.setNoDelay(true);
    return new BenchConnection(connection);
  }

  /**
   * Sends a request, head and body as they go over the wire, and reads the answer.
   *
   * @throws {TypeError} where what comes back is not HTTP/1.1.
   */
  async send(request: Uint8Array): Promise<BenchAnswer> {
    for (let written = 0; written < request.length;) {
      written += await this.#connection.write(request.subarray(written));
    }
    const head = await this.#readHead();
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    if (Number.isNaN(status)) throw new TypeError("Cannot read an answer: it is not HTTP/1.1");
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    if (length !== null) {
      await this.#skip(Number(length[1]));
      return { status, bodySizeBytes: Number(length[1]) };
    }
    if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { status, bodySizeBytes: 0 };
    return { status, bodySizeBytes: await this.#skipChunks() };
  }

  /** Ends the connection. */
  close(): void {
    this.#connection.close();
  }

  async #readHead(): Promise<string> {
    let head = "";
    while (head.length < headSizeBytesMax) {
      const line = await this.#readLine();
      if (line === "") return head;
      head += line + "\r\n";
    }
    throw new TypeError(`Cannot read an answer: its head is over ${headSizeBytesMax} bytes`);
  }

  async #readLine(): Promise<string> {
    let line = "";
    for (;;) {
      const end = this.#buffer.subarray(0, this.#end).indexOf(0x0a, this.#start);
      if (end >= 0) {
        line += decoder.decode(this.#buffer.subarray(this.#start, end));
        this.#start = end + 1;
        return line.endsWith("\r") ? line.slice(0, -1) : line;
      }
      line += decoder.decode(this.#buffer.subarray(this.#start, this.#end));
      if (line.length > headSizeBytesMax) {
        throw new TypeError("Cannot read an answer: no line ends");
      }
      await this.#fill();
    }
  }

  async #skipChunks(): Promise<number> {
    let total = 0;
    for (;;) {
      const sizeBytes = parseInt(await this.#readLine(), 16);
      if (Number.isNaN(sizeBytes)) throw new TypeError("Cannot read an answer: a chunk is broken");
      await this.#skip(sizeBytes);
      await this.#readLine();
      if (sizeBytes === 0) return total;
      total += sizeBytes;
    }
  }

  async #skip(sizeBytes: number): Promise<void> {
    let left = sizeBytes;
    for (;;) {
      const step = Math.min(left, this.#end - this.#start);
      this.#start += step;
      left -= step;
      if (left === 0) return;
      await this.#fill();
    }
  }

  /** Reads more into the empty buffer. */
  async #fill(): Promise<void> {
    const count = await this.#connection.read(this.#buffer);
    if (count === null) throw new TypeError("Cannot read an answer: the connection was closed");
    this.#start = 0;
    this.#end = count;
  }
}
