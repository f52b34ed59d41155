/**
 * How long versions are kept, over HTTP.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { unpackMessage } from "../../../server/wire/message_pack.ts";
import { type Harness, harness, problem, put } from "../harness.ts";

const path = "/v1/admin/retention";

function setRule(h: Harness, prefix: string, body: unknown): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return h.send("PUT", `${path}?prefix=${prefix}`, { body: JSON.stringify(body), headers });
}

Deno.test("rules are set, shown in order with their horizons, and taken back", async () => {
  const h = harness();
  await put(h, "a", "1");
  h.database.watermark = h.database.lastVersion;
  const oldest = "00065bfeda3522410000";
  const oldestTime = "2026-09-21T14:13:21.000001Z";
  const { versionstamp } = await (await setRule(h, "b%2F", { retention: "90s" })).json();
  equal(typeof versionstamp, "string");
  equal((await setRule(h, "%ff", { versions: 5 })).status, 200);
  const { rules, ...rest } = await (await h.send("GET", path)).json();
  deepEqual(rest, { retention: "10m", oldest, oldestTime });
  deepEqual(rules, [
    { prefix: "b/", retention: "90s", oldest, oldestTime },
    { prefixBase64: "/w==", versions: 5, oldest, oldestTime },
  ]);
  const packed = await h.send("GET", path, { headers: { accept: "application/msgpack" } });
  const shown = unpackMessage(await packed.bytes()) as { rules: { prefix: unknown }[] };
  deepEqual([...shown.rules[1].prefix as Uint8Array], [0xff]);
  const removed = await h.send("DELETE", `${path}?prefix=b%2F`);
  equal((await removed.json()).deleted, true);
  equal((await (await h.send("DELETE", `${path}?prefix=b%2F`)).json()).deleted, false);
  equal((await (await h.send("GET", path)).json()).rules.length, 1);
});

const wrong: [string, unknown, string][] = [
  ["nothing", {}, "retention"],
  ["both", { retention: "1m", versions: 5 }, "versions"],
  ["a retention without a unit", { retention: "5" }, "retention"],
  ["a retention that is a number", { retention: 5 }, "retention"],
  ["a retention that is too long", { retention: "3651d" }, "retention"],
  ["no version", { versions: 0 }, "versions"],
  ["too many versions", { versions: 10_001 }, "versions"],
  ["a part of a version", { versions: 1.5 }, "versions"],
  ["versions as text", { versions: "5" }, "versions"],
  ["an unknown field", { days: 1 }, "days"],
];
for (const [name, body, field] of wrong) {
  Deno.test(`a rule refuses ${name}`, async () => {
    const answer = await problem(await setRule(harness(), "a", body), 400, "invalid_request");
    equal(answer.field, field);
  });
}

Deno.test("a rule has a prefix of 1 to 256 bytes", async () => {
  const h = harness();
  const body = { versions: 1 };
  equal((await setRule(h, "a".repeat(256), body)).status, 200);
  for (const prefix of ["", "a".repeat(257)]) {
    for (
      const response of [
        await setRule(h, prefix, body),
        await h.send("DELETE", `${path}?prefix=${prefix}`),
      ]
    ) equal((await problem(response, 400, "invalid_request")).parameter, "prefix");
  }
  await problem(await h.send("DELETE", path), 400, "invalid_request");
});

Deno.test("there are as many rules as the database takes", async () => {
  const h = harness();
  for (let index = 0; index < 64; index++) await setRule(h, `p${index}`, { versions: 1 });
  const refused = await setRule(h, "more", { versions: 1 });
  equal((await problem(refused, 400, "invalid_request")).limit, 64);
});

Deno.test("a rule of its own keeps versions readable that the others have lost", async () => {
  const h = harness();
  await setRule(h, "long/", { retention: "1d" });
  const first = await put(h, "long/a", "1");
  await put(h, "short", "1");
  await put(h, "long/a", "2");
  h.database.watermark = h.database.lastVersion;
  equal(await (await h.send("GET", `/v1/kv/long/a?at=${first}`)).text(), "1");
  equal((await h.send("GET", `/v1/kv?prefix=long/&at=${first}`)).status, 200);
  await problem(await h.send("GET", `/v1/kv/short?at=${first}`), 410, "version_vacuumed");
  await problem(await h.send("GET", `/v1/kv?at=${first}`), 410, "version_vacuumed");
});
