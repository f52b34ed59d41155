import { deepEqual, equal, rejects } from "node:assert/strict";
import { ApiClient } from "../../../server/cli/api_client.ts";
import { ImportSender } from "../../../server/cli/import_sender.ts";
import { SystemClock } from "../../../storage/env/mod.ts";

class ImpatientClock extends SystemClock {
  override sleep(): Promise<void> {
    return Promise.resolve();
  }
}

interface Seen {
  readonly key: string | null;
  readonly operations: readonly { readonly key: string }[];
}

async function sendTo(answer: (seen: readonly Seen[]) => Response) {
  const seen: Seen[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { operations } = await request.json();
    seen.push({ key: request.headers.get("idempotency-key"), operations });
    return answer(seen);
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const sender = new ImportSender(new ApiClient({ url }), new ImpatientClock());
  const batch = {
    firstLine: 1,
    lastLine: 3,
    byteCount: 0,
    operations: ['{"key":"a"}', '{"key":"b"}', '{"key":"c"}'],
    lines: [1, 2, 3],
    refused: [],
    expiredCount: 0,
  };
  try {
    return { failures: await sender.send(batch), seen };
  } finally {
    await server.shutdown();
  }
}

const passing = { status: 429, code: "overloaded", detail: "later" };
const lasting = { status: 413, code: "value_too_large", detail: "too large" };
const done = { status: 200, versionstamp: "0" };

Deno.test("ImportSender.send() repeats a refused request under the same Idempotency-Key", async () => {
  const { failures, seen } = await sendTo((all) =>
    all.length < 3
      ? Response.json(passing, { status: 429 })
      : Response.json({ results: [done, done, done] })
  );
  deepEqual(failures, []);
  equal(seen.length, 3);
  equal(new Set(seen.map(({ key }) => key)).size, 1);
});

Deno.test("ImportSender.send() sends again only what may still succeed", async () => {
  const { failures, seen } = await sendTo((all) =>
    Response.json({ results: all.length === 1 ? [done, passing, lasting] : [done] })
  );
  deepEqual(failures, [{ line: 3, reason: "value_too_large: too large" }]);
  deepEqual(seen[1].operations, [{ key: "b" }]);
  equal(seen[0].key === seen[1].key, false);
});

Deno.test("ImportSender.send() finds the line for which a whole request is refused", async () => {
  const { failures, seen } = await sendTo((all) => {
    const operations = all.at(-1)?.operations ?? [];
    return operations.some(({ key }) => key === "b")
      ? Response.json({ code: "key_too_large", detail: "long" }, { status: 400 })
      : Response.json({ results: operations.map(() => done) });
  });
  deepEqual(failures, [{ line: 2, reason: "key_too_large: long" }]);
  deepEqual(seen.map(({ operations }) => operations.length), [3, 2, 1, 1, 1]);
});

Deno.test("ImportSender.send() gives up after a bounded number of attempts", async () => {
  let count = 0;
  await rejects(
    () => sendTo((all) => (count = all.length, Response.json(passing, { status: 429 }))),
    { code: "overloaded" },
  );
  equal(count, 8);
});
