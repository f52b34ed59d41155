import { deepEqual, equal, match, rejects, throws } from "node:assert/strict";
import { silentLogger } from "../../storage/env/mod.ts";
import { createServer, readConfig } from "../../server/mod.ts";
import { smallNode, withNode } from "./cli/harness.ts";
import { withFolder } from "./cli/serve_process.ts";

Deno.test("createServer() serves keys on the port that it tells, until it is stopped", async () => {
  await withNode(async (_run, server) => {
    match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    const put = await fetch(`${server.url}/v1/kv/a`, { method: "PUT", body: "1" });
    equal(put.status, 200);
    await put.body?.cancel();
    const get = await fetch(`${server.url}/v1/kv/a`);
    equal(await get.text(), "1");
    await server.stop();
    await rejects(() => fetch(`${server.url}/v1/kv/a`));
    await server.stop();
  });
});

Deno.test("createServer() asks for tokens that the configuration names", async () => {
  await withNode(async (_run, server) => {
    const refused = await fetch(`${server.url}/v1/kv/a`);
    equal(refused.status, 401);
    await refused.body?.cancel();
    const headers = { authorization: "Bearer s3cret" };
    const answered = await fetch(`${server.url}/v1/kv/a`, { headers });
    equal(answered.status, 404);
    await answered.body?.cancel();
  }, { accessToken: "s3cret" });
});

Deno.test("a server that cannot listen lets its folder go", async () => {
  await withNode(async (_run, running) => {
    await withFolder(async (folder) => {
      const flags = { dataDir: `${folder}/data`, listen: new URL(running.url).host, ...smallNode };
      const parts = { logger: silentLogger };
      const blocked = createServer({ config: readConfig({ flags }), parts });
      await rejects(() => blocked.start(), {
        message: /^Cannot listen on .*: the port is in use$/,
      });
      const config = readConfig({ flags: { ...flags, listen: "127.0.0.1:0" } });
      const second = createServer({ config, parts });
      await second.start();
      await second.stop();
    });
  });
});

Deno.test("a server that is not started has no URL and nothing to stop", async () => {
  const server = createServer({ config: readConfig({}) });
  throws(() => server.url, TypeError);
  deepEqual(await server.stop(), undefined);
});
