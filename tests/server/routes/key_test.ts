/**
 * One key over HTTP: values, conditions, remembered requests, limits.
 *
 * @module
 */
import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { harness, problem, put } from "../harness.ts";

Deno.test("GET answers the bytes, their type and their validators", async () => {
  const h = harness();
  const stamp = await put(h, "a/b%2Fc", "hällo", "text/plain; charset=utf-8");
  const response = await h.send("GET", "/v1/kv/a%2Fb/c");
  equal(response.status, 200);
  equal(await response.text(), "hällo");
  equal(response.headers.get("content-type"), "text/plain; charset=utf-8");
  equal(response.headers.get("etag"), `"${stamp}"`);
  equal(response.headers.get("last-modified"), "Mon, 21 Sep 2026 14:13:21 GMT");
  equal(response.headers.get("ankylo-node"), "node1");
  equal(response.headers.get("ankylo-shard"), "2");
  equal(response.headers.get("ankylo-consistency"), "linearizable");
  equal(response.headers.get("ankylo-session"), stamp);
  match(response.headers.get("x-request-id") ?? "", /^[0-9a-f]{12}-1$/);
});

Deno.test("PUT answers the versionstamp in body and ETag, and takes any bytes", async () => {
  const h = harness();
  const body = Uint8Array.from({ length: 256 }, (_, index) => index);
  const response = await h.send("PUT", "/v1/kv/%00%ff", { body });
  const text = await response.text();
  match(text, /^\{"versionstamp":"[0-9a-f]{16}0000"\}$/);
  equal(response.headers.get("content-type"), "application/json");
  equal(response.headers.get("etag"), JSON.stringify(JSON.parse(text).versionstamp));
  const read = await h.send("GET", "/v1/kv/%00%FF");
  deepEqual(await read.bytes(), body);
  equal(read.headers.get("content-type"), "application/octet-stream");
});

Deno.test("HEAD answers the headers of GET with the length and no body", async () => {
  const h = harness();
  await put(h, "a", "12345");
  const response = await h.send("HEAD", "/v1/kv/a");
  equal(response.status, 200);
  equal(response.headers.get("content-length"), "5");
  equal(await response.text(), "");
  equal((await h.send("HEAD", "/v1/kv/none")).status, 404);
});

Deno.test("GET of a key without a value is a problem that names the key", async () => {
  const h = harness();
  const body = await problem(await h.send("GET", "/v1/kv/no%20key"), 404, "key_not_found");
  equal(body.key, "no key");
  const binary = await problem(await h.send("GET", "/v1/kv/%ff"), 404, "key_not_found");
  equal(binary.keyBase64, "/w==");
});

Deno.test("the golden body of a problem", async () => {
  const response = await harness().send("GET", "/v1/kv/none");
  equal(
    await response.text(),
    '{"type":"/docs#key_not_found","title":"There is no such key","status":404,' +
      '"detail":"Cannot read the key: it has no value","code":"key_not_found","retryable":false,' +
      '"key":"none"}',
  );
});

Deno.test("If-None-Match on GET answers 304 for a list, a weak tag and *", async () => {
  const h = harness();
  const stamp = await put(h, "a", "1");
  for (const tag of [`"${stamp}"`, `"00000000000000000000", W/"${stamp}"`, "*"]) {
    const response = await h.send("GET", "/v1/kv/a", { headers: { "if-none-match": tag } });
    equal(response.status, 304, tag);
    equal(response.headers.get("etag"), `"${stamp}"`);
    equal(await response.text(), "");
  }
  const other = { "if-none-match": '"00000000000000010000", "anything"' };
  equal((await h.send("GET", "/v1/kv/a", { headers: other })).status, 200);
  const any = { "if-none-match": "*" };
  await problem(await h.send("GET", "/v1/kv/none", { headers: any }), 404, "key_not_found");
});

Deno.test("If-Match on GET answers 412 unless it names the newest version", async () => {
  const h = harness();
  const stamp = await put(h, "a", "1");
  const good = { "if-match": `"${stamp}"` };
  equal((await h.send("GET", "/v1/kv/a", { headers: good })).status, 200);
  const weak = { "if-match": `W/"${stamp}"` };
  await problem(await h.send("GET", "/v1/kv/a", { headers: weak }), 412, "precondition_failed");
});

