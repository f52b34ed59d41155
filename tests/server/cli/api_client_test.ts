import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { ApiClient, problemError } from "../../../server/cli/api_client.ts";

/** Accepts connections, reads, and hangs up without an answer. */
async function hangUp(test: (url: string, count: () => number) => Promise<void>) {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let count = 0;
  const serve = async () => {
    for await (const connection of listener) {
      count++;
      await connection.read(new Uint8Array(1_000));
      connection.close();
    }
  };
  const serving = serve().catch(() => {});
  try {
    await test(`http://127.0.0.1:${listener.addr.port}`, () => count);
  } finally {
    listener.close();
    await serving;
  }
}

Deno.test("ApiClient.send() does not repeat a write that may have happened", async () => {
  await hangUp(async (url, count) => {
    const client = new ApiClient({ url: `${url},${url}` });
    const request = { method: "PUT", body: "x" };
    await rejects(() => client.send("/a", request), { code: "outcome_unknown" });
    const sent = count();
    const headers = { "idempotency-key": "k" };
    await rejects(() => client.send("/a", { ...request, headers }), { code: "unreachable" });
    equal(count() >= sent + 2, true);
  });
});

Deno.test("ApiClient refuses what is no URL", () => {
  for (const url of ["", ",", "localhost:1", "ftp://a", "http://a?b", "http://"]) {
    throws(() => new ApiClient({ url }), { code: "invalid_usage" }, url);
  }
  deepEqual(new ApiClient({ url: "http://a:1/ , https://b/x/" }).urls, [
    "http://a:1",
    "https://b/x",
  ]);
});

Deno.test("problemError() reads problems, and answers that are none", async () => {
  const problem = await problemError(Response.json({ code: "c", detail: "a\nb" }, { status: 400 }));
  deepEqual([problem.code, problem.message, problem.exitCode], ["c", "a b", 1]);
  const other = await problemError(new Response("<html>", { status: 502 }));
  deepEqual([other.code, other.message], ["http_502", "The server answers 502"]);
});
