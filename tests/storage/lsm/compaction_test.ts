import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import type { CompactionJob } from "../../../storage/compaction_executor.ts";
import { EntryKind } from "../../../storage/cursor.ts";
import type { Disk, MemoryDisk } from "../../../storage/env/mod.ts";
import type { Horizons } from "../../../storage/key_space.ts";
import { compact } from "../../../storage/lsm/compaction.ts";
import type { TableMeta } from "../../../storage/lsm/table_meta.ts";
import type { ModelEntry } from "./table_fixture.ts";
import {
  diskWith,
  entryAt,
  openTable,
  readTable,
  smallTableOptions,
  sorted,
  writeTable,
} from "./table_fixture.ts";
import { noHorizons as keepAll } from "../../../storage/mvcc/retention.ts";

function jobOf(inputs: TableMeta[][], given: Partial<CompactionJob> = {}): CompactionJob {
  return {
    directory: "d",
    inputs,
    outputLevel: 1,
    deeperRanges: [],
    horizons: keepAll,
    firstTableNumber: 100,
    tableCountMax: 50,
    tableOptions: smallTableOptions,
    tableSizeBytesTarget: 1_024,
    splitKeys: [],
    ioBytesPerSecond: 0,
    ...given,
  };
}

/** "ka@5=v" is a value, "ka@5" a tombstone. */
function parse(text: string): ModelEntry[] {
  return text.split(" ").filter((word) => word !== "").map((word) => {
    const [place, value] = word.split("=");
    const [key, version] = place.split("@");
    const kind = value === undefined ? EntryKind.tombstone : EntryKind.value;
    return { key, version: Number(version), kind, value: value ?? "" };
  });
}

function format(entries: readonly ModelEntry[]): string {
  return entries.map(({ key, version, kind, value }) =>
    `${key}@${version}${kind === EntryKind.value ? `=${value}` : ""}`
  ).join(" ");
}

async function writeRuns(disk: Disk, runs: readonly string[]): Promise<TableMeta[][]> {
  const inputs: TableMeta[][] = [];
  for (const [index, run] of runs.entries()) {
    inputs.push([await writeTable(disk, parse(run), { directory: "d", number: index + 1 })]);
  }
  return inputs;
}

function readAll(disk: MemoryDisk, outputs: readonly TableMeta[]): ModelEntry[] {
  return outputs.flatMap((meta) => readTable(disk, meta, "d"));
}

const watermark = (userVersion: number): Horizons => ({ ...keepAll, userVersion });
const cases: {
  name: string;
  runs: string[];
  horizons: Horizons;
  deeper?: [string, string];
  want: string;
  dropped: number;
}[] = [
  {
    name: "keeps everything where no horizon has risen",
    runs: ["ka@9=z kb@7", "c1@1=c ka@5=y ka@3=x r1@1=r"],
    horizons: keepAll,
    want: "c1@1=c ka@9=z ka@5=y ka@3=x kb@7 r1@1=r",
    dropped: 0,
  },
  {
    name: "keeps of a key all above the watermark and the newest at it",
    runs: ["ka@9=z ka@6=y", "ka@5=x ka@4=w", "ka@1=v"],
    horizons: watermark(5),
    want: "ka@9=z ka@6=y ka@5=x",
    dropped: 2,
  },
  {
    name: "keeps a tombstone above the watermark, and the value it hides",
    runs: ["ka@9", "ka@5=x"],
    horizons: watermark(8),
    want: "ka@9 ka@5=x",
    dropped: 0,
  },
  {
    name: "drops a tombstone at the watermark where no deeper table may hold the key",
    runs: ["ka@9", "ka@5=x kb@2=y"],
    horizons: watermark(9),
    deeper: ["kaa", "kz"],
    want: "kb@2=y",
    dropped: 2,
  },
  {
    name: "keeps a tombstone at the watermark where a deeper table may hold the key",
    runs: ["ka@9", "ka@5=x ka@4"],
    horizons: watermark(9),
    deeper: ["ka", "ka"],
    want: "ka@9",
    dropped: 2,
  },
  {
    name: "drops an old tombstone behind a newer value, and what the tombstone hid",
    runs: ["ka@9=z", "ka@5", "ka@3=x"],
    horizons: watermark(6),
    want: "ka@9=z",
    dropped: 2,
  },
  {
    name: "drops change records and requests by their own horizons",
    runs: ["c1@5=a c2@6=b ka@5=c ka@4=d r1@5=e r2@6=f"],
    horizons: { ...keepAll, changeVersion: 5, requestVersion: 6 },
    want: "c2@6=b ka@5=c ka@4=d",
    dropped: 3,
  },
  {
    name: "writes an entry that two files have once, as the newer file has it",
    runs: ["ka@5=new", "ka@5=old ka@4=x"],
    horizons: keepAll,
    want: "ka@5=new ka@4=x",
    dropped: 1,
  },
  {
    name: "writes no file where everything is dropped",
    runs: ["ka@3 kb@2", "ka@1=x"],
    horizons: watermark(9),
    want: "",
    dropped: 3,
  },
];
for (const { name, runs, horizons, deeper, want, dropped } of cases) {
  Deno.test(`compact() ${name}`, async () => {
    const disk = diskWith("d");
    const deeperRanges = deeper === undefined
      ? []
      : [{ smallestKey: deeper[0], largestKey: deeper[1] }];
    const job = jobOf(await writeRuns(disk, runs), { horizons, deeperRanges });
    const outcome = await compact(job, { disk });
    equal(format(readAll(disk, outcome.outputs)), want);
    equal(outcome.droppedCount, dropped);
    if (want === "") equal(outcome.outputs.length, 0);
    equal(disk.openFileCount, 0);
  });
}

