import { equal, throws } from "node:assert/strict";
import { answerReader, keyText, requestMaker, valueText } from "./protocols.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (source: string) => new TextEncoder().encode(source);

Deno.test("requestMaker() writes the digits of each key", () => {
  const put = requestMaker("ankylo", { kind: "put", valueSizeBytes: 3 });
  equal(text(put(0)).split(" ")[1], "/v1/kv/bench/000000000000");
  equal(text(put(120_345)).split(" ")[1], "/v1/kv/bench/000000120345");
  equal(text(put(7)).endsWith(`Content-Length: 3\r\n\r\n${valueText(3)}`), true);
  const get = requestMaker("redis", { kind: "get" });
  equal(text(get(42)), "*2\r\n$3\r\nGET\r\n$18\r\nbench/000000000042\r\n");
});

Deno.test("requestMaker() bounds etcd's ranges", () => {
  const body = text(requestMaker("etcd", { kind: "scan", limit: 100 })(5)).split("\r\n\r\n")[1];
  const { key, range_end: end } = JSON.parse(body);
  equal(atob(key), keyText(5));
  equal(atob(end), keyText(105));
  throws(() => requestMaker("redis", { kind: "scan", limit: 1 }), /no ordered keys/);
});

Deno.test("answerReader() puts an HTTP answer together from any pieces", () => {
  const answer = bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  for (let cut = 1; cut < answer.length; cut++) {
    const reader = answerReader("ankylo");
    equal(reader.take(answer.subarray(0, cut)), false);
    equal(reader.take(answer.subarray(cut)), true);
    equal(reader.isSuccess, true);
    equal(reader.sizeBytes, answer.length);
  }
});

Deno.test("answerReader() reads chunks to their end, and the next answer after them", () => {
  const chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  const reader = answerReader("etcd");
  equal(reader.take(bytes(chunked.slice(0, -3))), false);
  equal(reader.take(bytes(chunked.slice(-3))), true);
  equal(reader.take(bytes("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")), true);
  equal(reader.isSuccess, false);
});

Deno.test("answerReader() tells Redis's values, nothing and errors apart", () => {
  const reader = answerReader("redis");
  equal(reader.take(bytes("+OK\r\n")), true);
  equal(reader.isSuccess, true);
  equal(reader.take(bytes("$5\r\nhel")), false);
  equal(reader.take(bytes("lo\r\n")), true);
  equal(reader.isSuccess, true);
  equal(reader.take(bytes("$-1\r\n")), true);
  equal(reader.isSuccess, false);
  equal(reader.take(bytes("-ERR no\r\n")), true);
  equal(reader.isSuccess, false);
});
