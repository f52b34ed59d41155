import { deepEqual, equal, match } from "node:assert/strict";
import { cli, withNode } from "./harness.ts";
import { spawnServe, withFolder } from "./serve_process.ts";

Deno.test("check finds a running node sound, and its folder taken", async () => {
  await withNode(async (run, _server, folder) => {
    await run(["put", "a", "1"]);
    const live = await run(["check", "-o", "json"]);
    equal(live.exitCode, 0);
    equal(JSON.parse(live.stdout).isSound, true);
    const taken = await cli(["check", "--data-dir", `${folder}/data`]);
    equal(taken.exitCode, 1);
    match(taken.stderr, /another process/);
    equal((await run(["check", "--data-dir", "x"])).exitCode, 2);
  });
});

Deno.test("check finds damage in a folder and exits 1", async () => {
  await withFolder(async (folder) => {
    const serve = await spawnServe(folder);
    for (let index = 0; index < 20; index++) {
      const init = { method: "PUT", body: "x".repeat(1_000) };
      await (await fetch(`${serve.url}/v1/kv/${index}`, init)).body?.cancel();
    }
    serve.child.kill("SIGTERM");
    await serve.finish();
    const directory = `${folder}/data`;
    equal((await cli(["check", "--data-dir", directory])).exitCode, 0);
    const [segment] = [...Deno.readDirSync(`${directory}/log`)].map(({ name }) => name).sort();
    using file = await Deno.open(`${directory}/log/${segment}`, { read: true, write: true });
    await file.seek(2_000, Deno.SeekMode.Start);
    await file.write(new Uint8Array([1, 2, 3, 4]));
    const damaged = await cli(["check", "--data-dir", directory, "-o", "json"]);
    deepEqual([damaged.exitCode, JSON.parse(damaged.stdout).isSound], [1, false]);
    match(damaged.stderr, /^ankylo: damage_found: /);
  });
});
