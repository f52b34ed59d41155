/**
 * Small sstables for tests of what stands above them.
 *
 * @module
 */
import { EntryKind } from "../../../storage/cursor.ts";
import { latin1Bytes } from "../../../storage/env/mod.ts";
import type { Disk } from "../../../storage/env/mod.ts";
import { BlockCache } from "../../../storage/lsm/block_cache.ts";
import { SstableReader } from "../../../storage/lsm/sstable_reader.ts";
import { SstableWriter } from "../../../storage/lsm/sstable_writer.ts";
import { tableFileName } from "../../../storage/lsm/table_meta.ts";
import { treeOptionsDefault } from "../../../storage/options.ts";

/** Writes table 1, 2, … with the keys of each, at the table's number as version, and opens them. */
export async function writeTables(
  disk: Disk,
  keys: readonly (readonly string[])[],
  version: (table: number) => number = (table) => table,
): Promise<SstableReader[]> {
  disk.createDirectory("tables");
  const cache = new BlockCache(0);
  const readers: SstableReader[] = [];
  for (const [slot, tableKeys] of keys.entries()) {
    const tableNumber = slot + 1;
    const path = `tables/${tableFileName(tableNumber)}`;
    const writer = new SstableWriter({
      disk,
      path,
      tableNumber,
      options: { ...treeOptionsDefault.table, blockSizeBytes: 128 },
    });
    for (const key of tableKeys) {
      const value = latin1Bytes(`${key} of ${tableNumber}`);
      writer.add(key, version(tableNumber), EntryKind.value, value, 0, value.length);
    }
    readers.push(SstableReader.open({ disk, path, meta: await writer.finish(), cache }));
  }
  return readers;
}