Deno.test("If-Match on PUT writes over the named versions only", async () => {
  const h = harness();
  const first = await put(h, "a", "1");
  const second = await put(h, "a", "2");
  const stale = { "if-match": `"${first}"` };
  const refused = await h.send("PUT", "/v1/kv/a", { body: "3", headers: stale });
  const body = await problem(refused, 412, "precondition_failed");
  equal(body.versionstamp, second);
  equal(body.key, "a");
  const either = { "if-match": `"${first}", "${second}"` };
  equal((await h.send("PUT", "/v1/kv/a", { body: "3", headers: either })).status, 200);
  equal(await (await h.send("GET", "/v1/kv/a")).text(), "3");
  const foreign = { "if-match": '"not-ours"' };
  const never = await h.send("PUT", "/v1/kv/a", { body: "4", headers: foreign });
  await problem(never, 412, "precondition_failed");
});

Deno.test("If-Match: * needs a value and If-None-Match: * needs none", async () => {
  const h = harness();
  const exists = { body: "1", headers: { "if-match": "*" } };
  const absent = { body: "1", headers: { "if-none-match": "*" } };
  await problem(await h.send("PUT", "/v1/kv/a", exists), 412, "precondition_failed");
  equal((await h.send("PUT", "/v1/kv/a", absent)).status, 200);
  await problem(await h.send("PUT", "/v1/kv/a", absent), 412, "precondition_failed");
  equal((await h.send("PUT", "/v1/kv/a", exists)).status, 200);
});

const badConditions: Record<string, Record<string, string>> = {
  "a tag without quotes": { "if-match": "00000000000000010000" },
  "an empty list": { "if-match": " , " },
  "both headers": { "if-match": "*", "if-none-match": "*" },
  "If-None-Match with a tag on a write": { "if-none-match": '"00000000000000010000"' },
};
for (const [name, headers] of Object.entries(badConditions)) {
  Deno.test(`PUT refuses ${name}`, async () => {
    const response = await harness().send("PUT", "/v1/kv/a", { body: "1", headers });
    await problem(response, 400, "invalid_request");
  });
}

Deno.test("DELETE tells whether there was a value, and obeys If-Match", async () => {
  const h = harness();
  const stamp = await put(h, "a", "1");
  const wrong = { headers: { "if-match": '"00000000000000010000"' } };
  await problem(await h.send("DELETE", "/v1/kv/a", wrong), 412, "precondition_failed");
  const right = { headers: { "if-match": `"${stamp}"` } };
  const first = await (await h.send("DELETE", "/v1/kv/a", right)).json();
  equal(first.deleted, true);
  const again = await (await h.send("DELETE", "/v1/kv/a")).json();
  equal(again.deleted, false);
  notEqual(again.versionstamp, first.versionstamp);
  await problem(await h.send("GET", "/v1/kv/a"), 404, "key_not_found");
});

Deno.test("an Idempotency-Key repeats the answer and refuses another request", async () => {
  const h = harness();
  const headers = { "idempotency-key": "k1", "content-type": "text/plain" };
  const first = await (await h.send("PUT", "/v1/kv/a", { body: "1", headers })).text();
  await put(h, "a", "2");
  equal(await (await h.send("PUT", "/v1/kv/a", { body: "1", headers })).text(), first);
  equal(await (await h.send("GET", "/v1/kv/a")).text(), "2");
  const otherBody = await h.send("PUT", "/v1/kv/a", { body: "9", headers });
  await problem(otherBody, 422, "idempotency_mismatch");
  const otherType = { ...headers, "content-type": "text/html" };
  const typed = await h.send("PUT", "/v1/kv/a", { body: "1", headers: otherType });
  await problem(typed, 422, "idempotency_mismatch");
  // Another path is another scope.
  equal((await h.send("PUT", "/v1/kv/b", { body: "9", headers })).status, 200);
});

Deno.test("an Idempotency-Key repeats a 412", async () => {
  const h = harness();
  const headers = { "idempotency-key": "k1", "if-match": "*" };
  await problem(await h.send("PUT", "/v1/kv/a", { headers }), 412, "precondition_failed");
  await put(h, "a", "1");
  await problem(await h.send("PUT", "/v1/kv/a", { headers }), 412, "precondition_failed");
});

Deno.test("an Idempotency-Key has 1 to 255 characters", async () => {
  const h = harness();
  const send = (key: string) => h.send("PUT", "/v1/kv/a", { headers: { "idempotency-key": key } });
  equal((await send("k".repeat(255))).status, 200);
  await problem(await send("k".repeat(256)), 400, "invalid_request");
  await problem(await send("\u00e9"), 400, "invalid_request");
});

