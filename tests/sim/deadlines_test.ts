/**
 * What a refusal by deadline means: `deadline_exceeded` that nothing was or will be applied,
 * `outcome_unknown` that it may.
 *
 * @module
 */
import { ok } from "node:assert/strict";
import { SeededRandom } from "../../storage/env/mod.ts";
import type { Random } from "../../storage/env/mod.ts";
import { ShardError } from "../../sharding/errors.ts";
import { crashed } from "./disk_damage.ts";
import { DiskImage } from "./disk_image.ts";
import { bytesOf, textOf } from "./model.ts";
import { Scheduler } from "./scheduler.ts";
import { SimClock } from "./sim_clock.ts";
import { SimDisk } from "./sim_disk.ts";
import { SimNode } from "./single_node.ts";

/** A key of one writer: what it may hold, the last acknowledged value first. */
type Allowed = Map<string, (string | undefined)[]>;

interface Stage {
  readonly node: SimNode;
  readonly random: Random;
  readonly allowed: Allowed;
  readonly counts: Map<string, number>;
  isOver: boolean;
}

/** Writes one key again and again, with deadlines that a slow disk does not keep. */
async function write(stage: Stage, key: string): Promise<void> {
  const { node, random, allowed, counts } = stage;
  for (let count = 1; !stage.isOver; count++) {
    const text = `${key} ${node.clock.monotonicMs()} ${count}`;
    const values = allowed.get(key) ?? [undefined];
    allowed.set(key, values);
    const value = { bytes: bytesOf(text), contentType: "text/plain" };
    const deadlineMs = node.clock.monotonicMs() + random.below(80);
    // In flight it may be there after a crash, whatever is answered later.
    values.push(text);
    let outcome = "committed";
    try {
      await node.database.run({ kind: "put", key, value }, { deadlineMs });
      values.splice(0, values.length, text);
    } catch (error) {
      if (!(error instanceof ShardError)) throw error;
      outcome = error.code;
      if (outcome !== "outcome_unknown") values.pop();
    }
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    await node.clock.sleep(random.below(60));
  }
}

async function check(
  stage: { scheduler: Scheduler; node: SimNode; allowed: Allowed },
  isSettled: boolean,
): Promise<void> {
  const { scheduler, node, allowed } = stage;
  for (const [key, values] of allowed) {
    const { value } = await scheduler.until(node.database.get(key, node.deadline()));
    const found = value && textOf(value.bytes);
    ok(values.includes(found), `${key} is ${found}, allowed are ${values.join(" or ")}`);
    // What is behind the value found may still be on its way, until the node is gone.
    allowed.set(key, isSettled ? [found] : values.slice(values.indexOf(found)));
  }
}

Deno.test("a write refused by its deadline is never applied, unless its outcome is unknown", async () => {
  const scheduler = new Scheduler();
  const random = new SeededRandom(77);
  const allowed: Allowed = new Map();
  const counts = new Map<string, number>();
  let image = new DiskImage();
  for (let life = 0; life < 16; life++) {
    const latencyMs = () => random.below(6) === 0 ? random.below(200) : 1;
    const disk = new SimDisk(image, { clock: new SimClock(scheduler), latencyMs });
    const node = await scheduler.until(SimNode.open({ disk, scheduler, random }));
    await check({ scheduler, node, allowed }, true);
    const stage: Stage = { node, random, allowed, counts, isOver: false };
    const writers = Array.from({ length: 8 }, (_, writer) => write(stage, `key/${writer}`));
    await scheduler.run(2_000);
    stage.isOver = true;
    if (life % 3 === 0) {
      await scheduler.until(Promise.all(writers));
      await check({ scheduler, node, allowed }, false);
    }
    node.kill();
    const damage = { bytes: "mixed", names: "subset" } as const;
    image = life % 2 === 0 ? disk.image.fork() : crashed(disk.image, { damage, random });
  }
  for (const outcome of ["committed", "deadline_exceeded", "outcome_unknown"]) {
    ok((counts.get(outcome) ?? 0) > 50, `${outcome}: ${counts.get(outcome)}`);
  }
});
