/**
 * What a folder takes after all keys have been overwritten ten times and VACUUM has run, over what
 * the keys and their last values take.
 *
 * @module
 */
import { folderBytes } from "../real/folder.ts";
import { AnkyloNode } from "./ankylo_node.ts";
import { keyText } from "./protocols.ts";
import type { RunSettings, Samples } from "./samples.ts";

const overwriteCount = 10;
const largeValueSizeBytes = 4_096;
const retentionMs = 1_000;

/** Writes, overwrites, vacuums and measures, once. */
export async function runSpacePart(settings: RunSettings, samples: Samples): Promise<void> {
  const entrySizeBytes = keyText(0).length + largeValueSizeBytes;
  const keyCount = Math.ceil(settings.spaceSizeBytes / entrySizeBytes);
  const liveBytes = keyCount * entrySizeBytes;
  const node = await AnkyloNode.start(`${settings.directory}/space`, [
    "--retention",
    `${retentionMs}ms`,
  ]);
  const add = (metric: string, value: number, unit: string) =>
    samples.add({ metric, system: "ankylo", value, unit });
  try {
    let fillMs = 0;
    for (let round = 0; round <= overwriteCount; round++) {
      const roundMs = await node.fill({
        firstKey: 0,
        keyCount,
        valueSizeBytes: largeValueSizeBytes,
      });
      fillMs += roundMs;
      settings.onStep(
        `${round}: wrote ${megabytesText(liveBytes)} in ${(roundMs / 1_000).toFixed(1)} s, ` +
          `the tree takes ${megabytesText(node.treeBytes())}`,
      );
    }
    add("overwrites", liveBytes * (overwriteCount + 1) / fillMs / 1_000, "MB/s");
    add("space before VACUUM", node.treeBytes() / liveBytes, "x live");
    // The last second is kept.
    await new Promise((resolve) => setTimeout(resolve, 2 * retentionMs));
    const startMs = performance.now();
    const { readBytes, writtenBytes } = await node.api.job("/v1/admin/vacuum", { body: {} });
    const seconds = (performance.now() - startMs) / 1_000;
    const treeBytes = node.treeBytes();
    add("space after VACUUM", treeBytes / liveBytes, "x live");
    add(
      "space after VACUUM, log included",
      folderBytes(node.directory) / liveBytes,
      "x live",
    );
    add("VACUUM", seconds, "s");
    const moved = Number(readBytes) + Number(writtenBytes);
    add("VACUUM, read and written", moved / seconds / 1e6, "MB/s");
    settings.onStep(
      `vacuumed in ${seconds.toFixed(1)} s, read and wrote ${megabytesText(moved)}: ` +
        `the tree takes ${megabytesText(treeBytes)} for ${megabytesText(liveBytes)}`,
    );
    const count = await node.count(0, keyCount);
    if (count !== keyCount) throw new Error(`Cannot find all keys: ${count} of ${keyCount}`);
  } finally {
    await node.remove();
  }
}

function megabytesText(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