Deno.test("a key has 1 to 2,048 bytes, counted behind its escapes", async () => {
  const h = harness();
  for (const [length, status] of [[2_047, 200], [2_048, 200], [2_049, 400]]) {
    const path = `/v1/kv/${"%ff".repeat(length)}`;
    const response = await h.send("PUT", path, { body: "1" });
    equal(response.status, status, String(length));
    if (status === 400) equal((await problem(response, 400, "key_too_large")).limit, 2_048);
  }
  await problem(await h.send("PUT", "/v1/kv/", { body: "1" }), 400, "invalid_request");
});

Deno.test("a value has up to its limit, whether or not its length is declared", async () => {
  const h = harness({ valueSizeBytesMax: 100 });
  for (const [length, status] of [[0, 200], [99, 200], [100, 200], [101, 413]]) {
    const body = "x".repeat(length);
    const headers = { "content-length": String(length) };
    equal((await h.send("PUT", "/v1/kv/a", { body })).status, status, String(length));
    equal((await h.send("PUT", "/v1/kv/a", { body, headers })).status, status, String(length));
  }
  const refused = await h.send("PUT", "/v1/kv/a", { body: "x".repeat(101) });
  equal((await problem(refused, 413, "value_too_large")).limit, 100);
});

Deno.test("a body that lies about its length is refused", async () => {
  const h = harness({ valueSizeBytesMax: 100 });
  const lying = { body: "x".repeat(101), headers: { "content-length": "5" } };
  await problem(await h.send("PUT", "/v1/kv/a", lying), 413, "value_too_large");
  const broken = { body: "x", headers: { "content-length": "-1" } };
  await problem(await h.send("PUT", "/v1/kv/a", broken), 400, "invalid_request");
});

const badPaths: Record<string, [string, number, string]> = {
  "a broken escape": ["/v1/kv/%zz", 400, "invalid_request"],
  "a cut escape": ["/v1/kv/a%f", 400, "invalid_request"],
  "an unknown parameter": ["/v1/kv/a?foo=1", 400, "invalid_request"],
  "a parameter given twice": [
    "/v1/kv/a?consistency=eventual&consistency=eventual",
    400,
    "invalid_request",
  ],
  "an unknown consistency": ["/v1/kv/a?consistency=strong", 400, "invalid_request"],
  "max_staleness without bounded": ["/v1/kv/a?max_staleness=1s", 400, "invalid_request"],
  "max_staleness that is no duration": [
    "/v1/kv/a?consistency=bounded&max_staleness=1",
    400,
    "invalid_request",
  ],
  "an at= that is no version": ["/v1/kv/a?at=1", 400, "invalid_request"],
  "an at= ahead of the clock": ["/v1/kv/a?at=2027-01-01T00:00:00Z", 400, "invalid_request"],
  "an at= that no version can have": ["/v1/kv/a?at=9999-01-01T00:00:00Z", 400, "invalid_request"],
};
for (const [name, [path, status, code]] of Object.entries(badPaths)) {
  Deno.test(`GET refuses ${name}`, async () => {
    await problem(await harness().send("GET", path), status, code);
  });
}

Deno.test("GET takes every consistency and says what it served", async () => {
  const h = harness();
  await put(h, "a", "1");
  for (const query of ["linearizable", "eventual", "bounded&max_staleness=500ms", "bounded"]) {
    const response = await h.send("GET", `/v1/kv/a?consistency=${query}`);
    equal(response.status, 200, query);
    equal(response.headers.get("ankylo-consistency"), "linearizable");
  }
});

Deno.test("PUT refuses a ttl= out of its bounds, a coding and a type that is none", async () => {
  const h = harness();
  for (const ttl of ["0s", "36501d", "5", "", "-1s"]) {
    const refused = await h.send("PUT", `/v1/kv/a?ttl=${ttl}`);
    equal((await problem(refused, 400, "invalid_request")).parameter, "ttl");
  }
  const coded = await h.send("PUT", "/v1/kv/a", { headers: { "content-encoding": "gzip" } });
  await problem(coded, 415, "unsupported_media_type");
  const typed = await h.send("PUT", "/v1/kv/a", { headers: { "content-type": "text" } });
  await problem(typed, 400, "invalid_request");
});

Deno.test("PUT answers in MessagePack where it is asked to, and refuses other forms", async () => {
  const h = harness();
  const packed = await h.send("PUT", "/v1/kv/a", { headers: { accept: "application/msgpack" } });
  equal(packed.headers.get("content-type"), "application/msgpack");
  equal((await packed.bytes())[0], 0x81);
  const refused = await h.send("PUT", "/v1/kv/a", { headers: { accept: "image/png" } });
  await problem(refused, 406, "not_acceptable");
});

