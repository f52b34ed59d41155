import { deepEqual, equal, match } from "node:assert/strict";
import { importBatches, LinesDone } from "../../../server/cli/import_batches.ts";
import { ManualClock } from "../manual_clock.ts";

async function batchesOf(text: string, batchSize: number, skipLines = 0) {
  const stream = new Blob([text]).stream();
  return await Array.fromAsync(
    importBatches(stream, { batchSize, skipLines, clock: new ManualClock() }),
  );
}

Deno.test("importBatches() keeps line numbers over empty, wrong and skipped lines", async () => {
  const good = '{"key":"a","value":1}';
  const batches = await batchesOf(`${good}\n\n${good}\nno\n${good}`, 2, 1);
  deepEqual(
    batches.map(({ firstLine, lastLine, lines, refused }) => ({
      firstLine,
      lastLine,
      lines,
      refused: refused.map(({ line }) => line),
    })),
    [
      { firstLine: 2, lastLine: 3, lines: [3], refused: [] },
      { firstLine: 4, lastLine: 5, lines: [5], refused: [4] },
    ],
  );
});

Deno.test("LinesDone counts lines up to the first gap", () => {
  const done = new LinesDone(1);
  const add = (firstLine: number, lastLine: number) =>
    done.add({ firstLine, lastLine, byteCount: 10 });
  add(4, 5);
  equal(done.lineCount, 1);
  add(2, 3);
  equal(done.lineCount, 5);
  equal(done.byteCount, 20);
});

Deno.test("importBatches() counts what has expired, and sends what has time left", async () => {
  const line = (expiresAt: string) => JSON.stringify({ key: "a", value: 1, expiresAt });
  const text = `${line("2020-01-01T00:00:00Z")}\n${line("2100-01-01T00:00:00Z")}\n`;
  const [batch] = await batchesOf(text, 10);
  deepEqual([batch.expiredCount, batch.lines, batch.lastLine], [1, [2], 2]);
  match(batch.operations[0], /"ttl":"\d+s"/);
});
