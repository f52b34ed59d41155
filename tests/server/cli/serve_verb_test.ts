import { deepEqual, equal, match, ok } from "node:assert/strict";
import { configFields } from "../../../server/config_fields.ts";
import { printConfigHelp, readServeConfig, runServer } from "../../../server/cli/serve_verb.ts";
import { readConfig } from "../../../server/config.ts";
import { cli, fakeIo } from "./harness.ts";
import { spawnServe, withFolder } from "./serve_process.ts";

Deno.test("serve --print-config shows each field's value and source, and no secret", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a.json`;
    await Deno.writeTextFile(path, '{"retention":"1h","compression":"zstd","accessLog":true}');
    const environment = {
      ANKYLO_CONFIG: path,
      ANKYLO_COMPRESSION: "deflate",
      ANKYLO_ACCESS_TOKEN: "geheim",
    };
    const args = ["serve", "--print-config", "--name", "n2", "--metrics-auth"];
    const json = await cli([...args, "-o", "json"], { environment });
    equal(json.exitCode, 0);
    const { settings } = JSON.parse(json.stdout) as { settings: Record<string, unknown>[] };
    equal(settings.length, configFields.length);
    const found = (name: string) => settings.find((setting) => setting.name === name);
    deepEqual(found("retention"), { name: "retention", value: "1h", source: `file ${path}` });
    equal(found("compression")?.source, "environment ANKYLO_COMPRESSION");
    deepEqual(found("name"), { name: "name", value: "n2", source: "flag --name" });
    equal(found("metricsAuth")?.value, "true");
    equal(found("accessLog")?.value, "true");
    equal(found("accessToken")?.value, "***");
    const table = await cli(args, { environment });
    equal(`${table.stdout}${json.stdout}`.includes("geheim"), false);
  });
});

const refused = [
  { args: ["--listen", "0.0.0.0:1"], want: /beyond loopback/, code: "invalid_config" },
  { args: ["--cluster", "a=b:1"], want: /clusters are not/, code: "not_implemented" },
  { args: ["--archive", "file:///a"], want: /log shipping is not/, code: "not_implemented" },
  { args: ["--config", "/nowhere.json"], want: /--config/, code: "invalid_config" },
  { args: ["--wrong"], want: /--wrong/, code: "invalid_usage" },
];
for (const { args, want, code } of refused) {
  Deno.test(`serve ${args.join(" ")} exits 2 in one line`, async () => {
    const { exitCode, stdout, stderr } = await cli(["serve", ...args]);
    deepEqual([exitCode, stdout], [2, ""]);
    match(stderr, new RegExp(`^ankylo: ${code}: [^\\n]+\\n$`));
    match(stderr, want);
  });
}

Deno.test("printConfigHelp() names every field by flag and environment", async () => {
  const { io, outcome } = fakeIo();
  await printConfigHelp(io);
  const { stdout } = outcome(0);
  for (const name of ["--data-dir (dataDir)", "ANKYLO_LOG_LEVEL", "10m", "1B to 16MiB"]) {
    ok(stdout.includes(name), name);
  }
});

Deno.test("readServeConfig() takes no option of the verb itself for a field", () => {
  const config = readServeConfig({ output: "json", printConfig: true, zone: "z" }, fakeIo().io);
  equal(config.text("zone"), "z");
});

Deno.test("runServer() says in one line why it cannot start", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    const config = readConfig({
      flags: { dataDir: `${folder}/file`, listen: "127.0.0.1:0", logLevel: "error" },
    });
    const { io } = fakeIo();
    const failure = await runServer({ config, io }).catch((error: unknown) => error);
    match(String(failure), /^CliError: [^\n]+$/);
  });
});

Deno.test("a node stops with 0 though a client reads nothing of its stream and its page", async () => {
  await withFolder(async (folder) => {
    const { child, url, finish } = await spawnServe(folder, ["--stop-timeout", "200ms"]);
    const operations = Array.from({ length: 150 }, (_, index) => ({
      op: "set",
      key: `k${index}`,
      value: "x".repeat(100_000),
    }));
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ operations });
    const filled = await fetch(`${url}/v1/batch`, { method: "POST", headers, body });
    await filled.body?.cancel();
    const connections: Deno.Conn[] = [];
    for (const accept of ["application/x-ndjson", "application/json"]) {
      const connection = await Deno.connect({ port: Number(new URL(url).port) });
      connections.push(connection);
      const request = `GET /v1/kv?limit=1000 HTTP/1.1\r\nHost: x\r\nAccept: ${accept}\r\n\r\n`;
      await connection.write(new TextEncoder().encode(request));
      equal(await connection.read(new Uint8Array(1)), 1);
    }
    child.kill("SIGTERM");
    const { code, stderr } = await finish();
    for (const connection of connections) connection.close();
    equal(code, 0, stderr);
    match(stderr, /"requests_cut_off".*\n.*"server_stopped"/);
  });
});
