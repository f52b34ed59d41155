/**
 * Frozen memtable → level-0 sstable.
 *
 * It runs on the thread that serves requests, so it works in slices and lets others run in between.
 * The file is durable when it resolves, its name is not, and the manifest knows nothing of it.
 *
 * @module
 */
import type { Clock, Disk } from "../env/mod.ts";
import { invariant } from "../env/mod.ts";
import { StorageError } from "../errors.ts";
import type { TableOptions } from "../options.ts";
import type { Memtable } from "./memtable.ts";
import { SstableWriter } from "./sstable_writer.ts";
import type { TableMeta } from "./table_meta.ts";

/** How long a slice may hold up requests, in milliseconds. */
const sliceMsMax = 2;
/** Entries between two looks at the clock, and bytes of keys and values: whichever comes first. */
const entriesPerLook = 128;
const bytesPerLook = 65_536;

/** What a flush needs. */
export interface FlushRequest {
  /** Where the table goes. */
  readonly disk: Disk;
  /** Measures the slices. */
  readonly clock: Clock;
  /** The table's path. */
  readonly path: string;
  /** The table's number. */
  readonly tableNumber: number;
  /** How the table is built. */
  readonly options: TableOptions;
  /** Asked between slices: whether to give up. */
  isStopping(): boolean;
}

/**
 * Writes all entries of a memtable to a new sstable and syncs it.
 *
 * @param memtable Frozen, with at least one entry.
 * @throws {StorageError} `disk_full`, `io`, `sync_failed`, `closed`; the file is gone then, or of no
 * use.
 */
export async function flushMemtable(memtable: Memtable, request: FlushRequest): Promise<TableMeta> {
  invariant(memtable.entryCount > 0, "A table has at least one entry");
  const { clock } = request;
  const writer = new SstableWriter(request);
  try {
    let sliceStartMs = clock.monotonicMs();
    let count = 0;
    let entriesSinceLook = 0;
    let bytesSinceLook = 0;
    const cursor = memtable.cursor();
    for (cursor.seekToFirst(); cursor.isValid; cursor.next()) {
      writer.add(
        cursor.key,
        cursor.version,
        cursor.kind,
        cursor.source,
        cursor.valueStart,
        cursor.valueEnd,
      );
      count++;
      entriesSinceLook++;
      bytesSinceLook += cursor.key.length + cursor.valueEnd - cursor.valueStart;
      if (entriesSinceLook < entriesPerLook && bytesSinceLook < bytesPerLook) continue;
      entriesSinceLook = 0;
      bytesSinceLook = 0;
      if (clock.monotonicMs() - sliceStartMs < sliceMsMax) continue;
      await clock.yield();
      if (request.isStopping()) {
        throw new StorageError("closed", `Cannot finish ${request.path}: the engine is closing`);
      }
      sliceStartMs = clock.monotonicMs();
    }
    invariant(count === memtable.entryCount, () => `All ${memtable.entryCount} entries: ${count}`);
    return await writer.finish({ pause: () => clock.yield() });
  } catch (error) {
    writer.abandon();
    throw error;
  }
}
