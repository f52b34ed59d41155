import { ok } from "node:assert/strict";
import { judge, makeSpecimen, rotsOf } from "./rot.ts";
import type { RotOutcome } from "./rot.ts";

/** The kinds of files, for the count. */
function kindOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name.replace(/^.*\.(sst|log)$/, "$1").replace(/-\d+$/, "");
}

for (const isClosed of [true, false]) {
  const how = isClosed ? "closed" : "killed";
  Deno.test(`rot in the folder of a node that was ${how} never shows as a wrong value`, async () => {
    const specimen = await makeSpecimen({ seed: 34, commandCount: 90, isClosed });
    const strideBytes = (path: string) => /\.(sst|log)$/.test(path) ? 11 : 1;
    const rots = rotsOf(specimen.image, { strideBytes });
    const counts = new Map<string, Record<RotOutcome, number>>();
    for (const rot of rots) {
      const outcome = await judge(specimen, rot);
      const kind = `${kindOf(rot.path)} ${rot.kind}`;
      const count = counts.get(kind) ?? { detected: 0, harmless: 0, tail_lost: 0, segment_lost: 0 };
      counts.set(kind, count);
      count[outcome]++;
    }
    const found = JSON.stringify([...counts]);
    ok(rots.length > 2_500, found);
    for (const kind of ["sst flip", "sst cut", "sst lost", "NODE flip", "CURRENT flip"]) {
      const count = counts.get(kind);
      ok(count !== undefined && count.detected > 0 && count.harmless === 0, `${kind}: ${found}`);
    }
    // In a closed folder every frame but the last mark is known to have been durable.
    const lostCount = [...counts.values()].reduce((sum, count) => sum + count.tail_lost, 0);
    ok(isClosed ? lostCount === 0 : lostCount > 0, found);
  });
}
