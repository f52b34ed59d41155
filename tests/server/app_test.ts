/**
 * What surrounds every route: tokens, limits, deadlines, errors, methods, names.
 *
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { InvariantError } from "../../storage/env/mod.ts";
import { ShardError, type ShardErrorCode } from "../../sharding/mod.ts";
import { harness, problem, put } from "./harness.ts";

const tokens = [{ name: "app", token: "secret-1" }, { name: "ops", token: "secret-2" }];

Deno.test("with tokens every route needs one, but for the open ones", async () => {
  const h = harness({ tokens });
  for (const path of ["/v1/kv/a", "/v1/kv", "/v1/status", "/docs", "/", "/nowhere", "/v1/watch"]) {
    const response = await h.send("GET", path);
    equal(response.headers.get("www-authenticate"), "Bearer", path);
    await problem(response, 401, "unauthorized");
  }
  for (const path of ["/livez", "/readyz", "/leader", "/replica", "/metrics"]) {
    equal((await h.send("GET", path)).status, 200, path);
  }
  const closed = harness({ tokens, isMetricsOpen: false });
  await problem(await closed.send("GET", "/metrics"), 401, "unauthorized");
});

const authorizations: [string, number][] = [
  ["Bearer secret-1", 404],
  ["bearer  secret-2", 404],
  ["Bearer secret-3", 401],
  ["Bearer secret-11", 401],
  ["Bearer", 401],
  ["Basic secret-1", 401],
  ["secret-1", 401],
  [`Bearer ${"x".repeat(5_000)}`, 401],
];
for (const [authorization, status] of authorizations) {
  Deno.test(`Authorization: ${authorization.slice(0, 30)} answers ${status}`, async () => {
    const h = harness({ tokens });
    const response = await h.send("GET", "/v1/kv/a", { headers: { authorization } });
    equal(response.status, status);
  });
}

Deno.test("a write names the token that asked", async () => {
  const h = harness({ tokens });
  let writer: string | undefined;
  const run = h.database.run.bind(h.database);
  h.database.run = (command, options) => {
    writer = options.writer;
    return run(command, options);
  };
  await h.send("PUT", "/v1/kv/a", { headers: { authorization: "Bearer secret-2" } });
  equal(writer, "ops");
});

Deno.test("an unknown path is 404, another method 405 with Allow, OPTIONS 204", async () => {
  const h = harness();
  for (const path of ["/nowhere", "/v1", "/v1/", "/v1/kvx", "/V1/kv/a", "//v1/kv/a"]) {
    await problem(await h.send("GET", path), 404, "not_found");
  }
  for (const [method, path] of [["POST", "/v1/kv/a"], ["PATCH", "/v1/kv/a"], ["PUT", "/livez"]]) {
    const response = await h.send(method, path);
    match(response.headers.get("allow") ?? "", /GET, HEAD/);
    await problem(response, 405, "method_not_allowed");
  }
  const options = await h.send("OPTIONS", "/v1/kv/a");
  equal(options.status, 204);
  equal(options.headers.get("allow"), "GET, HEAD, PUT, DELETE, OPTIONS");
});

const later: [string, string][] = [
  ["GET", "/v1/cluster"],
  ["GET", "/v1/shards"],
  ["GET", "/v1/shards/locate?key=a"],
  ["POST", "/v1/admin/backup"],
  ["GET", "/v1/admin/backups"],
  ["POST", "/"],
  ["POST", "/v2/snapshot_read"],
];
for (const [method, path] of later) {
  Deno.test(`${method} ${path} is not built yet, and says so`, async () => {
    await problem(await harness().send(method, path), 501, "not_implemented");
  });
}

Deno.test("the deadline reaches the database and has bounds", async () => {
  const h = harness();
  const seen: number[] = [];
  const get = h.database.get.bind(h.database);
  h.database.get = (key, options) => {
    seen.push(options.deadlineMs - h.clock.monotonicMs());
    return get(key, options);
  };
  const ask = (timeout: string) =>
    h.send("GET", "/v1/kv/a", { headers: { "ankylo-timeout": timeout } });
  await h.send("GET", "/v1/kv/a");
  for (const timeout of ["1ms", "500ms", "5s", "10m"]) equal((await ask(timeout)).status, 404);
  deepEqual(seen, [5_000, 1, 500, 5_000, 600_000]);
  for (const timeout of ["0ms", "601s", "5", "x", "-1s", "1.5s"]) {
    await problem(await ask(timeout), 400, "invalid_request");
  }
});

Deno.test("a body that does not come ends at the deadline", async () => {
  const h = harness();
  const body = new ReadableStream({ start() {} });
  const init = { body, headers: { "ankylo-timeout": "3s" }, duplex: "half" } as RequestInit;
  const pending = h.send("PUT", "/v1/kv/a", init);
  await Promise.resolve();
  h.clock.advance(4_000);
  await problem(await pending, 408, "request_timeout");
});

Deno.test("a body that is broken off is 400", async () => {
  const body = new ReadableStream({
    pull(controller) {
      controller.error(new Error("gone"));
    },
  });
  const init = { body, duplex: "half" } as RequestInit;
  await problem(await harness().send("PUT", "/v1/kv/a", init), 400, "invalid_request");
});

Deno.test("a chunked body is not read past the limit", async () => {
  const h = harness({ valueSizeBytesMax: 1_000 });
  let pulled = 0;
  let isCancelled = false;
  const body = new ReadableStream({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(400));
    },
    cancel() {
      isCancelled = true;
    },
  });
  const init = { body, duplex: "half" } as RequestInit;
  await problem(await h.send("PUT", "/v1/kv/a", init), 413, "value_too_large");
  equal(isCancelled, true);
  equal(pulled <= 6, true, `${pulled} chunks`);
});

Deno.test("requests in work are bounded, and health is answered nevertheless", async () => {
  const h = harness({ requestCountMax: 1 });
  const gate = Promise.withResolvers<void>();
  const get = h.database.get.bind(h.database);
  h.database.get = async (key, options) => {
    await gate.promise;
    return await get(key, options);
  };
  const first = h.send("GET", "/v1/kv/a");
  const refused = await h.send("GET", "/v1/kv/b");
  equal(refused.headers.get("retry-after"), "1");
  await problem(refused, 429, "overloaded");
  equal((await h.send("GET", "/livez")).status, 200);
  gate.resolve();
  equal((await first).status, 404);
  equal((await h.send("GET", "/v1/kv/b")).status, 404, "there is room again");
});

Deno.test("bytes of bodies in memory are bounded, and given back", async () => {
  const h = harness({ bodySizeBytesInFlightMax: 64 * 1_048_576 });
  const entered = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const batch = h.database.batch.bind(h.database);
  h.database.batch = async (operations, options) => {
    entered.resolve();
    await gate.promise;
    return await batch(operations, options);
  };
  const text = '{"operations":[]}'.padEnd(64 * 1_048_576);
  const headers = {
    "content-type": "application/json",
    "content-length": String(64 * 1_048_576),
  };
  const first = h.send("POST", "/v1/batch", { body: text, headers });
  await entered.promise;
  const large = { body: "x".repeat(65_537), headers: { "content-length": "65537" } };
  await problem(await h.send("PUT", "/v1/kv/a", large), 429, "overloaded");
  gate.resolve();
  equal((await first).status, 200);
  equal((await h.send("PUT", "/v1/kv/a", large)).status, 200);
});

const failures: [ShardErrorCode, number, string][] = [
  ["no_leader", 503, "no_leader"],
  ["overloaded", 429, "overloaded"],
  ["disk_full", 507, "disk_full"],
  ["request_too_large", 413, "request_too_large"],
  ["deadline_exceeded", 504, "deadline_exceeded"],
  ["outcome_unknown", 504, "outcome_unknown"],
  ["version_vacuumed", 410, "version_vacuumed"],
  ["version_to_come", 400, "invalid_request"],
  ["storage_failed", 500, "storage_failed"],
  ["stopped", 503, "stopping"],
];
for (const [code, status, want] of failures) {
  Deno.test(`ShardError ${code} is a ${status} ${want}`, async () => {
    const h = harness();
    h.database.failure = new ShardError(code, "Cannot do it: planted");
    const response = await h.send("PUT", "/v1/kv/a", { body: "1" });
    const isLater = [429, 503, 507].includes(status);
    equal(response.headers.get("retry-after"), isLater ? "1" : null);
    const body = await problem(response, status, want);
    equal(body.detail, "Cannot do it: planted");
  });
}

Deno.test("what nobody knows is a 500 that is logged and tells no secrets", async () => {
  const h = harness();
  h.database.failure = new Error("planted secret");
  const body = await problem(await h.send("GET", "/v1/kv/a"), 500, "internal_error");
  equal(JSON.stringify(body).includes("secret"), false);
  equal(h.lines[0].event, "request_failed");
  match(String(h.lines[0].fields.error), /planted secret/);
  deepEqual(h.fatal, []);
});

Deno.test("an invariant that does not hold ends the process", async () => {
  const h = harness();
  h.database.failure = new InvariantError("planted");
  await problem(await h.send("GET", "/v1/kv/a"), 500, "internal_error");
  deepEqual(h.fatal, [h.database.failure]);
});

Deno.test("a request keeps its own sane name, or gets a new one", async () => {
  const h = harness();
  const named = async (id?: string) => {
    const headers = new Headers(id === undefined ? [] : [["x-request-id", id]]);
    return (await h.send("GET", "/livez", { headers })).headers.get("x-request-id") ?? "";
  };
  equal(await named("abc-1"), "abc-1");
  match(await named("x".repeat(129)), /^[0-9a-f]{12}-/);
  match(await named("a b"), /^[0-9a-f]{12}-/);
  equal(await named() === await named(), false);
});

Deno.test("a slow request is a line, and every one where that is asked for", async () => {
  const h = harness({ slowRequestMs: 50, isAccessLogged: true });
  await put(h, "a", "1");
  deepEqual(h.lines.map(({ level, event }) => [level, event]), [["debug", "request"]]);
  const get = h.database.get.bind(h.database);
  h.database.get = async (key, options) => {
    h.clock.advance(60);
    return await get(key, options);
  };
  await h.send("GET", "/v1/kv/a", { headers: { "x-request-id": "r1" } });
  const slow = h.lines.find(({ event }) => event === "slow_request");
  equal(slow?.level, "warn");
  equal(slow?.fields.durationMs, 60);
  equal(slow?.fields.requestId, "r1");
  equal(slow?.fields.operation, "getKey");
});

Deno.test("stopping leaves no timer and no hold behind", async () => {
  const h = harness();
  await put(h, "a", "1");
  await put(h, "b", "1");
  await h.send("GET", "/v1/kv?limit=1");
  h.closing.abort();
  equal(h.clock.timerCount, 0);
  equal(h.database.holds.size, 0);
});
