/**
 * `/metrics` of a real node: the format, and that `METRICS.md` tells of exactly what is there.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { Server } from "../../../server/mod.ts";
import { withNode } from "../cli/harness.ts";
import { type Family, parseExposition } from "./exposition.ts";

/** Families that are there only while there is something to tell. */
const seldom: readonly string[] = ["gauge ankylo_progress_oldest_held_version"];

async function scrape(server: Server): Promise<ReadonlyMap<string, Family>> {
  const response = await fetch(`${server.url}/metrics`);
  return parseExposition(await response.text());
}

function valueOf(families: ReadonlyMap<string, Family>, name: string): number {
  const [sample] = families.get(name)?.samples ?? [];
  ok(sample !== undefined, `there is no ${name}`);
  return sample.value;
}

Deno.test("metrics of a node count what happens to it, and never fall", async () => {
  await withNode(async (run, server) => {
    await run(["put", "a", "1"]);
    const first = await scrape(server);
    await run(["put", "a", "2"]);
    const second = await scrape(server);
    for (const { name, type, samples } of second.values()) {
      if (type !== "counter") continue;
      ok(name.endsWith("_total"), `a counter's name ends in _total: ${name}`);
      for (const [index, { value }] of (first.get(name)?.samples ?? []).entries()) {
        ok(samples[index].value >= value, `${name} fell`);
      }
    }
    equal(valueOf(second, "ankylo_commands_put_total"), 2);
    const written = "ankylo_disk_written_bytes_total";
    ok(valueOf(second, written) > valueOf(first, written));
    const syncs = second.get("ankylo_disk_sync_duration_seconds")?.samples ?? [];
    ok((syncs.find(({ name }) => name.endsWith("_count"))?.value ?? 0) > 0);
    ok(valueOf(second, "ankylo_disk_free_bytes") > 0);
  });
});

Deno.test("METRICS.md tells of every family of a node, with its type and meaning", async () => {
  const document = await Deno.readTextFile(new URL("../../../server/METRICS.md", import.meta.url));
  const documented = [...document.matchAll(/^\| `(ankylo_\w+)`(?:[^|]*)\| (\w+) +\|/gm)]
    .map(([, name, type]) => `${type} ${name}`);
  await withNode(async (run, server) => {
    await run(["put", "a", "1"]);
    const families = [...(await scrape(server)).values()];
    for (const { name, help } of families) {
      ok(!help.startsWith("Of the "), `metric_catalog.ts does not tell what ${name} means`);
    }
    const found = families.map(({ name, type }) => `${type} ${name}`);
    deepEqual(found.filter((family) => !documented.includes(family)).sort(), []);
    const missing = documented.filter((family) => !found.includes(family));
    deepEqual(missing.filter((family) => !seldom.includes(family)).sort(), []);
  });
});