Deno.test("compact() counts the bytes of what it drops", async () => {
  const disk = diskWith("d");
  const inputs = await writeRuns(disk, ["ka@9=z", "ka@5=hello ka@4"]);
  const outcome = await compact(jobOf(inputs, { horizons: watermark(9) }), { disk });
  equal(outcome.droppedBytes, "ka".length + "hello".length + "ka".length);
});

const manyVersions = sorted(Array.from({ length: 900 }, (_, index) => ({
  key: `k${String(Math.floor(index / 30)).padStart(2, "0")}`,
  version: 1 + index % 30,
  kind: EntryKind.value,
  value: "v".repeat(index % 50),
})));

for (const userVersion of [0, 15, 30]) {
  Deno.test(`compact() keeps all versions of a key in one file, watermark ${userVersion}`, async () => {
    const disk = diskWith("d");
    const input = await writeTable(disk, manyVersions, { directory: "d", number: 1 });
    const job = jobOf([[input]], { horizons: watermark(userVersion) });
    const { outputs } = await compact(job, { disk });
    ok(outputs.length > 1);
    for (const [index, output] of outputs.entries()) {
      equal(output.number, 100 + index);
      if (index > 0) ok(outputs[index - 1].largestKey < output.smallestKey);
    }
    const kept = manyVersions.filter(({ version }) => version >= userVersion);
    deepEqual(readAll(disk, outputs), kept);
  });
}

Deno.test("compact() ends a file before each split key, in the middle of nothing", async () => {
  const disk = diskWith("d");
  const input = await writeTable(disk, manyVersions, { directory: "d", number: 1 });
  const job = jobOf([[input]], {
    tableSizeBytesTarget: 1_000_000,
    splitKeys: ["k", "k10", "k105", "k107", "k20", "kz"],
  });
  const { outputs } = await compact(job, { disk });
  deepEqual(outputs.map(({ smallestKey }) => smallestKey), ["k00", "k10", "k11", "k20"]);
  deepEqual(readAll(disk, outputs), manyVersions);
});

Deno.test("compact() tells what it moves, in bytes of files, and pauses within a mebibyte", async () => {
  const disk = diskWith("d");
  const large = Array.from({ length: 8 }, (_, index) => ({
    key: `k${index}`,
    version: 1,
    kind: EntryKind.value,
    value: "v".repeat(700_000),
  }));
  const input = await writeTable(disk, large, { directory: "d", number: 1 });
  const moved: number[] = [];
  const job = jobOf([[input]], { tableSizeBytesTarget: 1_000_000_000 });
  const pause = (ioBytes: number) => Promise.resolve(void moved.push(ioBytes));
  const { outputs } = await compact(job, { disk, pause });
  const total = moved.reduce((sum, bytes) => sum + bytes, 0);
  const files = input.sizeBytes + outputs[0].sizeBytes;
  ok(Math.abs(total - files) < files / 100, `${total} of ${files}`);
  ok(moved.length >= 7 && moved.every((bytes) => bytes < 2_500_000), String(moved));
});

