/**
 * The application over a real node: what must hold from the socket's side to the disk's.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import type { Hono } from "hono";
import { buildApp } from "../../server/app.ts";
import { appConfig } from "../../server/context.ts";
import { MemoryDisk, silentLogger } from "../../storage/env/mod.ts";
import { type RealNode, withNode } from "./real_node.ts";

async function withApp(
  disk: MemoryDisk,
  use: (app: Hono, open: RealNode) => Promise<void>,
): Promise<void> {
  await withNode(async (open) => {
    const closing = new AbortController();
    const app = buildApp({
      database: open.node.database,
      node: open.node,
      clock: open.clock,
      logger: silentLogger,
      config: appConfig(),
      closing: closing.signal,
      onFatal(error) {
        throw error;
      },
    });
    try {
      await use(app, open);
    } finally {
      closing.abort();
    }
  }, disk);
}

Deno.test("values, conditions, lists and a cursor work over a node, and outlive a restart", async () => {
  const disk = new MemoryDisk();
  let cursor = "";
  let first = "";
  const once = { method: "PUT", body: "once", headers: { "idempotency-key": "k" } };
  await withApp(disk, async (app) => {
    for (let index = 0; index < 20; index++) {
      const put = await app.request(`/v1/kv/k${index % 10}`, { method: "PUT", body: `v${index}` });
      equal(put.status, 200);
      await put.text();
    }
    first = await (await app.request("/v1/kv/once", once)).text();
    const absent = { method: "PUT", body: "x", headers: { "if-none-match": "*" } };
    equal((await app.request("/v1/kv/k1", absent)).status, 412);
    const page = await (await app.request("/v1/kv?prefix=k&limit=4")).json();
    deepEqual(page.entries.map((entry: { value: string }) => entry.value), [
      "v10",
      "v11",
      "v12",
      "v13",
    ]);
    cursor = page.cursor;
    await (await app.request("/v1/kv/k9", { method: "DELETE" })).text();
  });
  await withApp(disk, async (app) => {
    const page = await (await app.request(`/v1/kv?cursor=${cursor}`)).json();
    equal(page.entries.length, 6, "the cursor's version still has the deleted key");
    equal((await app.request("/v1/kv/k9")).status, 404);
    equal(await (await app.request("/v1/kv/once", once)).text(), first);
    const other = { ...once, body: "other" };
    equal((await app.request("/v1/kv/once", other)).status, 422);
  });
});

Deno.test("a transaction, a batch, a range delete and a stream work over a node", async () => {
  await withApp(new MemoryDisk(), async (app) => {
    const post = async (path: string, body: unknown) =>
      await app.request(path, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      });
    const operations = Array.from({ length: 500 }, (_, index) => ({
      op: "set",
      key: `s${String(index).padStart(3, "0")}`,
      value: { index },
    }));
    equal((await post("/v1/batch", { operations })).status, 200);
    const committed = await post("/v1/txn", {
      checks: [{ key: "n", versionstamp: null }],
      mutations: [{ op: "add", key: "n", value: 2 }, { op: "add", key: "n", value: 3 }],
      reads: ["n", "s001"],
    });
    const { ok, reads } = await committed.json();
    deepEqual([ok, reads[0], reads[1].value], [true, null, { index: 1 }]);
    equal(await (await app.request("/v1/kv/n")).text(), "5");
    const stream = await app.request("/v1/kv?prefix=s", {
      headers: { accept: "application/x-ndjson" },
    });
    equal((await stream.text()).trimEnd().split("\n").length, 500);
    const deleted = await app.request("/v1/kv?prefix=s", { method: "DELETE" });
    equal((await deleted.json()).deleted, 500);
    equal((await (await app.request("/v1/kv?count_only&prefix=s")).json()).count, 0);
    const none = await app.request("/v1/kv?start=z&end=a", { method: "DELETE" });
    equal((await none.json()).deleted, 0);
  });
});

Deno.test("status, metrics, readiness and a check work over a node", async () => {
  await withApp(new MemoryDisk(), async (app) => {
    equal((await app.request("/readyz")).status, 200);
    const status = await (await app.request("/v1/status")).json();
    equal(typeof status.statistics, "object");
    equal((await (await app.request("/metrics")).text()).includes("\nankylo_"), true);
    const job = await (await app.request("/v1/admin/check", { method: "POST" })).json();
    await finishedJob(app, job.id);
  });
});

Deno.test("the past of a node can be read, listed and brought back, also after a restart", async () => {
  const disk = new MemoryDisk();
  const stamps: string[] = [];
  await withApp(disk, async (app) => {
    for (const body of ["one", "two"]) {
      const put = await app.request("/v1/kv/past/a?ttl=1h", { method: "PUT", body });
      stamps.push((await put.json()).versionstamp);
    }
    await (await app.request("/v1/kv/past/a", { method: "DELETE" })).text();
    const rule = await app.request("/v1/admin/retention?prefix=past/", {
      method: "PUT",
      body: '{"retention":"1d"}',
      headers: { "content-type": "application/json" },
    });
    equal(rule.status, 200);
  });
  await withApp(disk, async (app) => {
    const then = await app.request(`/v1/kv/past/a?at=${stamps[0]}`);
    equal(await then.text(), "one");
    equal(then.headers.get("etag"), `"${stamps[0]}"`);
    equal(then.headers.has("ankylo-expires-at"), true);
    const list = await (await app.request(`/v1/kv?prefix=past/&at=${stamps[1]}`)).json();
    deepEqual([list.versionstamp, list.entries[0].value], [stamps[1], "two"]);
    equal(typeof list.entries[0].expiresAt, "string");
    const history = await (await app.request("/v1/history/past/a")).json();
    deepEqual(
      history.versions.map(({ op, node }: { op: string; node: string }) => `${op} by ${node}`),
      ["delete by node1", "set by node1", "set by node1"],
    );
    const reverted = await app.request("/v1/history/past/a", {
      method: "POST",
      body: JSON.stringify({ revertTo: stamps[0] }),
      headers: { "content-type": "application/json", "if-none-match": "*" },
    });
    equal(reverted.status, 200);
    const now = await app.request("/v1/kv/past/a");
    equal(await now.text(), "one");
    equal(now.headers.has("expires"), false);
    const { rules } = await (await app.request("/v1/admin/retention")).json();
    deepEqual(rules.map((rule: { prefix: string; retention: string }) => rule.retention), ["1d"]);
    equal((await app.request("/v1/kv/past/a?at=2100-01-01T00:00:00Z")).status, 400);
  });
});

Deno.test("a vacuum, its report and its holders work over a node", async () => {
  await withApp(new MemoryDisk(), async (app) => {
    for (const key of ["a", "b"]) {
      await (await app.request(`/v1/kv/${key}`, { method: "PUT", body: "1" })).text();
    }
    const { cursor } = await (await app.request("/v1/kv?limit=1")).json();
    for (const body of ['{"prefix":"a"}', '{"report":true}']) {
      const headers = { "content-type": "application/json" };
      const started = await app.request("/v1/admin/vacuum", { method: "POST", body, headers });
      await finishedJob(app, (await started.json()).id);
    }
    const { holders } = await (await app.request("/v1/admin/holders")).json();
    const held = holders.find(({ kind }: { kind: string }) => kind === "cursor");
    const released = await app.request("/v1/admin/vacuum", {
      method: "POST",
      body: JSON.stringify({ release: held.id }),
      headers: { "content-type": "application/json" },
    });
    deepEqual(await released.json(), { released: true });
    equal((await app.request(`/v1/kv?cursor=${cursor}`)).status, 410);
  });
});

async function finishedJob(app: Hono, id: string): Promise<void> {
  for (let turn = 0; turn < 1_000; turn++) {
    const { state, reason } = await (await app.request(`/v1/admin/jobs/${id}`)).json();
    if (state !== "running") return equal(state, "done", reason);
    await new Promise((resolve) => setImmediate(resolve));
  }
  equal("running", "done", "the job never ended");
}
