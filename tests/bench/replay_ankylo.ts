/**
 * Writes a log that nothing was flushed of, or opens a folder as after a crash:
 * `replay_ankylo.ts <folder> write <count>` and `replay_ankylo.ts <folder> open`.
 *
 * @module
 */
import { hasKey, openNode, putWithWriters } from "./node_in_process.ts";

const mebibyte = 1_048_576;
/** Nothing is flushed below this, neither by the writer nor by the reader. */
const memtableSizeBytesMax = 1_024 * mebibyte;

function print(result: Record<string, number>): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(result)}\n`));
}

/** What of the log's files holds frames: the zeros of a segment made ahead do not count. */
function logSizeBytes(directory: string): number {
  let sizeBytes = 0;
  for (const { name } of Deno.readDirSync(`${directory}/log`)) {
    const bytes = Deno.readFileSync(`${directory}/log/${name}`);
    let end = bytes.length;
    while (end > 0 && bytes[end - 1] === 0) end--;
    sizeBytes += end;
  }
  return sizeBytes;
}

if (import.meta.main) {
  const [directory, mode, count] = Deno.args;
  if (mode === "write") {
    const node = await openNode(directory, { memtableSizeBytesMax });
    const writer = { writerCount: 256, putCountMax: Number(count), durationMs: Infinity };
    print({ putCount: await putWithWriters(node.database, writer) });
  } else {
    const gigabytes = logSizeBytes(directory) / 1e9;
    const startMs = performance.now();
    const node = await openNode(directory, { memtableSizeBytesMax });
    const isThere = await hasKey(node.database, 0);
    const seconds = (performance.now() - startMs) / 1_000;
    if (!isThere) throw new Error("Cannot find the first key after the replay");
    print({ gigabytes, seconds });
  }
  // As after a crash: nothing is closed, so nothing is flushed.
  Deno.exit(0);
}
