import { deepEqual, equal, match } from "node:assert/strict";
import { cli, withNode } from "./harness.ts";

Deno.test("import and export carry every key, value and media type exactly", async () => {
  await withNode(async (run, server, folder) => {
    const values: readonly (readonly [string, string])[] = [
      ["application/json", '{ "n": 1.0, "big": 12345678901234567890 }'],
      ["application/json", '{\r\n  "lines": [1,\n2]\r\n}\n'],
      ["application/json", "not json"],
      ["text/plain; charset=utf-8", 'ä\u0000\n"\\ \u2028 \ud83d\ude00'],
      ["text/plain; charset=latin1", "plain"],
      ["image/png", "\u0001\u0002"],
      ["application/octet-stream", ""],
    ];
    const put = async (key: string, type: string, body: string) => {
      const headers = { "content-type": type };
      const response = await fetch(`${server.url}/v1/kv/${key}`, { method: "PUT", headers, body });
      equal(response.status, 200);
      await response.body?.cancel();
    };
    for (const [index, [type, body]] of values.entries()) await put(`x/%FF%00${index}`, type, body);
    const file = `${folder}/out.ndjson`;
    equal((await run(["export", "--file", file])).exitCode, 0);
    const before = await run(["export"]);
    equal(await Deno.readTextFile(file), before.stdout);
    await run(["del", "--prefix", "", "--yes"]);
    equal((await run(["list", "--count"])).stdout, "0\n");
    const imported = await run(["import", file, "-o", "json"]);
    deepEqual(JSON.parse(imported.stdout), { imported: values.length, failed: 0, expired: 0 });
    for (const [index, [type, body]] of values.entries()) {
      const response = await fetch(`${server.url}/v1/kv/x/%FF%00${index}`);
      deepEqual([response.headers.get("content-type"), await response.text()], [type, body]);
    }
    const withoutVersion = (text: string) => text.replaceAll(/"versionstamp":"\w+"/g, "");
    equal(withoutVersion((await run(["export"])).stdout), withoutVersion(before.stdout));
  });
});

Deno.test("import names the lines that it could not write, and writes the others", async () => {
  await withNode(async (run) => {
    const stdin = [
      '{"key":"a","value":1}',
      "no json",
      `{"key":"${"k".repeat(2_049)}","value":1}`,
      '{"key":"b","value":2}',
    ].join("\n");
    const outcome = await run(["import", "-"], { stdin });
    equal(outcome.exitCode, 1);
    match(outcome.stderr, /^line 2: /m);
    match(outcome.stderr, /^line 3: key_too_large: /m);
    match(outcome.stderr, /^ankylo: import_failed: [^\n]*2 of the lines$/m);
    equal((await run(["list", "--count"])).stdout, "2\n");
  });
});

Deno.test("import says from where to go on when the server is not there", async () => {
  const args = ["import", "-", "--url", "http://127.0.0.1:1", "--token", "t"];
  const stdin = `no json\n{"key":"a","value":1}`;
  const outcome = await cli([...args, "--skip-lines", "1"], { stdin });
  equal(outcome.exitCode, 1);
  match(outcome.stderr, /^ankylo: unreachable: [^\n]*--skip-lines 1$/m);
});

Deno.test("export and import keep the time that a value has left", async () => {
  await withNode(async (run, _server, folder) => {
    await run(["put", "a", "1", "--ttl", "1h"]);
    const { stdout } = await run(["export"]);
    const { expiresAt } = JSON.parse(stdout);
    const over = stdout.replace(expiresAt, "2020-01-01T00:00:00.000000Z");
    await Deno.writeTextFile(`${folder}/a.ndjson`, over + stdout.replace('"a"', '"b"'));
    await run(["del", "a"]);
    const { stdout: told } = await run(["import", `${folder}/a.ndjson`]);
    equal(told, "imported 1 entries, left out 1 that had expired\n");
    equal((await run(["get", "a"])).exitCode, 1);
    const again = JSON.parse((await run(["get", "b", "-o", "json"])).stdout);
    // Kept to the millisecond, rounded up.
    equal(again.expiresAt >= expiresAt, true);
  });
});
