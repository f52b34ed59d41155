import { deepEqual, equal, ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { ServerProcess } from "./server_process.ts";
import { Writers } from "./writers.ts";

/** Mounts a small file system of its own; undefined where that is not allowed. */
function mountSmall(sizeMebibytes: number): { path: string; unmount(): void } | undefined {
  const path = Deno.makeTempDirSync({ prefix: "ankylo-full-" });
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMebibytes}m`, "none", path]);
  if (mounted.status !== 0) {
    Deno.removeSync(path);
    return undefined;
  }
  return {
    path,
    unmount() {
      spawnSync("umount", ["-l", path]);
      Deno.removeSync(path);
    },
  };
}

const probe = mountSmall(1);
probe?.unmount();

Deno.test({
  name: "a full disk refuses writes with 507, answers reads, and goes on when freed",
  // Mounting a file system of its own takes root.
  ignore: probe === undefined,
  fn: async () => {
    const small = mountSmall(150);
    if (small === undefined) throw new Error("Cannot mount a small file system a second time");
    let server: ServerProcess | undefined;
    try {
      // More than one segment of the log, which is what a full disk may lack.
      writeFileSync(`${small.path}/ballast`, new Uint8Array(40 * 1_048_576));
      const flags = {
        memtableSize: "4MiB",
        logSegmentSize: "32MiB",
        logSizeMax: "32MiB",
        retention: "0s",
      };
      const dataDirectory = `${small.path}/data`;
      server = await ServerProcess.start({ dataDirectory, flags });
      const writers = new Writers();
      for (let round = 0; !writers.statuses.has(507); round++) {
        ok(round < 400, "the disk is full at some point");
        const running = writers.run(server, { round, writerCount: 8, valueSizeBytes: 100_000 });
        await new Promise((resolve) => setTimeout(resolve, 100));
        writers.end();
        await running;
      }
      deepEqual([...writers.statuses.keys()].sort(), [200, 507]);
      await writers.check(server);
      Deno.removeSync(`${small.path}/ballast`);
      let status = 0;
      for (let attempt = 0; attempt < 100 && status !== 200; attempt++) {
        status = await server.put("freed", "1");
        if (status !== 200) await new Promise((resolve) => setTimeout(resolve, 100));
      }
      equal(status, 200, "writes go on once there is room");
      equal(await server.get("freed"), "1");
      await writers.check(server);
      await server.kill();
      server = await ServerProcess.start({ dataDirectory, flags });
      await writers.check(server);
      deepEqual(await server.stop(), { exitCode: 0, signal: null });
    } finally {
      await server?.kill();
      small.unmount();
    }
  },
});
