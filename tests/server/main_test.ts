import { deepEqual, equal, match } from "node:assert/strict";
import { runProgram, spawnFailing, spawnServe, withFolder } from "./cli/serve_process.ts";

Deno.test("main.ts prints version and help without any permission it could miss", async () => {
  await withFolder(async (folder) => {
    const version = await runProgram(["--version"], folder);
    deepEqual([version.code, version.stderr], [0, ""]);
    match(version.stdout, /^\d+\.\d+\.\d+\n$/);
    const help = await runProgram(["serve", "--help"], folder);
    equal(help.code, 0);
    match(help.stdout, /--retention <DURATION>/);
    match(help.stdout, /Examples:/);
  });
});

Deno.test("main.ts exits 2 at a wrong setting, in one line", async () => {
  await withFolder(async (folder) => {
    const refused = await runProgram(["serve", "--retention", "10"], folder);
    deepEqual([refused.code, refused.stdout], [2, ""]);
    match(
      refused.stderr,
      /^ankylo: invalid_config: [^\n]*retention[^\n]*flag --retention[^\n]*\n$/,
    );
  });
});

Deno.test("serve keeps what it acknowledged over kill -9", async () => {
  await withFolder(async (folder) => {
    const first = await spawnServe(folder, ["--memtable-size", "64KiB"]);
    const acknowledged: string[] = [];
    for (let index = 0; index < 300; index++) {
      const body = `${index}`.padEnd(1_000, "x");
      const response = await fetch(`${first.url}/v1/kv/key/${index}`, { method: "PUT", body });
      await response.body?.cancel();
      if (response.status === 200) acknowledged.push(body);
    }
    equal(acknowledged.length, 300);
    first.child.kill("SIGKILL");
    equal((await first.finish()).signal, "SIGKILL");
    const second = await spawnServe(folder);
    for (const [index, body] of acknowledged.entries()) {
      const response = await fetch(`${second.url}/v1/kv/key/${index}`);
      equal(await response.text(), body);
    }
    second.child.kill("SIGTERM");
    equal((await second.finish()).code, 0);
  });
});

Deno.test("SIGTERM ends an open NDJSON stream and exits 0", async () => {
  await withFolder(async (folder) => {
    const serve = await spawnServe(folder, ["--stop-timeout", "60s"]);
    const value = "x".repeat(100_000);
    for (let index = 0; index < 100; index++) {
      const response = await fetch(`${serve.url}/v1/kv/${index}`, { method: "PUT", body: value });
      await response.body?.cancel();
    }
    const stream = await fetch(`${serve.url}/v1/kv`, {
      headers: { accept: "application/x-ndjson" },
    });
    const reader = stream.body?.getReader();
    await reader?.read();
    const closed = drain(reader);
    serve.child.kill("SIGTERM");
    const { code, stderr } = await serve.finish();
    equal(code, 0);
    match(stderr, /"server_stopped"/);
    equal(stderr.includes("requests_cut_off"), false);
    await closed;
  });
});

Deno.test("SIGTERM is not held up by a client that does not read its stream", async () => {
  await withFolder(async (folder) => {
    const serve = await spawnServe(folder, ["--stop-timeout", "1s"]);
    const value = "x".repeat(500_000);
    for (let index = 0; index < 60; index++) {
      const response = await fetch(`${serve.url}/v1/kv/${index}`, { method: "PUT", body: value });
      await response.body?.cancel();
    }
    const { hostname, port } = new URL(serve.url);
    using connection = await Deno.connect({ hostname, port: Number(port) });
    const request = "GET /v1/kv HTTP/1.1\r\nhost: a\r\naccept: application/x-ndjson\r\n\r\n";
    await connection.write(new TextEncoder().encode(request));
    await connection.read(new Uint8Array(100));
    serve.child.kill("SIGTERM");
    const { code, stderr } = await serve.finish();
    equal(code, 0);
    match(stderr, /"server_stopped"/);
  });
});

Deno.test("a failed sync ends the process with 70, and acknowledges nothing", async () => {
  await withFolder(async (folder) => {
    const serve = await spawnFailing(folder, `${folder}/broken`);
    const before = await fetch(`${serve.url}/v1/kv/a`, { method: "PUT", body: "before" });
    equal(before.status, 200);
    await before.body?.cancel();
    await Deno.writeTextFile(`${folder}/broken`, "");
    const status = await fetch(`${serve.url}/v1/kv/b`, { method: "PUT", body: "after" })
      .then(async (response) => (await response.body?.cancel(), response.status), () => 0);
    equal(status === 200, false);
    const { code, stderr } = await serve.finish();
    equal(code, 70);
    match(stderr, /^ankylo: fatal: [^\n]*it broke$/m);
    const again = await spawnServe(folder);
    equal(await (await fetch(`${again.url}/v1/kv/a`)).text(), "before");
    again.child.kill("SIGTERM");
    equal((await again.finish()).code, 0);
  });
});

Deno.test("a second signal ends the process at once", async () => {
  await withFolder(async (folder) => {
    const serve = await spawnServe(folder, ["--stop-timeout", "60s"]);
    const { hostname, port } = new URL(serve.url);
    using connection = await Deno.connect({ hostname, port: Number(port) });
    // A body that never comes to its end keeps the request in flight.
    const head =
      "PUT /v1/kv/a HTTP/1.1\r\nhost: a\r\nankylo-timeout: 60s\r\ncontent-length: 9\r\n\r\n1";
    await connection.write(new TextEncoder().encode(head));
    await (await fetch(`${serve.url}/livez`)).body?.cancel();
    serve.child.kill("SIGTERM");
    let isReady = true;
    while (isReady) {
      isReady = await fetch(`${serve.url}/readyz`)
        .then(async (response) => (await response.body?.cancel(), response.ok), () => false);
    }
    serve.child.kill("SIGINT");
    equal((await serve.finish()).code, 130);
  });
});

Deno.test("a second serve on the same folder or port is refused in one line", async () => {
  await withFolder(async (folder) => {
    const serve = await spawnServe(folder);
    const level = ["--log-level", "error"];
    const same = ["serve", "--data-dir", `${folder}/data`, "--listen", "127.0.0.1:0", ...level];
    const locked = await runProgram(same, folder);
    deepEqual([locked.code, locked.stdout], [1, ""]);
    match(locked.stderr, /^ankylo: cannot_start: [^\n]*\n$/);
    const listen = new URL(serve.url).host;
    const other = ["serve", "--data-dir", `${folder}/other`, "--listen", listen, ...level];
    const taken = await runProgram(other, folder);
    equal(taken.code, 1);
    match(taken.stderr, /^ankylo: cannot_start: [^\n]*the port is in use\n$/);
    serve.child.kill("SIGINT");
    equal((await serve.finish()).code, 0);
  });
});

async function drain(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): Promise<void> {
  try {
    while (reader !== undefined && !(await reader.read()).done);
  } catch {
    // Cut off in the middle is an end as well.
  }
}
