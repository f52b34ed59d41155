/**
 * The documents: that they describe every route, and that answers have the shapes they state.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { operationDescriptions } from "../../../server/openapi/operations.ts";
import { type SchemaName, schemas } from "../../../server/openapi/schemas.ts";
import { harness, put } from "../harness.ts";

Deno.test("every route is described, and nothing else", async () => {
  const h = harness();
  const document = await (await h.send("GET", "/openapi.json")).json();
  const described = Object.entries(document.paths as Record<string, object>)
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
  const routed: string[] = [];
  for (const { method, path } of h.app.routes) {
    const concrete = path.replace(/\{\w+\}/, "1");
    const response = await h.send(method, concrete, method === "PUT" ? { body: "1" } : {});
    if (response.status !== 501) routed.push(`${method.toLowerCase()} ${path}`);
    await response.body?.cancel();
  }
  deepEqual(described.sort(), routed.sort());
  equal(Object.keys(operationDescriptions).length, routed.length);
});

Deno.test("every reference of the document leads to a shape", async () => {
  const text = await (await harness().send("GET", "/openapi.json")).text();
  const { components } = JSON.parse(text);
  for (const [, name] of text.matchAll(/#\/components\/schemas\/(\w+)/g)) {
    equal(name in components.schemas, true, name);
  }
});

const answers: [SchemaName, string, string, unknown?][] = [
  ["Written", "PUT", "/v1/kv/x"],
  ["Deleted", "DELETE", "/v1/kv/a"],
  ["Page", "GET", "/v1/kv"],
  ["Page", "GET", "/v1/kv?keys_only&limit=1"],
  ["Count", "GET", "/v1/kv?count_only"],
  ["RangeDeleted", "DELETE", "/v1/kv?prefix=a"],
  ["Problem", "GET", "/v1/kv/none"],
  ["Problem", "POST", "/v1/txn", { checks: [{ key: "a", versionstamp: null }] }],
  ["Committed", "POST", "/v1/txn", { reads: ["a", "none"] }],
  ["BatchResults", "POST", "/v1/batch", {
    operations: [
      { op: "get", key: "a" },
      { op: "get", key: "none" },
      { op: "set", key: "c", value: 1 },
      { op: "delete", key: "c" },
    ],
  }],
  ["History", "GET", "/v1/history/a"],
  ["History", "GET", "/v1/history/b%ff"],
  ["Written", "POST", "/v1/history/a", { revertTo: "2026-09-21T14:13:21.000001Z" }],
  ["Retention", "GET", "/v1/admin/retention"],
  ["Deleted", "DELETE", "/v1/admin/retention?prefix=a"],
  ["Holders", "GET", "/v1/admin/holders"],
  ["Job", "POST", "/v1/admin/vacuum", { prefix: "a" }],
  ["Job", "POST", "/v1/admin/vacuum", { report: true }],
  ["Status", "GET", "/v1/status"],
  ["Job", "POST", "/v1/admin/check"],
  ["Live", "GET", "/livez"],
  ["Ready", "GET", "/readyz"],
  ["Leader", "GET", "/leader"],
  ["Replica", "GET", "/replica"],
];
for (const [name, method, path, body] of answers) {
  Deno.test(`${method} ${path} answers a ${name}`, async () => {
    const h = harness();
    await put(h, "a", "1");
    await put(h, "b%ff", "2", "image/png");
    const response = body === undefined ? await h.send(method, path) : await h.post(path, body);
    const result = schemas[name].safeParse(await response.json());
    equal(result.success, true, JSON.stringify(result.error?.issues));
  });
}

Deno.test("the requests that the shapes allow are taken, and those they refuse are not", async () => {
  const h = harness();
  const bodies: [SchemaName, string, unknown, boolean][] = [
    ["Transaction", "/v1/txn", { mutations: [{ op: "set", key: "a", value: "1" }] }, true],
    ["Transaction", "/v1/txn", { reads: ["a", { keyBase64: "YQ==" }] }, true],
    ["Transaction", "/v1/txn", { mutations: [{ op: "put", key: "a", value: "1" }] }, false],
    ["Transaction", "/v1/txn", { reads: [1] }, false],
    ["Transaction", "/v1/txn", { more: [] }, false],
    ["Batch", "/v1/batch", { operations: [{ op: "get", key: "a" }] }, true],
    [
      "Transaction",
      "/v1/txn",
      { mutations: [{ op: "set", key: "a", value: "1", ttl: "1s" }] },
      true,
    ],
    ["Transaction", "/v1/txn", { mutations: [{ op: "set", key: "a", value: "1", ttl: 1 }] }, false],
    ["Vacuum", "/v1/admin/vacuum", { prefix: "a", ioBytesPerSecond: 65_536 }, true],
    ["Vacuum", "/v1/admin/vacuum", { ioBytesPerSecond: 1 }, false],
    ["Revert", "/v1/history/a", { revertTo: 1 }, false],
    ["Revert", "/v1/history/a", {}, false],
    ["Batch", "/v1/batch", {}, false],
    ["Batch", "/v1/batch", { operations: [{ op: "get", key: 1 }] }, false],
  ];
  for (const [name, path, body, isTaken] of bodies) {
    equal(schemas[name].safeParse(body).success, isTaken, JSON.stringify(body));
    const response = await h.post(path, body);
    const { results } = await response.json();
    // A batch is taken whole, and what is wrong in it refused in its place.
    const status = results === undefined ? response.status : results[0].status;
    equal(status === 400, !isTaken, JSON.stringify(body));
  }
});

for (const path of ["/docs", "/"]) {
  Deno.test(`GET ${path} is a page that needs nothing from elsewhere`, async () => {
    const response = await harness().send("GET", path, { headers: { accept: "text/html" } });
    equal(response.status, 200);
    equal(response.headers.get("content-type"), "text/html; charset=utf-8");
    equal(response.headers.get("content-security-policy")?.startsWith("default-src 'none'"), true);
    const html = await response.text();
    equal(/https?:\/\/|<script|src=/.test(html), false);
  });
}

Deno.test("the docs page has every error code and every path", async () => {
  const html = await (await harness().send("GET", "/docs")).text();
  for (const text of ["idempotency_mismatch", "/v1/kv/{key}", "/v1/batch", "cursor_expired"]) {
    equal(html.includes(text), true, text);
  }
});
