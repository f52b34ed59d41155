import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ServerProcess } from "./server_process.ts";
import { Writers } from "./writers.ts";

const exitCodeFatal = 70;
const smallTree = { memtableSize: "64KiB", memoryBudget: "2MiB", blockSize: "1KiB" };

/** Resolves once the writers have been told so many times that a write is durable. */
async function acknowledged(writers: Writers, count: number): Promise<void> {
  const wanted = writers.acknowledgedCount + count;
  while (writers.acknowledgedCount < wanted) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

Deno.test("kill -9 under load loses nothing acknowledged, again and again", async () => {
  const dataDirectory = Deno.makeTempDirSync({ prefix: "ankylo-kill-" });
  const writers = new Writers();
  const killCount = 10;
  for (let round = 0; round < killCount; round++) {
    const server = await ServerProcess.start({ dataDirectory, flags: smallTree });
    await writers.check(server);
    const running = writers.run(server, { round, writerCount: 16, valueSizeBytes: 400 });
    await acknowledged(writers, 200 + round * 60);
    await server.kill();
    await running;
    // A start takes some 200 ms on a machine with nothing else to do: most of these meet it half-way.
    await ServerProcess.startAndKill({ dataDirectory, flags: smallTree }, 100 + round * 25);
  }
  const server = await ServerProcess.start({ dataDirectory, flags: smallTree });
  await writers.check(server);
  deepEqual(await server.stop(), { exitCode: 0, signal: null });
  ok(writers.acknowledgedCount > 2_000, `${writers.acknowledgedCount} writes`);
  Deno.removeSync(dataDirectory, { recursive: true });
});

Deno.test("a sync that fails ends the process, and the next start has all acknowledged", async () => {
  const dataDirectory = Deno.makeTempDirSync({ prefix: "ankylo-sync-" });
  const writers = new Writers();
  const failing = await ServerProcess.start({ dataDirectory, failingSync: 60 });
  const running = writers.run(failing, { round: 0, writerCount: 8 });
  deepEqual(await failing.ended, { exitCode: exitCodeFatal, signal: null });
  await running;
  match(failing.errorText, /^ankylo: fatal: .*Cannot sync .*\.log: EIO/m);
  ok(writers.acknowledgedCount > 50, `${writers.acknowledgedCount} writes`);
  const server = await ServerProcess.start({ dataDirectory });
  await writers.check(server);
  equal(await server.put("after", "1"), 200);
  deepEqual(await server.stop(), { exitCode: 0, signal: null });
  Deno.removeSync(dataDirectory, { recursive: true });
});
