import { deepEqual, rejects } from "node:assert/strict";
import { BenchConnection } from "../../../server/cli/bench_connection.ts";

/** Answers a request with bytes, cut into pieces. */
async function answered(answer: string, pieceLength: number, requestCount = 1) {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async () => {
    using connection = await listener.accept();
    const bytes = new TextEncoder().encode(answer);
    for (let count = 0; count < requestCount; count++) {
      await connection.read(new Uint8Array(10));
      for (let start = 0; start < bytes.length; start += pieceLength) {
        await connection.write(bytes.subarray(start, start + pieceLength));
      }
    }
  };
  const serving = serve();
  const connection = await BenchConnection.open(new URL(`http://127.0.0.1:${listener.addr.port}`));
  try {
    const answers = [];
    for (let count = 0; count < requestCount; count++) {
      answers.push(await connection.send(new TextEncoder().encode("GET")));
    }
    return answers;
  } finally {
    connection.close();
    await serving.catch(() => {});
  }
}

const answers = [
  { text: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", want: { status: 200, size: 5 } },
  { text: "HTTP/1.1 404 Not\r\nContent-Length: 0\r\n\r\n", want: { status: 404, size: 0 } },
  { text: "HTTP/1.1 304 Not\r\netag: x\r\n\r\n", want: { status: 304, size: 0 } },
  {
    text:
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
    want: { status: 200, size: 13 },
  },
];
for (const { text, want } of answers) {
  for (const pieceLength of [1, 7, 1_000]) {
    const name = `${want.status} of ${want.size} bytes in pieces of ${pieceLength}`;
    Deno.test(`BenchConnection.send() reads a ${name}, twice`, async () => {
      const answer = { status: want.status, bodySizeBytes: want.size };
      deepEqual(await answered(text, pieceLength, 2), [answer, answer]);
    });
  }
}

for (const text of ["SSH-2.0\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel"]) {
  Deno.test(`BenchConnection.send() refuses ${JSON.stringify(text)}`, async () => {
    await rejects(() => answered(text, 1_000), TypeError);
  });
}