Deno.test("compact() puts what is left in the last file it may write", async () => {
  const disk = diskWith("d");
  const input = await writeTable(disk, manyVersions, { directory: "d", number: 1 });
  const { outputs } = await compact(jobOf([[input]], { tableCountMax: 2 }), { disk });
  deepEqual(outputs.map(({ number }) => number), [100, 101]);
  ok(outputs[1].sizeBytes > 5 * outputs[0].sizeBytes);
  deepEqual(readAll(disk, outputs), manyVersions);
});

Deno.test("compact() leaves what anybody may still read as it was", async () => {
  const entry = fc.record({
    key: fc.constantFrom("ka", "kb", "kc", "kcc", "kd"),
    version: fc.integer({ min: 1, max: 40 }),
    kind: fc.constantFrom(EntryKind.tombstone, EntryKind.value),
    value: fc.string({ unit: "grapheme-ascii", maxLength: 30 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(entry, {
        selector: ({ key, version }) => `${key}@${version}`,
        minLength: 4,
        maxLength: 60,
      }),
      fc.integer({ min: 0, max: 45 }),
      fc.integer({ min: 1, max: 5 }),
      async (drawn, userVersion, runCount) => {
        const disk = diskWith("d");
        // As in a tree: of any key a newer run holds newer versions. The oldest run stays deeper.
        const runs = Array.from(
          { length: runCount },
          (_, run) =>
            sorted(
              drawn.filter(({ version }) => Math.floor((40 - version) * runCount / 40) === run),
            ),
        ).filter((run) => run.length > 0);
        const metas: TableMeta[] = [];
        for (const [index, run] of runs.entries()) {
          metas.push(await writeTable(disk, run, { directory: "d", number: index + 1 }));
        }
        const deeper = metas.length > 1 ? metas.slice(-1) : [];
        const merged = metas.slice(0, metas.length - deeper.length);
        const outcome = await compact(
          jobOf(merged.map((meta) => [meta]), {
            horizons: watermark(userVersion),
            deeperRanges: deeper,
            tableSizeBytesTarget: 512,
          }),
          { disk },
        );
        const after = [...outcome.outputs, ...deeper];
        for (const key of ["ka", "kb", "kc", "kcc", "kd"]) {
          for (let version = userVersion; version <= 46; version++) {
            equal(
              readLive(disk, after, { key, version }),
              readLive(disk, metas, { key, version }),
              `${key}@${version}`,
            );
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

/** Returns the value that a reader at a version sees; undefined where it sees none. */
function readLive(
  disk: Disk,
  tables: readonly TableMeta[],
  at: { key: string; version: number },
): string | undefined {
  let newest: ModelEntry | undefined;
  for (const meta of tables) {
    const reader = openTable(disk, meta, { directory: "d" });
    const cursor = reader.cursor();
    cursor.seek(at.key, at.version);
    const found = entryAt(cursor);
    if (found?.key === at.key && found.version > (newest?.version ?? -1)) newest = found;
    reader.close();
  }
  return newest?.kind === EntryKind.value ? newest.value : undefined;
}

Deno.test("compact() that is cancelled rejects with closed and leaves no file open", async () => {
  const disk = diskWith("d");
  const many = Array.from({ length: 20_000 }, (_, index) => ({
    key: `k${String(index).padStart(6, "0")}`,
    version: 1,
    kind: EntryKind.value,
    value: "",
  }));
  const input = await writeTable(disk, many, { directory: "d", number: 1 });
  let pauseCount = 0;
  const job = jobOf([[input]], { tableSizeBytesTarget: 1_000_000_000 });
  const running = compact(job, {
    disk,
    pause: () => {
      pauseCount++;
      return Promise.resolve();
    },
    isCancelled: () => pauseCount === 2,
  });
  await rejects(running, { name: "StorageError", code: "closed" });
  equal(pauseCount, 2);
  equal(disk.openFileCount, 0);
  deepEqual(disk.list("d").map(({ name }) => name), ["000001.sst"]);
});

Deno.test("compact() of a damaged input rejects with corruption and leaves no file open", async () => {
  const disk = diskWith("d");
  const input = await writeTable(disk, manyVersions, { directory: "d", number: 1 });
  const file = disk.open("d/000001.sst", "modify");
  file.writeSync(new Uint8Array([0xff]), Math.floor(input.sizeBytes / 2));
  file.close();
  await rejects(compact(jobOf([[input]]), { disk }), { name: "StorageError", code: "corruption" });
  equal(disk.openFileCount, 0);
});