Deno.test("a session that the client brings back never goes backwards", async () => {
  const h = harness();
  const session = "000fffffffffffff0000";
  const response = await h.send("GET", "/v1/kv/a", { headers: { "ankylo-session": session } });
  equal(response.headers.get("ankylo-session"), session);
  for (const garbage of ["x", "000FFFFFFFFFFFFF0000", "ffffffffffffffff0000", ""]) {
    const refused = await h.send("GET", "/v1/kv/a", { headers: { "ankylo-session": garbage } });
    await problem(refused, 400, "invalid_request");
  }
});

Deno.test("at= shows what was there, by versionstamp and by time", async () => {
  const h = harness();
  const first = await put(h, "a", "one");
  h.clock.advance(1_000);
  const second = await put(h, "a", "two");
  h.clock.advance(1_000);
  await h.send("DELETE", "/v1/kv/a");
  const read = (at: string) => h.send("GET", `/v1/kv/a?at=${at}`);
  const then = await read(first);
  equal(await then.text(), "one");
  equal(then.headers.get("etag"), `"${first}"`);
  equal(then.headers.get("ankylo-session"), first);
  equal(await (await read(second)).text(), "two");
  equal(await (await read("2026-09-21T14:13:21.999999Z")).text(), "one");
  equal(await (await read("2026-09-21T16:13:22%2B02:00")).text(), "two");
  await problem(await read("2026-09-21T14:13:21Z"), 404, "key_not_found");
  await problem(await h.send("GET", "/v1/kv/a"), 404, "key_not_found");
  const matching = { headers: { "if-none-match": `"${first}"` } };
  equal((await h.send("GET", `/v1/kv/a?at=${first}`, matching)).status, 304);
});

Deno.test("at= leaves a session where it is", async () => {
  const h = harness();
  const first = await put(h, "a", "one");
  const second = await put(h, "a", "two");
  const headers = { "ankylo-session": second };
  const response = await h.send("GET", `/v1/kv/a?at=${first}`, { headers });
  equal(await response.text(), "one");
  equal(response.headers.get("ankylo-session"), second);
});

Deno.test("at= below what is kept is 410 and says what is", async () => {
  const h = harness();
  const first = await put(h, "a", "one");
  const second = await put(h, "a", "two");
  h.database.watermark = h.database.lastVersion;
  const refused = await h.send("GET", `/v1/kv/a?at=${first}`);
  const { oldest, oldestTime } = await problem(refused, 410, "version_vacuumed");
  deepEqual([oldest, oldestTime], [second, "2026-09-21T14:13:21.000002Z"]);
  equal((await h.send("GET", `/v1/kv/a?at=${oldest}`)).status, 200);
});

Deno.test("a value with a ttl says when it expires, and is gone then", async () => {
  const h = harness();
  equal((await h.send("PUT", "/v1/kv/a?ttl=1500ms", { body: "1" })).status, 200);
  for (const method of ["GET", "HEAD"]) {
    const { headers } = await h.send(method, "/v1/kv/a");
    equal(headers.get("expires"), "Mon, 21 Sep 2026 14:13:23 GMT", "rounded up to a second");
    equal(headers.get("ankylo-expires-at"), "2026-09-21T14:13:22.500001Z");
  }
  const any = { headers: { "if-none-match": "*" } };
  equal((await h.send("GET", "/v1/kv/a", any)).headers.has("expires"), true);
  h.clock.advance(1_500);
  equal((await h.send("GET", "/v1/kv/a")).status, 200);
  h.clock.advance(1);
  await problem(await h.send("GET", "/v1/kv/a"), 404, "key_not_found");
  await put(h, "a", "stays");
  equal((await h.send("GET", "/v1/kv/a")).headers.has("expires"), false);
});

Deno.test("another ttl is another request to an Idempotency-Key", async () => {
  const h = harness();
  const init = { body: "1", headers: { "idempotency-key": "k1" } };
  equal((await h.send("PUT", "/v1/kv/a?ttl=5s", init)).status, 200);
  equal((await h.send("PUT", "/v1/kv/a?ttl=5s", init)).status, 200);
  const other = await h.send("PUT", "/v1/kv/a?ttl=6s", init);
  await problem(other, 422, "idempotency_mismatch");
});
