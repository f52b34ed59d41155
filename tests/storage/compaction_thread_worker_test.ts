import { deepEqual, equal } from "node:assert/strict";
import type { CompactionJob } from "../../storage/compaction_executor.ts";
import type { CompactionReply } from "../../storage/compaction_thread_worker.ts";
import { EntryKind } from "../../storage/cursor.ts";
import { DenoDisk } from "../../storage/env/mod.ts";
import { readTable, smallTableOptions, writeTable } from "./lsm/table_fixture.ts";
import { noHorizons } from "../../storage/mvcc/retention.ts";

const entry = new URL("../../storage/compaction_thread_worker.ts", import.meta.url);

function ask(worker: Worker, job: CompactionJob): Promise<CompactionReply> {
  return new Promise((resolve) => {
    worker.onmessage = (event: MessageEvent<CompactionReply>) => resolve(event.data);
    worker.postMessage({ kind: "job", job });
  });
}

Deno.test("The compaction thread answers each job, whatever became of the one before", async () => {
  const directory = await Deno.makeTempDir({ prefix: "ankylo_thread_" });
  const worker = new Worker(entry, { type: "module" });
  try {
    const disk = new DenoDisk();
    const entries = [{ key: "ka", version: 3, kind: EntryKind.value, value: "v" }];
    const meta = await writeTable(disk, entries, { directory, number: 1 });
    const job: CompactionJob = {
      directory,
      inputs: [[meta]],
      outputLevel: 1,
      deeperRanges: [],
      horizons: noHorizons,
      firstTableNumber: 10,
      tableCountMax: 1,
      tableOptions: smallTableOptions,
      tableSizeBytesTarget: 4_096,
      splitKeys: [],
      ioBytesPerSecond: 0,
    };
    deepEqual(await ask(worker, { ...job, inputs: [[{ ...meta, number: 9 }]] }), {
      ok: false,
      code: "corruption",
      message: `Cannot read ${directory}/000009.sst at 0: there is no such file`,
    });
    const wrong = await ask(worker, { ...job, tableCountMax: 0 });
    equal(wrong.ok, false);
    equal(!wrong.ok && wrong.code, undefined);
    const reply = await ask(worker, job);
    equal(reply.ok, true);
    const outputs = reply.ok ? reply.outcome.outputs : [];
    deepEqual(outputs.map(({ number }) => number), [10]);
    deepEqual(readTable(disk, outputs[0], directory), entries);
  } finally {
    worker.terminate();
    await Deno.remove(directory, { recursive: true });
  }
});
