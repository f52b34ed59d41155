import { deepEqual, equal, ok } from "node:assert/strict";
import { Follower } from "./follower.ts";
import type { FollowedEvent } from "./follower.ts";
import { ServerProcess } from "./server_process.ts";
import { Writers } from "./writers.ts";

const flags = { memtableSize: "64KiB", memoryBudget: "2MiB", blockSize: "1KiB" };
const killCount = 6;
const writesPerLife = 250;

/** Waits until something is so. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!await isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function putForAWhile(server: ServerProcess, key: string, ttl: string): Promise<void> {
  const url = `${server.url}/v1/kv/${key}?ttl=${ttl}`;
  const response = await fetch(url, { method: "PUT", body: "for a while" });
  equal(response.status, 200, await response.text());
}

/** What was told must be in order, each once, and hold all that was acknowledged. */
function checkEvents(events: readonly FollowedEvent[], writers: Writers): void {
  const told = new Set<string>();
  for (const [index, { key, kind, versionstamp, value }] of events.entries()) {
    ok(kind === "set" || kind === "expire", kind);
    // Every commit of this test is of one key, but for keys that expire together.
    const before = events.at(index - 1)?.versionstamp ?? "";
    ok(index === 0 || versionstamp > before || kind === "expire", `${key} is out of order`);
    const line = `${kind} ${key} ${value ?? versionstamp}`;
    ok(!told.has(line), `${line} was told twice`);
    told.add(line);
  }
  const missing = writers.acknowledged
    .filter(({ key, value }) => !told.has(`set ${key} ${value}`));
  deepEqual(missing, [], "what was acknowledged was told");
}

Deno.test("over kill -9 a watch misses nothing, and what has expired stays away", async () => {
  const dataDirectory = Deno.makeTempDirSync({ prefix: "ankylo-watch-" });
  const writers = new Writers();
  const follower = new Follower();
  for (let round = 0; round < killCount; round++) {
    const server = await ServerProcess.start({ dataDirectory, flags });
    for (let earlier = 0; earlier < round; earlier++) {
      equal(await server.get(`brief/${earlier}`), undefined, "it had expired before the kill");
    }
    await writers.check(server);
    let isOpen = false;
    const following = follower.follow(server, () => {
      isOpen = true;
    });
    await until(() => isOpen);
    await putForAWhile(server, `brief/${round}`, "20ms");
    // Its time may pass while nobody runs.
    await putForAWhile(server, `open/${round}`, "150ms");
    const running = writers.run(server, { round, writerCount: 8, valueSizeBytes: 300 });
    const wanted = writers.acknowledgedCount + writesPerLife;
    await until(() => writers.acknowledgedCount >= wanted);
    const vacuum = await fetch(`${server.url}/v1/admin/vacuum`, { method: "POST" });
    ok(vacuum.ok, await vacuum.text());
    await until(async () => await server.get(`brief/${round}`) === undefined);
    await server.kill();
    await running;
    await following;
  }
  const server = await ServerProcess.start({ dataDirectory, flags });
  const following = follower.follow(server);
  const removedCount = ({ events }: Follower, kind: string) =>
    events.filter((event) => event.kind === "expire" && event.key.startsWith(kind)).length;
  await until(() =>
    removedCount(follower, "brief/") + removedCount(follower, "open/") === 2 * killCount
  );
  await writers.check(server);
  await server.put("last", "1");
  await until(() => follower.events.at(-1)?.key === "last");
  checkEvents(follower.events, writers);
  equal(follower.resumeCount, killCount);
  deepEqual(await server.stop(), { exitCode: 0, signal: null });
  await following;
  Deno.removeSync(dataDirectory, { recursive: true });
});
