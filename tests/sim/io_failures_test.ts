import { ok } from "node:assert/strict";
import type { OperationKind } from "./disk_faults.ts";
import { runFaulty } from "./io_failures.ts";
import type { FaultyOutcome } from "./io_failures.ts";

const script = { seed: 11, commandCount: 40 };

/** Lets each operation of the script fail in turn, and counts the endings. */
async function failEach(times: number): Promise<Record<FaultyOutcome["ending"], number>> {
  const endings = { not_opened: 0, fatal: 0, finished: 0 };
  const healthy = await runFaulty({ ...script, rules: [], label: "healthy" });
  ok(healthy.ending === "finished" && healthy.acknowledgedCount > 30, JSON.stringify(healthy));
  for (let skipCount = 0; skipCount < healthy.operationCount; skipCount++) {
    const label = `operation ${skipCount + 1} fails ${times === 1 ? "once" : "for ever"}`;
    const outcome = await runFaulty({ ...script, rules: [{ skipCount, times }], label });
    endings[outcome.ending]++;
  }
  return endings;
}

Deno.test("any operation may fail once, and nothing acknowledged is lost", async () => {
  const endings = await failEach(1);
  ok(endings.not_opened > 3 && endings.fatal > 3 && endings.finished > 3, JSON.stringify(endings));
});

Deno.test("any operation may be the last that works, and nothing acknowledged is lost", async () => {
  const endings = await failEach(Infinity);
  ok(endings.not_opened > 3 && endings.fatal > 3, JSON.stringify(endings));
});

const kinds: readonly OperationKind[] = [
  "write",
  "sync",
  "sync_directory",
  "create",
  "open",
  "read",
  "remove",
  "rename",
  "list",
];
for (const kind of kinds) {
  Deno.test(`every ${kind} from some point on may fail, and nothing acknowledged is lost`, async () => {
    for (let skipCount = 0; skipCount < 60; skipCount += 4) {
      const rules = [{ kinds: [kind], skipCount, times: Infinity }];
      await runFaulty({
        ...script,
        rules,
        label: `${kind} ${skipCount + 1} and all after it fail`,
      });
    }
  });
}

Deno.test("a sync of the log that fails ends the node, and nothing after it is acknowledged", async () => {
  const rules = [{ kinds: ["sync" as const], path: /\.log$/, skipCount: 6, times: 1 }];
  const outcome = await runFaulty({ ...script, rules, label: "the 7th sync of the log fails" });
  ok(outcome.ending === "fatal", outcome.ending);
  ok(outcome.acknowledgedCount > 0 && outcome.acknowledgedCount < 40);
});
